"""Text columns of a CSV table: names of images, labels."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from kit.data import compressed, layout
from kit.errors import UserError

_NO_LABEL = {"", "nan", "NaN"}
_ONE, _ZERO = {"1", "1.0"}, {"0", "0.0"}


@dataclass(frozen=True)
class Table:
    """Columns of a CSV file.

    Attributes:
        path: of the file, for errors.
        lines: (rows,) the line in which each row ends.
        columns: by name, the (rows,) cells, without blanks at their ends.
    """

    path: str
    lines: list[int]
    columns: dict[str, list[str]]

    def where(self, row: int, column: str) -> str:
        """Return the place of a cell, for errors."""
        return f"{self.path}, line {self.lines[row]}, column {column}"


def read(folder: Path, file: str, columns: Sequence[str]) -> Table:
    """Return columns of a CSV file, which may be gzip or a zip.

    Args:
        folder: the data directory.
        file: path of the file in it.
        columns: the wanted ones; others are not kept.

    Raises:
        UserError: the file is missing or damaged, not UTF-8, or not a CSV file with a header; a column is
            missing or there twice; a row has another number of cells than the header; there are no rows.
    """
    path = layout.file_in(folder, file)
    if path is None:
        hint = "`kit data fetch` brings the competition's files there"
        raise UserError(f"there is no {file}", where=f"{folder}/", expected="a CSV file", hint=hint)
    reader = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    try:
        header = [cell.strip() for cell in next(reader, [])]
        places = [_place(column, header, f"{path}, line 1") for column in columns]
        lines, rows = list[int](), list[list[str]]()
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(header):
                where, expected = f"{path}, line {reader.line_num}", f"{len(header)} cells"
                what = f"the row is too {'short' if len(cells) < len(header) else 'long'}"
                raise UserError(what, where=where, expected=expected, received=f"{len(cells)}")
            lines.append(reader.line_num)
            rows.append(cells)
    except csv.Error as error:
        raise UserError(
            f"cannot be read: {error}", where=f"{path}, line {reader.line_num}", expected="a CSV file"
        ) from error
    if not rows:
        raise UserError(
            "the file has no rows", where=str(path), expected="at least one line below the header"
        )
    found = {name: [row[place].strip() for row in rows] for name, place in zip(columns, places, strict=True)}
    return Table(str(path), lines, found)


def labels(rows: Table, column: str) -> tuple[str, ...]:
    """Return the labels in a column.

    Raises:
        UserError: a label is missing.
    """
    texts = rows.columns[column]
    missing = [row for row, label in enumerate(texts) if label in _NO_LABEL]
    if missing:
        more = f"; {len(missing):,} rows have none" if len(missing) > 1 else ""
        received = texts[missing[0]] or "a blank cell"
        where = rows.where(missing[0], column)
        raise UserError(f"there is no label{more}", where=where, expected="a label", received=received)
    return tuple(texts)


def one_hot(rows: Table, columns: Sequence[str]) -> tuple[str, ...]:
    """Return the column that has the 1 of each row.

    Raises:
        UserError: a row does not have exactly one 1, and zeros.
    """
    found = list[str]()
    for row, cells in enumerate(zip(*(rows.columns[column] for column in columns), strict=True)):
        ones = [place for place, cell in enumerate(cells) if cell in _ONE]
        if len(ones) != 1 or not all(cell in _ONE or cell in _ZERO for cell in cells):
            received = ", ".join(cell[:20] or "nothing" for cell in cells[:8])
            expected = f"one 1 and {len(columns) - 1} zeros"
            where = f"{rows.path}, line {rows.lines[row]}, columns {columns[0]} … {columns[-1]}"
            raise UserError("not exactly one label", where=where, expected=expected, received=received)
        found.append(columns[ones[0]])
    return tuple(found)


def _text(path: Path) -> str:
    raw = compressed.content(path)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        hint = "save the table as UTF-8"
        raise UserError(
            "not UTF-8 text", where=f"{path}, line {line}", expected="UTF-8", hint=hint
        ) from error


def _place(column: str, header: Sequence[str], where: str) -> int:
    if header.count(column) == 1:
        return header.index(column)
    received = ", ".join(cell[:30] for cell in header[:5]) + (", …" if len(header) > 5 else "")
    if column in header:
        raise UserError(f"duplicate column {column}", where=where, expected="it once", received=received)
    known = {name.lower(): name for name in header}
    near = get_close_matches(column.lower(), known, 1)
    hint = f"is it {known[near[0]]}? the configuration names the columns" if near else None
    raise UserError(
        f"no column {column}", where=where, expected=column, received=received or "nothing", hint=hint
    )
