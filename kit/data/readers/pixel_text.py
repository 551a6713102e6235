"""CSV files whose images are one cell each, of integers separated by blanks, to uint8 arrays.

Columns are the label, the pixels, and in some files the usage, which says whether a row is a training row.
"""

import csv
import io
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kit.config import Competition
from kit.data.readers import digits, exact
from kit.data.readers.any_names import in_image_order
from kit.data.readers.header import check_format, text_columns
from kit.data.readers.pixel_table import Columns, Table, texts_of
from kit.errors import UserError

if TYPE_CHECKING:
    import _csv


_LONGEST = 1 << 17
"""Characters of the longest cell that has no pixels; a longer one has a quote that is not closed."""


@dataclass(frozen=True, eq=False)
class _Rows:
    """All rows of a file.

    Attributes:
        columns: places of the columns.
        images: (rows, pixels) uint8.
        cells: (rows,) cells of the other columns, by place.
        lines: (rows,) line numbers.
    """

    columns: Columns
    images: NDArray[np.uint8]
    cells: dict[int, list[str]]
    lines: list[int]


def parse(raw: bytes, name: str, competition: Competition, *, labelled: bool) -> Table:
    """Return the images and the texts of a file, all rows.

    Args:
        raw: the file's bytes, not compressed.
        name: of the file, for errors.
        competition: gives the columns and the image shape.
        labelled: whether it has the training rows or the test rows; the labels of test rows are ignored.

    Raises:
        UserError: the first fault of the file, with its line.
    """
    rows = _read(raw, name, competition, labelled=labelled)
    return _table(rows, range(len(rows.lines)), name, competition, labelled=labelled)


def parse_split(raw: bytes, name: str, competition: Competition) -> tuple[Table, Table]:
    """Return the training rows and the test rows of a file with a column `usage_column`.

    Args:
        raw: the file's bytes, not compressed.
        name: of the file, for errors.
        competition: gives the columns, their values and the image shape.

    Raises:
        UserError: the first fault of the file, with its line; or there are no training or no test rows.
    """
    rows = _read(raw, name, competition, labelled=True)
    column = competition.usage_column or ""
    usage = [text.strip() for text in rows.cells[rows.columns.names.index(column.strip())]]
    parts = []
    for key, values in (("train_usage", competition.train_usage), ("test_usage", competition.test_usage)):
        chosen = [row for row, text in enumerate(usage) if text in values]
        if values and not chosen:
            counts = Counter(usage).most_common(5)
            found = ", ".join(f"{exact.shown(text)} ({count:,})" for text, count in counts)
            raise UserError(
                f"no row of competition.{key}",
                where=f"{name}, column {column}",
                expected=" or ".join(values),
                received=found,
            )
        parts.append(_table(rows, chosen, name, competition, labelled=key == "train_usage"))
    return parts[0], parts[1]


def _table(
    rows: _Rows, chosen: Sequence[int], name: str, competition: Competition, *, labelled: bool
) -> Table:
    columns = rows.columns
    cells = {place: [texts[row] for row in chosen] for place, texts in rows.cells.items()}
    lines = [rows.lines[row] for row in chosen]
    all_rows = len(lines) == len(rows.lines)
    images = (rows.images if all_rows else rows.images[list(chosen)]).reshape(-1, *competition.image_shape)
    keys = [] if columns.key is None else cells[columns.key]
    if not labelled and competition.usage_column is not None:
        return Table(images, keys)
    texts = texts_of(cells, columns, name, lines, "a label" if labelled else "an id")
    return Table(images, texts, keys if labelled else [])


