"""Vectorised parsing of lines of integers from 0 to 255."""

import threading
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from kit.data.compressed import Raw

CHUNK = 3 << 17
"""Bytes parsed at once: the intermediate arrays stay in the processor's cache.

With smaller pieces, threads wait longer for Python's lock, which each call of NumPy releases and takes again.
"""
_ARRAYS = 6
_MOST_KEPT = 1 << 20
"""Bytes of the longest arrays that a thread keeps."""
_kept = threading.local()
Bytes = NDArray[np.uint8]


def pieces(raw: Raw, start: int, stop: int, columns: int) -> Iterator[memoryview]:
    """Yield raw[start:stop] in pieces of whole lines; the last line may lack its end.

    A line that is far too long for `columns` integers is yielded in parts.
    """
    whole = memoryview(raw)
    for first, last in spans(raw, start, stop, max(CHUNK, 8 * columns)):
        yield whole[first:last]


def spans(raw: Raw, start: int, stop: int, size: int) -> Iterator[tuple[int, int]]:
    """Yield the starts and ends of pieces of whole lines, of at most `size` bytes; see `pieces`."""
    while start < stop:
        last = raw.rfind(b"\n", start, min(start + size, stop)) + 1 or min(start + size, stop)
        yield start, last
        start = last


def parse(lines: bytes | memoryview, columns: int) -> Bytes | None:
    """Return (rows, columns) uint8; None unless each line is `columns` integers from 0 to 255.

    Args:
        lines: integers separated by commas, lines that end with LF or CRLF; the last may lack its end.
        columns: number of integers per line.
    """
    # Three bytes come first, so that each byte has three before it.
    length = 3 + len(lines) + (lines[-1:] != b"\n")
    text, digits, is_digit, hundreds, low, some = _arrays(length)
    text[:3] = text[-1] = ord("\n")
    text[3 : 3 + len(lines)] = np.frombuffer(lines, np.uint8)
    np.subtract(text, ord("0"), out=digits)
    np.less(digits, 10, out=is_digit.view(np.bool_))
    np.multiply(digits, is_digit, out=digits)

    # The value of the digits up to each byte, from the fourth on; that at the last byte of a cell counts.
    one, two, three, four = (is_digit[3 - place : length - place] for place in range(4))
    hundreds, low, some = hundreds[3:], low[3:], some[3:]
    np.bitwise_and(one, two, out=some)
    np.bitwise_and(some, three, out=some)
    np.multiply(digits[1:-2], some, out=hundreds)
    np.bitwise_and(some, four, out=some)
    if some.view(np.bool_).any() or hundreds.max(initial=0) > 2:
        return None
    np.multiply(hundreds, 100, out=hundreds)
    np.multiply(digits[2:-1], 10, out=low)
    np.add(low, digits[3:], out=low)
    values = np.add(low, hundreds, out=low)
    # A sum above 255 starts again at 0.
    if np.less(values, hundreds, out=some.view(np.bool_)).any():
        return None

    # A cell ends with a digit before something else.
    ends = np.flatnonzero(np.greater(one[:-1], one[1:], out=some.view(np.bool_)[:-1]))
    if not _are_rows(text[3:], int(np.count_nonzero(one)), ends, columns, some):
        return None
    # All places exist; "wrap" saves the check of each, a third of the time of this step.
    rows: Bytes = values.take(ends, mode="wrap").reshape(-1, columns)
    return rows


def _are_rows(text: Bytes, digits: int, ends: NDArray[np.intp], columns: int, free: Bytes) -> bool:
    """Return whether lines have `columns` cells each, and nothing else but commas and line ends.

    Args:
        text: the lines.
        digits: number of digits in it.
        ends: places of the last digit of each cell.
        columns: number of cells per line.
        free: array of the length of `text`, to be overwritten.
    """
    rows, rest = divmod(len(ends), columns)
    commas = np.count_nonzero(np.equal(text, ord(","), out=free.view(np.bool_)))
    # With a line end right behind each line's last cell, and as many commas and (or none) carriage returns as
    # there must be, nothing else is possible.
    returns = len(text) - digits - commas - rows
    if rest or commas != rows * (columns - 1) or returns not in (0, rows):
        return False
    last = ends[columns - 1 :: columns] + 1
    if returns:
        if (text[last] != ord("\r")).any() or last[-1] + 1 == len(text):
            return False
        last += 1
    return bool((text[last] == ord("\n")).all())


def _arrays(length: int) -> Bytes:
    """Return the arrays of this thread, (_ARRAYS, length) uint8, of any content.

    New arrays for each piece take 3 times as long to parse it: the C library returns their memory to the
    system each time, which then has to map and blank it again, page by page.
    """
    kept: Bytes | None = getattr(_kept, "arrays", None)
    if kept is None or kept.shape[1] < length:
        kept = np.empty((_ARRAYS, max(length, CHUNK + 4)), np.uint8)
        if length <= _MOST_KEPT:
            _kept.arrays = kept
    return kept[:, :length]
