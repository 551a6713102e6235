"""CSV files to uint8 arrays: a vectorised reader of good files.

Anything else goes to `exact`, which reads what is merely odd and names what is wrong.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kit.config import Competition
from kit.data.readers import exact, header
from kit.errors import UserError
from kit.task.labels import declared_labels

CHUNK = 1 << 17
"""Bytes parsed at once: the intermediate arrays stay in the processor's cache."""
_TEXTS = tuple(map(str, range(256)))


@dataclass(frozen=True, eq=False)
class Table:
    """The content of a CSV file with one image per row.

    Attributes:
        images: (rows, height, width, channels) uint8.
        texts: (rows,) the label or id of each row; empty if the file has neither.
    """

    images: NDArray[np.uint8]
    texts: list[str]


def parse(raw: bytes, name: str, competition: Competition, *, labelled: bool) -> Table:
    """Return the images and the text column of a CSV file; columns are found by their names.

    Args:
        raw: the file's bytes, not compressed.
        name: of the file, for errors.
        competition: gives the columns, the image shape and the labels.
        labelled: whether it is train.csv (labels and pixels) or test.csv (pixels, and ids if there are any).

    Raises:
        UserError: the first fault of the file, with line and column.
    """
    columns, order, body = header.read(raw, name, competition, labelled=labelled)
    text_column = None
    if header.text_column(competition, labelled=labelled) is not None:
        text_column, *order = order
        order = [place - (place > text_column) for place in order]
    if text_column is None or (labelled and _labels_are_bytes(competition)):
        read = _read_bytes(raw, body, len(columns), text_column)
    else:
        read = _read_text(raw, body, len(columns), text_column)
    table, texts = read or exact.rows(raw, body, name, columns, text_column)
    if not len(table):
        raise UserError("the file has no rows", where=name, expected="at least one line below the header")
    if text_column is not None and "" in texts:
        where = f"{name}, line {texts.index('') + 2}, column {columns[text_column]}"
        expected = f"a{' label' if labelled else 'n id'}"
        raise UserError("the cell is empty", where=where, expected=expected, received="nothing")
    first, last = order[0], order[-1]
    # A slice is copied ten times as fast as columns picked one by one.
    pixels = slice(first, last + 1) if order == list(range(first, last + 1)) else order
    images = table[:, pixels]
    return Table(np.ascontiguousarray(images).reshape(-1, *competition.image_shape), texts)


def _labels_are_bytes(competition: Competition) -> bool:
    labels = declared_labels(competition)
    return labels is not None and labels.are_bytes


def _read_bytes(
    raw: bytes, start: int, columns: int, text_column: int | None
) -> tuple[NDArray[np.uint8], list[str]] | None:
    """Read raw[start:] if every cell, that of the text column too, is an integer from 0 to 255."""
    table = _digits(raw, start, columns)
    if table is None or text_column is None:
        return None if table is None else (table, [])
    texts = [_TEXTS[value] for value in table[:, text_column].tolist()]
    return table[:, 1:] if text_column == 0 else np.delete(table, text_column, 1), texts


def _read_text(
    raw: bytes, start: int, columns: int, text_column: int
) -> tuple[NDArray[np.uint8], list[str]] | None:
    """Read raw[start:] if every cell but those of the text column is an integer from 0 to 255."""
    if b'"' in raw:
        return None
    texts, lines = list[bytes](), [b"\n\n"]
    for line in raw[start:].rstrip(b"\r\n").splitlines():
        # Splitting at one comma from the nearer end is fast.
        if text_column <= columns // 2:
            before = line.split(b",", text_column + 1)
            text, rest = before[-2:] if len(before) == text_column + 2 else (b"", b"")
            lines.append(b",".join([*before[:text_column], rest]) if text_column else rest)
        else:
            after = line.rsplit(b",", columns - text_column)
            rest, text = after[:2] if len(after) == columns - text_column + 1 else (b"", b"")
            lines.append(b",".join([rest, *after[2:]]))
        texts.append(text)
    table = _digits(b"\n".join([*lines, b""]), 3, columns - 1)
    if table is None:
        return None
    try:
        return table, [text.decode().strip() for text in texts]
    except UnicodeDecodeError:
        return None


def _digits(raw: bytes, start: int, columns: int) -> NDArray[np.uint8] | None:
    """Return (rows, columns) of raw[start:], None where a line is not `columns` integers 0 to 255."""
    blocks = [np.empty((0, columns), np.uint8)]
    size = max(CHUNK, 8 * columns)
    while start < len(raw):
        stop = raw.rfind(b"\n", start, start + size) + 1
        end = b""
        if not stop and len(raw) <= start + size:
            stop, end = len(raw), b"\n"
        block = _block(np.frombuffer(raw[start - 3 : stop] + end, np.uint8), columns) if stop else None
        if block is None:
            return None
        blocks.append(block)
        start = stop
    return np.concatenate(blocks)


def _block(text: NDArray[np.uint8], columns: int) -> NDArray[np.uint8] | None:
    """Parse whole lines; three bytes of the line before come first, so that each byte has three before it."""
    digits = text - ord("0")
    is_digit = digits < 10
    digits *= is_digit
    ones, tens, hundreds, thousands = (is_digit[3 - place : len(text) - place] for place in range(4))
    three = ones & tens & hundreds
    low = digits[3:] + 10 * digits[2:-1]
    high = digits[1:-2] * three
    if (three & thousands).any() or ((high > 2) | ((high == 2) & (low > 55))).any():
        return None

    # A cell ends with a digit before something else. With as many line ends, commas and (or none) carriage
    # returns as there must be, and each line's last cell right before its end, nothing else is possible.
    line_ends = np.flatnonzero(text[3:] == ord("\n"))
    cell_ends = np.flatnonzero(ones[:-1] > ones[1:])
    commas = np.count_nonzero(text[3:] == ord(","))
    returns = len(text) - 3 - np.count_nonzero(ones) - commas - len(line_ends)
    rows = len(line_ends)
    if len(cell_ends) != rows * columns or commas != rows * (columns - 1) or returns not in (0, rows):
        return None
    if returns and (text[3:][line_ends - 1] != ord("\r")).any():
        return None
    if (cell_ends[columns - 1 :: columns] + (2 if returns else 1) != line_ends).any():
        return None
    return (low + 100 * high)[cell_ends].reshape(rows, columns)
