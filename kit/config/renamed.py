"""Renamed configuration keys: old names still work, with a warning."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import click
import yaml

from kit.errors import UserError

RENAMED = {
    "blend": "ensemble",
    "training.turn": "training.relative_step",
    "models.*.training.turn": "models.*.training.relative_step",
}
"""New key by old key; `*` matches any name."""


def current_key(key: str) -> str:
    """Return the current name of a dotted key, which may be below a renamed key."""
    parts = key.split(".")
    for old, new in RENAMED.items():
        pattern = old.split(".")
        if len(parts) >= len(pattern) and _fits(parts, pattern):
            # Only the last part of a key has ever changed.
            parts[len(pattern) - 1] = new.split(".")[-1]
    return ".".join(parts)


def rename(raw: dict[str, Any], node: yaml.Node | None = None, where: str | None = None) -> None:
    """Rename the old keys of a configuration, in place.

    Args:
        raw: keys and values, before validation.
        node: the same with line numbers; its keys are renamed too.
        where: the file, for warnings; None: no warnings.

    Raises:
        UserError: a key is given under both of its names.
    """
    for old in RENAMED:
        *parents, last = old.split(".")
        new = RENAMED[old].split(".")[-1]
        for names, section in _sections(raw, parents):
            if last in section:
                if new in section:
                    both = " and ".join(".".join([*names, one]) for one in (last, new))
                    raise UserError(f"{both} are the same key", where=where, hint=f"remove {last}")
                # In place, so that models and keys keep their order.
                items = [(new if key == last else key, value) for key, value in section.items()]
                section.clear()
                section.update(items)
                _rename_node(node, names, last, new)
                warn(".".join([*names, last]), ".".join([*names, new]), where)
    _rename_space(raw, where)


def warn(old: str, new: str, where: str | None) -> None:
    """Warn once per key and file that a key was renamed; without a file, do nothing."""
    if where is not None:
        _warn_once(f"warning: {where}: {old} was renamed to {new}; the old name still works")


@cache
def _warn_once(text: str) -> None:
    click.echo(text, err=True)


def _fits(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    return all(one in ("*", part) for part, one in zip(parts, pattern, strict=False))


def _sections(raw: Any, parents: Sequence[str]) -> Iterator[tuple[list[str], dict[str, Any]]]:
    """Yield path and content of each section that matches `parents`."""
    if not isinstance(raw, dict):
        return
    if not parents:
        yield [], raw
        return
    names = list(raw) if parents[0] == "*" else [name for name in parents[:1] if name in raw]
    for name in names:
        for below, section in _sections(raw[name], parents[1:]):
            yield [str(name), *below], section


def _rename_node(node: yaml.Node | None, names: Sequence[str], old: str, new: str) -> None:
    for name in names:
        below = [value for key, value in _pairs(node) if key.value == name]
        node = below[0] if below else None
    for key, _ in _pairs(node):
        if key.value == old:
            key.value = new


def _pairs(node: yaml.Node | None) -> list[tuple[yaml.Node, yaml.Node]]:
    return node.value if isinstance(node, yaml.MappingNode) else []


def _rename_space(raw: dict[str, Any], where: str | None) -> None:
    """Rename keys in the search space and in its conditions."""
    tune = raw.get("tune")
    space = tune.get("space") if isinstance(tune, dict) else None
    if not isinstance(space, dict):
        return
    for holder in [space, *(one["when"] for one in space.values() if _has_conditions(one))]:
        names = {key: current_key(str(key)) for key in holder}
        for key, new in names.items():
            if new != key:
                if new in holder:
                    what = f"tune.space: {key} and {new} are the same key"
                    raise UserError(what, where=where, hint=f"remove {key}")
                warn(f"tune.space: {key}", new, where)
        items = [(names[key], value) for key, value in holder.items()]
        holder.clear()
        holder.update(items)


def _has_conditions(dimension: Any) -> bool:
    return isinstance(dimension, dict) and isinstance(dimension.get("when"), dict)
