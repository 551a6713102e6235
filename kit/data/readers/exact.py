"""The slow read of a CSV body: it takes harmless oddities, and names the first fault by line and column."""

import io
import math
import re

import numpy as np
from numpy.typing import NDArray

from kit.config import Competition
from kit.errors import UserError

_VALUES = {text: value for value in range(256) for text in (str(value), f'"{value}"')}


def cells(line: str) -> list[str]:
    """Split a line at its commas; blanks around a cell and the quotes of a quoted one go."""
    return [_bare(cell) for cell in line.split(",")]


def shown(text: str) -> str:
    """Return `text` for an error message: quoted, control characters escaped, shortened to 30 characters."""
    return repr(text if len(text) <= 30 else text[:29] + "…")


def rows(
    raw: bytes, start: int, name: str, columns: list[str], competition: Competition
) -> NDArray[np.uint8]:
    """Return (rows, columns) uint8 of raw[start:], the lines below the header.

    Quoted cells, blanks around them, any mix of LF, CRLF and CR, and blank lines at the end are taken.

    Raises:
        UserError: the first line that does not have one integer from 0 to 255 a column.
    """
    table = bytearray()
    blank = None
    file = io.BytesIO(raw)
    file.seek(start)
    # A byte that is not UTF-8 is shown in the error of its cell instead of ending the read.
    lines = io.TextIOWrapper(file, encoding="utf-8", errors="backslashreplace", newline=None)
    for number, line in enumerate(lines, start=2):
        if not line.strip():
            blank = blank or number
            continue
        if blank:
            raise UserError(
                "a blank line between rows", where=f"{name}, line {blank}", expected=f"{len(columns)} cells"
            )
        parts = line.rstrip("\n").split(",")
        try:
            table += bytes(map(_VALUES.__getitem__, parts))
        except KeyError:
            table += bytes(_slowly(parts, f"{name}, line {number}", columns, competition))
        if len(parts) != len(columns):
            raise _wrong_length(parts, f"{name}, line {number}", columns, last=not line.endswith("\n"))
    return np.frombuffer(table, np.uint8).reshape(-1, len(columns))


def outside(name: str, row: int, competition: Competition, received: str) -> UserError:
    """Return the error of a label that is no class; `row` is 0-based."""
    where = f"{name}, line {row + 2}, column {competition.label_column}"
    return UserError(
        "not a class",
        where=where,
        expected=f"an integer from 0 to {competition.classes - 1}",
        received=received,
    )


def _bare(cell: str) -> str:
    cell = cell.strip()
    return cell[1:-1].strip() if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell


def _slowly(parts: list[str], where: str, columns: list[str], competition: Competition) -> list[int]:
    bare = [_bare(part) for part in parts]
    if bare == columns:
        raise UserError(
            "the header stands here again", where=where, expected="a row", hint="were two files joined?"
        )
    if len(parts) == 1 and re.search(r"\d[;\t|]", parts[0]):
        raise UserError("not separated by commas", where=where, expected="commas", received=shown(parts[0]))
    if len(parts) != len(columns):
        return []
    return [
        _value(cell, f"{where}, column {column}", column, competition)
        for cell, column in zip(bare, columns, strict=True)
    ]


def _value(cell: str, where: str, column: str, competition: Competition) -> int:
    highest = competition.classes - 1 if column == competition.label_column else 255
    if re.fullmatch(r"0*\d{1,3}", cell, re.ASCII) and int(cell[-3:]) <= highest:
        return int(cell[-3:])
    expected = f"an integer from 0 to {highest}"
    raise UserError(_what(cell), where=where, expected=expected, received=shown(cell) if cell else "nothing")


def _what(cell: str) -> str:
    if not cell:
        return "the cell is empty"
    if re.fullmatch(r"-?\d+", cell, re.ASCII):
        return "a negative number" if cell[0] == "-" else "the number is too high"
    try:
        number = float(cell)
    except ValueError:
        return "not a number"
    if not math.isfinite(number):
        return "not a finite number"
    return "not written as an integer"


def _wrong_length(parts: list[str], where: str, columns: list[str], *, last: bool) -> UserError:
    short = len(parts) < len(columns)
    what = "the last line is cut" if short and last else f"the row is too {'short' if short else 'long'}"
    hint = "get the file again" if short and last else None
    return UserError(what, where=where, expected=f"{len(columns)} cells", received=f"{len(parts)}", hint=hint)
