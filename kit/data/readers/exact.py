"""The slow reader of a CSV body: it accepts harmless oddities, and names the first fault by its place."""

import csv
import io
import math
import re

import numpy as np
from numpy.typing import NDArray

from kit.data.compressed import Raw, stream
from kit.data.readers.pixel_table import Columns, OnProgress, ignore
from kit.errors import UserError

_VALUES = {text: value for value in range(256) for text in (str(value), f'"{value}"')}
_CELL = re.compile(r"""\s*(?:"([^"]*(?:""[^"]*)*)"\s*|([^",\s][^,]*)?)(,|\Z)""")
"""Text in quotes, or text that does not begin with one."""
_LINES = 100
"""Lines between two calls with the progress."""


def cells(line: str, where: str) -> list[str]:
    """Split a line at its commas, but not in quotes; blanks around a cell and its quotes are removed.

    Raises:
        UserError: a quote is not closed, or has text behind it.
    """
    if '"' not in line:
        return [cell.strip() for cell in line.split(",")]
    return [text.strip() for text, _ in _quoted_cells(line, where)]


def shown(text: str) -> str:
    """Return `text` for an error message: quoted, control characters escaped, at most 30 characters."""
    text = text if len(text) <= 30 else text[:29] + "…"
    return repr(text.encode(errors="surrogateescape").decode(errors="backslashreplace"))


def rows(
    raw: Raw, name: str, columns: Columns, on_progress: OnProgress = ignore
) -> tuple[NDArray[np.uint8], dict[int, list[str]]]:
    """Read the lines from columns.body.

    Quoted cells, blanks around them, any mix of LF, CRLF and CR, and blank lines at the end are accepted.

    Args:
        raw: the file.
        name: of the file, for errors.
        columns: places of the pixels and of the first row.
        on_progress: called with about the number of bytes that are read, and with all.

    Returns:
        (rows, pixels) uint8, and the cells of the columns that are not pixels, by place.

    Raises:
        UserError: the first line that does not have one integer from 0 to 255 per pixel.
    """
    table, blank, done = bytearray(), None, columns.body
    texts: dict[int, list[str]] = {place: [] for place in columns.others}
    pixels = [column for place, column in enumerate(columns.names) if place not in texts]
    # A byte that is not UTF-8 is shown in the error of its cell instead of ending the read.
    lines = io.TextIOWrapper(
        stream(raw, columns.body), encoding="utf-8", errors="surrogateescape", newline=None
    )
    for number, whole in enumerate(lines, start=columns.line):
        where, done = f"{name}, line {number}", done + len(whole)
        if number % _LINES == 0:
            on_progress(done, len(raw))
        if not whole.strip():
            blank = blank or number
            continue
        if blank:
            where = f"{name}, line {blank}"
            raise UserError("a blank line between rows", where=where, expected=f"{len(columns.names)} cells")
        ended, line = whole.endswith("\n"), whole.removesuffix("\n")
        parts = _split(line, columns, where)
        if len(parts) != len(columns.names):
            raise _wrong_length(parts, where, columns.names, last=not ended)
        for place in reversed(texts):
            text = _text(parts.pop(place), place, line, where)
            texts[place].append(checked(text, f"{where}, column {columns.names[place]}"))
        try:
            table += bytes(map(_VALUES.__getitem__, parts))
        except KeyError:
            table += bytes(_slowly(parts, where, pixels))
    images = np.frombuffer(table, np.uint8).reshape(-1, len(pixels))
    return np.ascontiguousarray(images[:, columns.order(columns.others)]), texts


def _bare(cell: str) -> str:
    cell = cell.strip()
    return cell[1:-1].strip() if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell


def _split(line: str, columns: Columns, where: str) -> list[str]:
    parts = line.split(",")
    if not columns.others or '"' not in line:
        return parts
    # Text in quotes may hold commas and doubled quotes; a quote elsewhere is an error, to be named.
    if len(parts) != len(columns.names) or any('"' in parts[place] for place in columns.others):
        try:
            return next(csv.reader([line], skipinitialspace=True, strict=True))
        except csv.Error:
            return [text for text, _ in _quoted_cells(line, where)]
    return parts


def _quoted_cells(line: str, where: str) -> list[tuple[str, bool]]:
    """Return the text of each cell, and whether it was in quotes; the csv module does not say so."""
    found, end = list[tuple[str, bool]](), 0
    while match := _CELL.match(line, end):
        text, bare, comma = match.groups()
        found.append(((bare or "").rstrip(), False) if text is None else (text.replace('""', '"'), True))
        if not comma:
            return found
        end = match.end()
    received, expected = shown(line[end:]), 'a cell in quotes, as in "a, b"'
    raise UserError("a quote at a wrong place", where=where, expected=expected, received=received)


def _text(part: str, place: int, line: str, where: str) -> str:
    """Return the text of a cell: as it is if it was in quotes, else without the blanks around it."""
    bare = part.strip()
    return bare if part == bare or '"' not in line else _quoted_cells(line, where)[place][0]


def checked(text: str, where: str) -> str:
    """Return `text`; raise UserError if its bytes were not UTF-8 (surrogateescape)."""
    if re.search("[\udc80-\udcff]", text):
        raise UserError("not UTF-8 text", where=where, expected="UTF-8", received=shown(text))
    return text


def _slowly(parts: list[str], where: str, columns: list[str]) -> list[int]:
    bare = [_bare(part) for part in parts]
    try:
        return [value(cell, f"{where}, column {column}") for cell, column in zip(bare, columns, strict=True)]
    except UserError:
        if bare != columns:
            raise
        hint = "were two files joined?"
        raise UserError("the header is repeated", where=where, expected="a row", hint=hint) from None


def value(cell: str, where: str) -> int:
    """Return the pixel in a cell; raise UserError if it is not an integer from 0 to 255."""
    if re.fullmatch(r"0*\d{1,3}", cell, re.ASCII) and int(cell[-3:]) <= 255:
        return int(cell[-3:])
    expected = "an integer from 0 to 255"
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
    if len(parts) == 1 and re.search(r"\d[;\t|]", parts[0]):
        return UserError("not separated by commas", where=where, expected="commas", received=shown(parts[0]))
    short = len(parts) < len(columns)
    what = (
        "the last line is truncated" if short and last else f"the row is too {'short' if short else 'long'}"
    )
    hint = "download the file again" if short and last else None
    return UserError(what, where=where, expected=f"{len(columns)} cells", received=f"{len(parts)}", hint=hint)
