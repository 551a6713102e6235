"""A CSV file for inspection: its columns, and its rows or a sample of them."""

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO

from kit.data import compressed

NARROW = 40
"""Most columns of a table of which all rows are read, however many there are."""
WHOLE = 64 << 20
"""Bytes of the largest file of which all rows are read."""
MANY = 49
"""Numbers in a line, or in a cell, that are pixels: 7 x 7."""
CELLS, ROWS = 4_000_000, 4_000
"""Most cells of a wide table of which all rows are read; most cells and rows of a sample."""
LONGEST = 1 << 24
"""Bytes of the longest line."""
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


@dataclass(frozen=True, eq=False)
class Table:
    """A CSV file.

    Attributes:
        name: path relative to the folder of the competition, without the ending of a compression.
        columns: names in the header without blanks around them; without a header "0", "1", …
        has_header: whether the first line names the columns.
        rows: all rows, or rows from all parts of the file.
        total: number of rows in the file.
        header: names in the header as they are.
    """

    name: str
    columns: tuple[str, ...]
    has_header: bool
    rows: list[list[str]]
    total: int
    header: tuple[str, ...] = ()

    @property
    def is_sampled(self) -> bool:
        """Whether `rows` is only a part."""
        return len(self.rows) < self.total

    @cached_property
    def _values(self) -> list[tuple[str, ...]]:
        return list(zip(*self.rows, strict=True)) if self.rows else [() for _ in self.columns]

    def values(self, column: str) -> tuple[str, ...]:
        """Return the cells of a column, without blanks around them."""
        return tuple(map(str.strip, self._values[self.columns.index(column)]))

    def counts(self, column: str) -> Counter[str]:
        """Return the number of rows of each value of a column."""
        return Counter(self.values(column))


def read(path: Path, name: str) -> Table | None:
    """Return the table in a CSV file; None if the file is empty or has only one line.

    Raises:
        UserError: the file cannot be read or unpacked.
    """
    compressed.check_file(path)
    csv.field_size_limit(LONGEST)
    packed = path.suffix.lower() in compressed.SUFFIXES
    with io.BytesIO(compressed.content(path)) if packed else path.open("rb") as file:
        line = re.split(r"[\r\n]", _text(file.readline(LONGEST)), maxsplit=1)[0]
        first = next(csv.reader([line]), [])
        lines, size = _count(file)
        if not first or lines < 2:
            return None
        is_whole = size <= WHOLE and (len(first) <= NARROW or lines * len(first) <= CELLS)
        if is_whole:
            file.seek(0)
            parsed = list(csv.reader(io.StringIO(_text(file.read()), newline="")))
        else:
            parsed = [first, *csv.reader(_sampled(file, size, max(100, min(ROWS, CELLS // len(first)))))]
    has_header = not _is_data(first)
    rows = [row for row in parsed[has_header:] if len(row) == len(first)]
    columns = tuple(map(str.strip, first)) if has_header else tuple(map(str, range(len(first))))
    return Table(name, columns, has_header, rows, len(rows) if is_whole else lines - has_header, (*first,))


def is_number(text: str) -> bool:
    """Return whether a cell is a decimal number."""
    return _NUMBER.fullmatch(text.strip()) is not None


def is_integer(text: str) -> bool:
    """Return whether a cell is a decimal number without fraction."""
    return re.fullmatch(r"\s*[-+]?\d+(\.0*)?\s*", text) is not None


def _text(raw: bytes) -> str:
    return raw.decode("utf-8-sig", errors="replace")


def _count(file: IO[bytes]) -> tuple[int, int]:
    """Return the number of lines and of bytes."""
    file.seek(0)
    lines, last = 0, b""
    while chunk := file.read(1 << 22):
        lines, last = lines + max(chunk.count(b"\n"), chunk.count(b"\r")), chunk
    return lines + (not last.endswith((b"\n", b"\r"))), file.tell()


def _sampled(file: IO[bytes], size: int, most: int) -> list[str]:
    """Return lines at equal distances: files are often sorted by label."""
    lines = []
    for number in range(most):
        file.seek(size * number // most)
        file.readline(LONGEST)  # The rest of a line.
        lines.append(_text(file.readline(LONGEST)))
    return [line for line in dict.fromkeys(lines) if line.strip()]


def _is_data(first: list[str]) -> bool:
    """Return whether a first line is a row: numbers, and not those of the columns, or a cell of pixels."""
    numbered = [list(map(str, range(start, start + len(first)))) for start in (0, 1)]
    numbers = list(filter(is_number, first))
    if len(numbers) == len(first) > 1:
        return first not in numbered
    # Names of columns differ. A label that is text is at one end, or anywhere among many numbers.
    all_but_an_end = any(all(map(is_number, part)) for part in (first[1:], first[:-1]))
    is_row = (all_but_an_end or len(numbers) >= MANY) and len({*numbers}) < len(numbers)
    return is_row or any(len(cell.split()) >= MANY and all(map(is_number, cell.split())) for cell in first)
