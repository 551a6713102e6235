"""A slow reader of CSV files, independent of kit's: what a file says, or None if it says nothing certain.

It reads one character after the other. Cells may be quoted, with blanks around the quotes; lines end with LF,
CRLF or CR; blank lines may follow the last row; a byte-order mark may come first.
"""

import re
from dataclasses import dataclass

from kit.config import Competition

_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Slow:
    """The rows of a file.

    Attributes:
        pixels: (rows, pixels), in the order of the image.
        texts: (rows,) label or id; empty without.
        names: (rows,) id of each labelled row; empty without.
    """

    pixels: list[list[int]]
    texts: list[str]
    names: list[str]


def lines(raw: bytes) -> list[list[str]] | None:
    """Return the cells of each line; None if it is no CSV in UTF-8."""
    try:
        text = raw.removeprefix(_MARK).decode()
    except UnicodeDecodeError:
        return None
    found = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    while found and not found[-1].strip():
        found.pop()
    rows = [cells(line) for line in found]
    return None if None in rows else rows  # type: ignore[return-value]


def cells(line: str) -> list[str] | None:
    """Return the cells of a line: text in quotes as it is, other text without blanks around it."""
    row, rest = list[str](), line
    while True:
        if rest.lstrip().startswith('"'):
            rest, text = rest.lstrip()[1:], ""
            while not rest.startswith('"') or rest.startswith('""'):
                if not rest:
                    return None  # The quote is not closed.
                text, rest = text + rest[0], rest[2 if rest.startswith('""') else 1 :]
            behind, comma, rest = rest[1:].partition(",")
            if behind.strip():
                return None
        else:
            text, comma, rest = rest.partition(",")
            text = text.strip()
        row.append(text)
        if not comma:
            return row


def integer(cell: str) -> int | None:
    """Return the pixel in a cell; None unless it is digits alone, with a value of at most 255."""
    cell = cell.strip()
    if not (cell.isascii() and cell.isdigit()) or len(cell.lstrip("0")) > 3:
        return None
    return int(cell) if int(cell) <= 255 else None


def columns_of(header: list[str], competition: Competition, *, labelled: bool) -> list[int] | None:
    """Return the places of the pixels in the order of the image; None if columns are absent or twice."""
    if len({*header}) < len(header):
        return None
    ids = [] if competition.test_id_column is None else [competition.test_id_column]
    texts = [competition.label_column] if labelled else ids
    if not {*texts} <= {*header}:
        return None
    height, width, channels = competition.image_shape
    size = height * width * channels
    if competition.pixel_prefix is not None and competition.header:
        pixels = [f"{competition.pixel_prefix}{number}" for number in range(size)]
        return [header.index(one) for one in pixels] if {*header} == {*texts, *pixels} else None
    beside = {competition.label_column, *ids, *competition.ignored_columns}
    if not competition.header and not labelled and len(header) == size + len(ids):
        beside = {*ids}
    pixels = [one for one in header if one not in beside]
    numbers = {one: [*map(_number, re.findall("[0-9]+", one))] for one in pixels}
    alike = len({len(one) for one in numbers.values()}) == 1 and all(numbers.values())
    if alike and len({tuple(one) for one in numbers.values()}) == len(pixels):
        pixels = sorted(pixels, key=lambda one: numbers[one])
    return [header.index(one) for one in pixels] if len(pixels) == size else None


def _number(digits: str) -> tuple[int, str]:
    """Return what sorts digits as their value, of any length."""
    plain = digits.lstrip("0")
    return len(plain), plain


def read(raw: bytes, competition: Competition, *, labelled: bool) -> Slow | None:
    """Return the rows of a file with a column per pixel; None if it is wrong in any way."""
    rows = lines(raw)
    if not rows:
        return None
    header = (
        [one.strip() for one in rows.pop(0)]
        if competition.header
        else [str(number) for number in range(len(rows[0]))]
    )
    places = columns_of(header, competition, labelled=labelled)
    if places is None or not rows or any(len(row) != len(header) for row in rows):
        return None
    pixels = [[integer(row[place]) for place in places] for row in rows]
    if any(None in row for row in pixels):
        return None
    ids = competition.test_id_column
    text = competition.label_column if labelled else ids
    texts = [row[header.index(text)] for row in rows] if text is not None else []
    names = [row[header.index(ids)] for row in rows] if labelled and ids in header else []
    return None if "" in texts else Slow(pixels, texts, names)  # type: ignore[arg-type]
