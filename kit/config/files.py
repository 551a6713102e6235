"""Read configurations: YAML files with `extends`, changes with `--set a.b=c`, and errors that name the line.

Three steps: merge the files along `extends`, apply the changes, validate the result once.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from kit.config import notation, renamed
from kit.config.errors import Layer, explained, nearest, origin
from kit.config.root import FITTED_METHODS, Config, merged
from kit.errors import UserError
from kit.files import expanded

# PyYAML does not catch Python's errors about a 13th month, too many digits and too many brackets.
_NOT_YAML = (yaml.YAMLError, ValueError, RecursionError)


def load(name: str = "default", changes: Iterable[str] = ()) -> Config:
    """Read configuration `name`, apply `changes` ("a.b=c"), and validate.

    Raises:
        UserError: no such file, invalid YAML, an unknown key (with the most similar known one), a value of
            the wrong type or out of range; the message names the file and line, or the change.
    """
    changes = list(changes)
    raw, layers = resolve(name, changes)
    return validate(raw, layers, changes)


def resolve(name: str, changes: Iterable[str] = ()) -> tuple[dict[str, Any], list[Layer]]:
    """Return configuration `name` with `changes` applied, before validation, and its files.

    Raises:
        UserError: no such file, invalid YAML, or a change of a key that does not exist.
    """
    layers = _layers(find(name), ())
    raw: dict[str, Any] = {}
    for layer in reversed(layers):
        raw = merged(raw, layer.raw)
    raw = deepcopy(raw)
    for change in changes:
        apply_change(raw, change)
    return raw, layers


def validate(raw: Mapping[str, Any], layers: Sequence[Layer] = (), changes: Sequence[str] = ()) -> Config:
    """Return `raw` as a validated configuration; errors are located in `layers` and `changes`.

    Raises:
        UserError: an unknown key, a value of the wrong type or out of range.
    """
    current = deepcopy(dict(raw))
    renamed.rename(current)
    try:
        config = Config.model_validate(current)
    except ValidationError as error:
        raise explained(error, current, layers, changes) from error
    method = config.ensemble.method
    # The stored configuration of an ensemble has the models of one of its runs.
    if layers and method in FITTED_METHODS and len(config.models) * len(config.seeds) == 1:
        raise UserError(
            f"ensemble.method: {method} needs two columns or more, and one model with one seed is one",
            where=origin(["ensemble", "method"], layers, changes),
            hint="set seeds: 2, add a model, or choose mean",
        )
    return config


def shipped() -> Path:
    """Return the folder of the configurations shipped with kit."""
    installed = Path(str(files("kit"))) / "configs"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "configs"


def known_names() -> list[str]:
    """Return the names of the configurations in ./configs and of the shipped ones."""
    return sorted(
        {
            path.stem
            for folder in (Path("configs"), shipped())
            for path in folder.glob("*.yaml")
            if path.is_file()
        }
    )


def find(name: str) -> Path:
    """Return the file of configuration `name`: a path, else in ./configs, else shipped.

    Raises:
        UserError: not found; the message names the most similar one.
    """
    return _find(name, (Path("configs"), shipped()), None)


def _find(name: str, folders: Sequence[Path], extended_by: Path | None) -> Path:
    where = f"{extended_by}: extends" if extended_by else None
    if name.endswith((".yaml", ".yml")):
        path = extended_by.parent / expanded(name) if extended_by else Path(expanded(name))
        if _is_file(path):
            return path
        near = nearest(path.stem, known_names(), 0.7)
        raise UserError(f"there is no configuration file {path}{near}", where=where)
    for folder in folders:
        path = folder / f"{name}.yaml"
        # configs/default.yaml may extend the shipped default.
        if _is_file(path) and not (extended_by and path.samefile(extended_by)):
            return path
    known = sorted({path.stem for folder in folders for path in folder.glob("*.yaml") if path != extended_by})
    what = f"there is no configuration {name!r}{nearest(Path(name).name, known)}"
    raise UserError(what, where=where, expected=f"one of {', '.join(known)}, or a file.yaml")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # The name is too long, or has a NUL.
        return False


def _layers(path: Path, seen: tuple[Path, ...]) -> list[Layer]:
    """Return the file, then those that it extends."""
    if path.resolve() in seen:
        raise UserError("extends leads back to itself", where=str(path))
    layer = _read(path)
    base = layer.raw.pop("extends", None)
    if base is None:
        return [layer]
    if not isinstance(base, str) or not base:
        raise UserError(
            "extends: not a configuration",
            where=str(path),
            expected="a name or a file.yaml",
            received=repr(base),
        )
    parent = _find(base, (path.parent, Path("configs"), shipped()), path)
    return [layer, *_layers(parent, (*seen, path.resolve()))]


def _read(path: Path) -> Layer:
    try:
        raw, node = notation.read(path.read_text(encoding="utf-8"))
        raw = {} if node is None else raw
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}", where=str(path)) from error
    except UnicodeDecodeError as error:
        raise UserError("not a text file in UTF-8", where=str(path)) from error
    except _NOT_YAML as error:
        mark = getattr(error, "problem_mark", None)
        at = f"{path}, line {mark.line + 1}, column {mark.column + 1}" if mark else str(path)
        raise UserError(f"not YAML: {_problem(error)}", where=at) from error
    if not isinstance(raw, dict):
        raise UserError(
            "not a configuration", where=str(path), expected="keys and values", received=type(raw).__name__
        )
    renamed.rename(raw, node, str(path))
    return Layer(path, raw, node)


def _problem(error: Exception) -> str:
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", None) or error)
    return problem.replace("character '\\t' that cannot start any token", "a tab; indent with spaces")


def apply_change(raw: dict[str, Any], change: str) -> None:
    """Apply a change ("a.b=c") to `raw` in place.

    Raises:
        UserError: the change is not KEY=VALUE, or does not fit.
    """
    key, separator, text = change.partition("=")
    new = renamed.current_key(key.strip())
    *parents, last = new.split(".")
    if not separator or not all([*parents, last]):
        raise UserError(
            f"not a change{_with_equals_sign(change)}",
            where=f"--set {change}",
            expected="KEY=VALUE, as in models.cnn.dropout=0.3",
        )
    try:
        value = notation.read(text)[0]
    except _NOT_YAML as error:
        raise UserError(f"the value is not YAML: {_problem(error)}", where=f"--set {change}") from error
    if parents[:1] == ["models"] and (parents[1:] or value is None):
        _check_model([*parents, last][1], raw.get("models"), change)
    if new != key.strip():
        renamed.warn(key.strip(), new, f"--set {change}")
    place: Any = raw
    for part in parents:
        place = _below(place, part, change)
    place[_position(place, last, change)] = value


def _with_equals_sign(change: str) -> str:
    """Return "; did you mean …" for KEY:VALUE and KEY VALUE."""
    found = re.fullmatch(r"\s*([\w.-]*\w)\s*(?::=?\s*|\s+)(\S.*)", change)
    return f"; did you mean {found[1]}={found[2]}?" if found else ""


def _check_model(name: str, models: Any, change: str) -> None:
    known = sorted(map(str, models)) if isinstance(models, dict) else []
    if name not in known:
        what = f"there is no model {name!r}{nearest(name, known)}"
        raise UserError(
            what, where=f"--set {change}", expected=f"one of {', '.join(known)}" if known else None
        )


def _below(place: Any, part: str, change: str) -> Any:
    position = _position(place, part, change)
    if isinstance(place, dict) and place.get(part) is None:
        place[part] = {}
    if not isinstance(place[position], dict | list):
        raise UserError(
            f"{part} has no keys below it", where=f"--set {change}", received=repr(place[position])
        )
    return place[position]


def _position(place: Any, part: str, change: str) -> str | int:
    if isinstance(place, dict):
        return part
    if part.isdecimal() and int(part) < len(place):
        return int(part)
    expected = f"a number from 0 to {len(place) - 1}"
    raise UserError("no such element", where=f"--set {change}", expected=expected, received=part)
