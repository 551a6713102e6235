"""Vectorised parsing of lines of integers from 0 to 255."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

CHUNK = 1 << 17
"""Bytes parsed at once: the intermediate arrays stay in the processor's cache."""


def pieces(raw: bytes, start: int, columns: int) -> Iterator[bytes]:
    """Yield raw[start:] in pieces of whole lines; the last line may lack its end.

    A line that is far too long for `columns` integers is yielded in parts.
    """
    size = max(CHUNK, 8 * columns)
    while start < len(raw):
        stop = raw.rfind(b"\n", start, start + size) + 1 or start + size
        yield raw[start:stop]
        start = stop


def parse(lines: bytes, columns: int) -> NDArray[np.uint8] | None:
    """Return (rows, columns) uint8; None unless each line is `columns` integers from 0 to 255.

    Args:
        lines: integers separated by commas, lines that end with LF or CRLF; the last may lack its end.
        columns: number of integers per line.
    """
    # Three bytes come first, so that each byte has three before it.
    end = b"" if lines.endswith(b"\n") else b"\n"
    text = np.frombuffer(b"".join((b"\n\n\n", lines, end)), np.uint8)
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
