"""The ids of a submission: each of the test rows' ids once, and no other."""

import re
from collections.abc import Mapping, Sequence

from kit.errors import UserError

Row = tuple[int, list[str]]
"""Line in the file, cells."""
_INTEGER = re.compile(r"0|[1-9][0-9]{0,17}")


def cell(path: str, line: int, column: str) -> str:
    """Return the name of a cell in errors."""
    return f"{path}, line {line}, column {column}"


def lines_by_id(path: str, rows: Sequence[Row], column: str, *, integers: bool = False) -> dict[str, int]:
    """Return the line of each id, in the order of the file.

    Args:
        path: of the file, for errors.
        rows: its rows; the id is the first cell.
        column: name of the id column.
        integers: whether ids must be integers.

    Raises:
        UserError: an id is blank, not an integer, or in the file twice.
    """
    lines: dict[str, int] = {}
    for line, (identity, *_) in rows:
        if not identity.strip():
            raise UserError("blank cell", where=cell(path, line, column), expected="an id")
        if integers and not _INTEGER.fullmatch(identity):
            where, received = cell(path, line, column), repr(identity[:40])
            raise UserError("not an integer", where=where, expected="digits alone", received=received)
        if identity in lines:
            what = f"id {identity} is already in line {lines[identity]}"
            raise UserError(what, where=cell(path, line, column), expected="every id once")
        lines[identity] = line
    return lines


def check_order(path: str, lines: Mapping[str, int], wanted: Sequence[str], column: str) -> None:
    """Check that the ids are the wanted ones, in their order.

    Args:
        path: of the file, for errors.
        lines: the line of each id, in the order of the file.
        wanted: the ids of the test rows.
        column: name of the id column.

    Raises:
        UserError: the first id that differs; too many or too few rows.
    """
    known = set(wanted)
    for (identity, line), expected in zip(lines.items(), wanted, strict=False):
        if identity != expected:
            what = "ids out of order" if identity in known else "unknown id"
            if expected not in lines:
                what = f"id {expected} is missing"
            raise UserError(what, where=cell(path, line, column), expected=expected, received=identity)
    if len(lines) > len(wanted):
        line = list(lines.values())[len(wanted)]
        raise UserError("too many rows", where=f"{path}, line {line}", **_sizes(lines, wanted))
    if len(lines) < len(wanted):
        what = f"id {wanted[len(lines)]} and what follows are missing"
        line = list(lines.values())[-1]
        raise UserError(what, where=f"{path}, line {line}", **_sizes(lines, wanted))


def check_any_order(
    path: str, lines: Mapping[str, int], wanted: Sequence[str], column: str, source: str
) -> None:
    """Check that the ids are the wanted ones, in any order.

    Args:
        path: of the file, for errors.
        lines: the line of each id.
        wanted: the ids of the test rows.
        column: name of the id column.
        source: where the wanted ids come from; empty if they are counted.

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
            sizes = {"expected": _summary(wanted), "received": unknown}
        raise UserError(what, where=cell(path, lines[unknown], column), hint=hint, **sizes)
    if missing is not None:
        more = len(wanted) - len(lines) - 1
        what = f"id {wanted[missing]} is missing" + (f", and {more} more" if more else "")
        before = lines[wanted[missing - 1]] if missing else 1
        raise UserError(what, where=f"{path}, line {before}", hint=hint, **sizes)


def _summary(ids: Sequence[str]) -> str:
    if all(map(_INTEGER.fullmatch, ids)):
        return f"ids from {min(ids, key=int)} to {max(ids, key=int)}"
    return f"{len(ids)} ids: {', '.join(ids[:3])}" + (", …" if len(ids) > 3 else "")


def _sizes(lines: Mapping[str, int], wanted: Sequence[str]) -> dict[str, str]:
    return {"expected": f"{len(wanted)} rows", "received": f"{len(lines)} rows"}