def _read(raw: bytes, name: str, competition: Competition, *, labelled: bool) -> _Rows:
    check_format(raw, name)
    size = math.prod(competition.image_shape)
    csv.field_size_limit(max(_LONGEST, 16 * size))
    # A byte that is not UTF-8 is shown in the error of its cell instead of ending the read.
    file = io.TextIOWrapper(io.BytesIO(raw), "utf-8-sig", errors="surrogateescape", newline="")
    reader = csv.reader(file, skipinitialspace=True, strict=True)
    rows = _numbered(reader, name)
    line, first = next(rows)
    columns = _columns(first, name, competition, labelled=labelled)
    if not competition.header:
        rows = chain([(line, first)], rows)

    cells: dict[int, list[str]] = {place: [] for place in columns.others}
    order = in_image_order(list(range(size)), competition)
    images, lines = np.empty((raw.count(b"\n") + raw.count(b"\r") + 1, size), np.uint8), list[int]()
    while batch := list(islice(rows, max(1, digits.CHUNK // (4 * size)))):
        for line, row in batch:
            _check_row(row, columns, f"{name}, line {line}")
            for place, texts in cells.items():
                texts.append(row[place].strip())
        block = _block([(line, row[columns.pixels[0]]) for line, row in batch], name, competition)
        images[len(lines) : len(lines) + len(batch)] = block[:, order]
        lines += [line for line, _ in batch]
    if not lines:
        raise UserError("the file has no rows", where=name, expected="at least one line below the header")
    return _Rows(columns, images[: len(lines)], cells, lines)


def _numbered(reader: "_csv.Reader", name: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of the last line of each row, and its cells; blank lines are left out."""
    try:
        yield from ((reader.line_num, row) for row in reader if row)
    except csv.Error as error:
        where = f"{name}, line {reader.line_num}"
        raise UserError(f"not CSV: {error}", where=where, hint="is a quote not closed?") from None


def _columns(first: list[str], name: str, competition: Competition, *, labelled: bool) -> Columns:
    headers = [cell.strip() for cell in first]
    if not competition.header:
        headers = [str(number) for number in range(len(first))]
    if not (competition.header or labelled) and len(first) == 1:
        headers = [competition.pixels_column]  # Columns are numbered, and this file has no label.
    place = {header: number for number, header in enumerate(headers)}
    texts = text_columns(competition, labelled=labelled)
    usage = () if competition.usage_column is None else (competition.usage_column,)
    for column in (*texts, competition.pixels_column, *usage):
        if column.strip() not in place:
            received = ", ".join(map(exact.shown, headers[:5]))
            hint = "the keys under competition name the columns"
            where = f"{name}, line 1"
            raise UserError(f"no column {column}", where=where, expected=column, received=received, hint=hint)
    key = place.get(competition.test_id_column or "")
    pixels, label_places = [place[competition.pixels_column.strip()]], [place[text.strip()] for text in texts]
    return Columns(headers, pixels, label_places, key, body=0, line=1 + competition.header)


def _check_row(row: list[str], columns: Columns, where: str) -> None:
    if len(row) != len(columns.names):
        expected = f"{len(columns.names)} cells ({', '.join(columns.names)})"[:80]
        raise UserError("another number of cells", where=where, expected=expected, received=f"{len(row)}")
    for place in columns.others:
        exact.checked(row[place], f"{where}, column {columns.names[place]}")


def _block(texts: list[tuple[int, str]], name: str, competition: Competition) -> NDArray[np.uint8]:
    """Return (rows, pixels) uint8 of the lines and cells `texts`."""
    size = math.prod(competition.image_shape)
    joined = "\n".join(text.strip() for _, text in texts).replace(" ", ",")
    if joined.isascii():
        block = digits.parse(joined.encode(), size)
        if block is not None and len(block) == len(texts):
            return block
    height, width, channels = competition.image_shape
    rows = []
    for line, text in texts:
        where, pixels = f"{name}, line {line}, column {competition.pixels_column}", text.split()
        if len(pixels) != size:
            what, expected = "another number of pixels", f"{size} ({height} x {width} x {channels})"
            what = what if pixels else "the cell is empty"
            received = f"{len(pixels)}" if pixels else "nothing"
            raise UserError(what, where=where, expected=expected, received=received)
        rows.append([exact.value(pixel, f"{where}, pixel {n}") for n, pixel in enumerate(pixels, start=1)])
    return np.array(rows, np.uint8)
