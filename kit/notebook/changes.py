"""Changes of a configuration as Python values: {"training.epochs": 2} is --set training.epochs=2."""

from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any

import yaml

from kit.config import notation
from kit.errors import UserError


def changes_of(values: Mapping[str, Any] | None) -> list[str]:
    """Return changes ("a.b=c") whose YAML gives these values again.

    Args:
        values: by key of the configuration; None: no changes. Scalars and arrays of NumPy count as Python's
            numbers and lists.

    Raises:
        UserError: not a mapping, or a value that a configuration cannot hold.
    """
    if values is None:
        return []
    if not isinstance(values, Mapping):
        raise UserError(
            "not a mapping", where="set", expected='as in {"training.epochs": 2}', received=repr(values)[:80]
        )
    for key in values:
        if not isinstance(key, str) or not key.strip() or "=" in key:
            raise UserError(
                "not a key", where="set", expected='as in {"training.epochs": 2}', received=f"{key!r:.80}"
            )
    return [f"{key}={_text(key, value)}" for key, value in values.items()]


def _text(key: str, value: Any) -> str:
    try:
        return notation.flow(_plain(value))
    except yaml.YAMLError:
        raise UserError(
            "a configuration cannot hold this value",
            where=f"set, {key}",
            expected="None, a bool, a number, text, a list or a mapping",
            received=type(value).__name__,
        ) from None


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple | range | Set):
        return [_plain(part) for part in value]
    if isinstance(value, Path):
        return str(value)
    return value.tolist() if hasattr(value, "tolist") else value
