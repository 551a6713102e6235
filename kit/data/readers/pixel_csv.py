"""CSV files → uint8 arrays: a vectorised read of good files.

Anything else goes to `exact`, which reads what is merely odd and names what is wrong.
"""

import math

import numpy as np
from numpy.typing import NDArray

from kit.config import Competition
from kit.data.readers import exact, header
from kit.errors import UserError

CHUNK = 1 << 17
"""Bytes parsed at once: the intermediate arrays stay in the processor's cache."""


def parse(
    raw: bytes, name: str, competition: Competition, *, labelled: bool
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the images and labels of a CSV file; columns are found by their names.

    Args:
        raw: the file's bytes, not compressed.
        name: the file's name in errors.
        competition: gives the columns, the image shape and the classes.
        labelled: whether it is train.csv (label and pixels) or test.csv (pixels alone).

    Returns:
        (rows, height, width, channels) uint8 images; (rows,) uint8 labels, (0,) where `labelled` is false.

    Raises:
        UserError: whatever is wrong with the file, with line and column.
    """
    columns, order, body = header.read(raw, name, competition, labelled=labelled)
    table = _digits(raw, body, len(columns))
    if table is None:
        table = exact.rows(raw, body, name, columns, competition)
    if not len(table):
        raise UserError("the file has no rows", where=name, expected="at least one line below the header")
    pixels = math.prod(competition.image_shape)
    first, last = order[-pixels], order[-1]
    if order[-pixels:] == list(range(first, last + 1)):
        images = table[:, first : last + 1]  # copied ten times as fast as columns picked one by one
    else:
        images = table[:, order[-pixels:]]
    images = np.ascontiguousarray(images).reshape(-1, *competition.image_shape)
    labels = table[:, order[0]].copy() if labelled else np.empty(0, np.uint8)
    outside = np.flatnonzero(labels >= competition.classes)
    if outside.size:
        raise exact.outside(name, int(outside[0]), competition, str(labels[outside[0]]))
    return images, labels


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
    # returns as there must be, and each line's last cell right before its end, nothing else can stand there.
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
