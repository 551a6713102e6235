"""The ids of a submission: each there once, and no other."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from kit.errors import UserError

Row = tuple[int, list[str]]
"""Line in the file, cells."""


def place(path: Path, line: int, column: str) -> str:
    """Return how errors name a cell."""
    return f"{path}, line {line}, column {column}"


def lines_of(path: Path, rows: Sequence[Row], found: Sequence[int], column: str) -> dict[int, int]:
    """Return the line of each id, in the file's order.

    Args:
        path: the file, for errors.
        rows: its rows.
        found: the id of each row.
        column: the name of the id column.

    Raises:
        UserError: an id is there twice.
    """
    lines: dict[int, int] = {}
    for (line, _), identity in zip(rows, found, strict=True):
        if identity in lines:
            what = f"id {identity} is already in line {lines[identity]}"
            raise UserError(what, where=place(path, line, column), expected="every id once")
        lines[identity] = line
    return lines


def check_order(path: Path, lines: Mapping[int, int], wanted: Sequence[int], column: str) -> None:
    """Check that the ids are the wanted ones, in their order.

    Args:
        path: the file, for errors.
        lines: the line of each id, in the file's order.
        wanted: the ids that must be there.
        column: the name of the id column.

    Raises:
        UserError: the first id that is not the one wanted there; too many or too few rows.
    """
    known = set(wanted)
    for (identity, line), expected in zip(lines.items(), wanted, strict=False):
        if identity != expected:
            what = "ids out of order" if identity in known else "unknown id"
            if expected not in lines:
                what = f"id {expected} is missing"
            raise UserError(
                what, where=place(path, line, column), expected=str(expected), received=str(identity)
            )
    if len(lines) > len(wanted):
        line = list(lines.values())[len(wanted)]
        raise UserError("too many rows", where=f"{path}, line {line}", **_sizes(lines, wanted))
    if len(lines) < len(wanted):
        what = f"id {wanted[len(lines)]} and what follows are missing"
        line = list(lines.values())[-1]
        raise UserError(what, where=f"{path}, line {line}", **_sizes(lines, wanted))


def check_members(
    path: Path, lines: Mapping[int, int], wanted: Sequence[int], column: str, source: str
) -> None:
    """Check that the ids are the wanted ones, in any order.

    Args:
        path: the file, for errors.
        lines: the line of each id.
        wanted: the ids that must be there.
        column: the name of the id column.
        source: where the wanted ids come from; empty where they are counted.

    Raises:
        UserError: an id that is not wanted, or the first one that is missing.
    """
    hint = f"the ids are those of {source}" if source else None
    known, sizes = set(wanted), _sizes(lines, wanted)
    missing = next((number for number, identity in enumerate(wanted) if identity not in lines), None)
    unknown = next((identity for identity in lines if identity not in known), None)
    if unknown is not None:
        what = f"unknown id {unknown}"
        if missing is not None:
            what += f", and id {wanted[missing]} is missing"
        if len(lines) == len(wanted):
            sizes = {"expected": f"ids from {min(wanted)} to {max(wanted)}", "received": str(unknown)}
        raise UserError(what, where=place(path, lines[unknown], column), hint=hint, **sizes)
    if missing is not None:
        more = len(wanted) - len(lines) - 1
        what = f"id {wanted[missing]} is missing" + (f", and {more} more" if more else "")
        before = lines[wanted[missing - 1]] if missing else 1
        raise UserError(what, where=f"{path}, line {before}", hint=hint, **sizes)


def _sizes(lines: Mapping[int, int], wanted: Sequence[int]) -> dict[str, str]:
    return {"expected": f"{len(wanted)} rows", "received": f"{len(lines)} rows"}
