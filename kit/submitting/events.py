"""One line of the ledger: a JSON object with a check value, so that a damaged line is noticed."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from kit.files import parsed_json

CHECK = "check"
_CHECK_DIGITS = 16
_MARKERS = ("<<<<<<< ", "||||||| ", "=======", ">>>>>>> ")
"""Beginnings of the lines that a merge with conflicts leaves."""


def to_line(event: Mapping[str, object]) -> bytes:
    """Return an event with its check value as a line of JSON."""
    return json.dumps({**event, CHECK: _check(event)}, allow_nan=False).encode() + b"\n"


def from_line(line: str) -> dict[str, Any]:
    """Return the event of a line; earlier versions wrote no check value, and a merge may reorder the keys.

    Raises:
        ValueError: the line is damaged: not a JSON object, or it differs from its check value.
    """
    event = parsed_json(line)
    if not isinstance(event, dict):
        raise ValueError("not an object")
    check = event.pop(CHECK, None)
    if check is not None and check != _check(event):
        raise ValueError("differs from its check value")
    return event


def is_event(line: str) -> bool:
    """Return whether a line should hold an event: it is not empty, and no mark of a merge conflict."""
    return bool(line.strip()) and not line.startswith(_MARKERS)


def _check(event: Mapping[str, object]) -> str:
    """Return the first digits of the SHA-256 of an event without its check value."""
    return hashlib.sha256(json.dumps(event, sort_keys=True).encode()).hexdigest()[:_CHECK_DIGITS]
