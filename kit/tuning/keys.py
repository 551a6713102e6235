"""The keys of a configuration that can be tuned: their values, what `*` stands for, and trying a change."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kit.config import Config, Dimension, load
from kit.config.errors import Layer, origin
from kit.errors import UserError

# The others decide what is measured, not how good it is.
TUNABLE = ("models", "training", "augmentation")


@dataclass(frozen=True)
class Base:
    """The configuration that is tuned.

    Attributes:
        name, changes: as `kit.config.load` takes it.
        layers: its files.
        config: the same, resolved.
        values: what can be tuned of it, as `values_by_key` gives it.
    """

    name: str
    changes: tuple[str, ...]
    layers: list[Layer]
    config: Config
    values: dict[str, Any]

    def refusal(self, pattern: str, what: str, **more: str | None) -> UserError:
        """Return the error that names where `pattern` stands; `more` as `KitError` takes it."""
        place = origin(["tune", "space", pattern], self.layers, self.changes)
        named = f"{place}: tune.space" + (f", {pattern}" if "*" in pattern else "")
        return UserError(what, where=named, **more)

    def load(self, pattern: str, *texts: str) -> Config:
        """Return the configuration with these changes, the last of which is on trial.

        Raises:
            UserError: it cannot be; the message names the key `pattern` of the space.
        """
        try:
            return load(self.name, [*self.changes, *texts])
        except UserError as error:
            known = texts[-1].partition("=")[0] in error.what
            what = error.what if known else f"{texts[-1]}: {error.what}"
            more = {"expected": error.expected, "received": error.received, "hint": error.hint}
            raise self.refusal(pattern, what, **more) from error


def written_out(base: Base) -> dict[str, tuple[str, Dimension]]:
    """Return (key of the space, its dimension) by concrete key.

    Raises:
        UserError: a key that is unknown, cannot be tuned, stands twice or is part of another.
    """
    found: dict[str, tuple[str, Dimension]] = {}
    for pattern, dimension in base.config.tune.space.items():
        for key in _matches(base, pattern):
            stars, other = pattern.count("*"), found[key][0] if key in found else None
            if other and other.count("*") == stars:
                raise base.refusal(pattern, f"{key} stands twice, by {other} too")
            if not other or other.count("*") > stars:
                found[key] = pattern, dimension
    for key, (pattern, _) in found.items():
        parts = key.split(".")
        for part in (".".join(parts[:length]) for length in range(1, len(parts))):
            if part in found:
                raise base.refusal(pattern, f"{key} is part of {part}, which is in the space too")
    return found


def _matches(base: Base, pattern: str) -> list[str]:
    section = pattern.partition(".")[0]
    if (section in Config.model_fields and section not in TUNABLE) or pattern.endswith("augmentation.tta"):
        raise base.refusal(
            pattern,
            f"{pattern} cannot be tuned: it decides what is measured, not how good it is",
            expected=f"a key of {', '.join(TUNABLE)}",
        )
    if "*" not in pattern:
        return [pattern]
    if not re.fullmatch(r"models\.(\*|[^.*]+)(\.stages\.\*)?(\.[^.*]+)*", pattern):
        raise base.refusal(
            pattern,
            "* stands for every model, or for every stage of one",
            expected="as in models.*.dropout, models.*.stages.*.dropout",
        )
    form = re.compile(re.escape(pattern).replace(r"\*", r"[^.]+"))
    found = [key for key in base.values if form.fullmatch(key)]
    if not found:
        models = base.config.models
        model = next((name for name in models if models[name].needs_backend), next(iter(models)))
        example = pattern.replace("models.*", f"models.{model}").replace("*", "0")
        base.load(pattern, f"{example}=0")
        raise base.refusal(pattern, f"unknown key {example}")
    return found


def explicit(config: Config) -> Config:
    """Return the configuration with what a stage or the head takes from its model written out."""
    return config.model_copy(
        update={"models": {name: model.explicit() for name, model in config.models.items()}}
    )


def values_by_key(config: Config) -> dict[str, Any]:
    """Return what can be tuned by key, sections and elements of lists too; nothing is left to a model."""
    return dict(_flat(explicit(config).model_dump(mode="json", include=set(TUNABLE)), ""))


def _flat(value: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, below in pairs:
        yield f"{prefix}{name}", below
        yield from _flat(below, f"{prefix}{name}.")


def as_text(value: Any) -> str:
    """Return a value as it may stand behind `KEY=`, to be read as what it was."""
    # JSON is YAML. A date is the one thing that YAML reads and JSON cannot write; no key holds one.
    return json.dumps(value, ensure_ascii=False, default=str)
