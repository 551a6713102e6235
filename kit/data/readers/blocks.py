"""CSV files with a column per pixel to uint8 arrays: blocks of lines, parsed by one thread per core.

NumPy and hashlib leave Python's lock while they compute, so threads use all cores without copies of the file.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray

from kit.cores import cores
from kit.data.compressed import Raw
from kit.data.readers import digits
from kit.data.readers.pixel_table import Columns, OnProgress

Cells = dict[int, list[str]]
_PIECES = 8
"""Pieces per task of a thread: fewer would cost time, more would delay progress and Ctrl-C."""
_TEXTS = tuple(map(str, range(256)))


def read(
    raw: Raw, columns: Columns, cut: list[int], on_progress: OnProgress
) -> tuple[NDArray[np.uint8], Cells] | None:
    """Read the rows if every cell but those of the columns `cut` is an integer from 0 to 255.

    Args:
        raw: the file.
        columns: places of the pixels and of the first row.
        cut: the columns that may have any text.
        on_progress: called with the number of bytes that are read, and of all.

    Returns:
        (rows, pixels) uint8, and the cells of the columns that are not pixels, by place; None if some cell is
        something else.
    """
    _keep_freed_memory()
    size = _PIECES * max(digits.CHUNK, 8 * len(columns.names))
    places = [*digits.spans(raw, columns.body, len(raw), size)]
    pool = ThreadPoolExecutor(cores())
    try:
        counts = pool.map(lambda place: _lines(raw, *place), places)
        ends = [*accumulate(counts, initial=0)]
        # Each piece goes to its place at once: the memory is that of the file and of one array.
        images = np.empty((ends[-1], len(columns.pixels)), np.uint8)
        block = _Block(raw, columns, cut)
        outs = (images[first:last] for first, last in pairwise(ends))
        cells: Cells = {place: [] for place in columns.others}
        for (_, stop), found in zip(places, pool.map(block.read, places, outs), strict=True):
            if found is None:
                return None
            for place, texts in found.items():
                cells[place] += texts
            on_progress(stop, len(raw))
    finally:
        pool.shutdown(cancel_futures=True)
    return images, cells


@cache
def _keep_freed_memory() -> None:
    """Make the C library (glibc) keep freed arrays of this process for new ones.

    By default it returns larger ones to the system, until one of 30 MB was freed, as here. Without this, page
    faults take a fifth of the time of reading.
    """
    np.empty(30_000_000, np.uint8)


def _lines(raw: Raw, start: int, stop: int) -> int:
    """Return the number of lines in raw[start:stop], whose last one may lack its end."""
    text = np.frombuffer(raw, np.uint8, stop - start, start)
    # In parts whose temporary array stays in the processor's cache.
    parts = (text[first : first + digits.CHUNK] for first in range(0, len(text), digits.CHUNK))
    return sum(int(np.count_nonzero(part == ord("\n"))) for part in parts) + int(text[-1] != ord("\n"))


@dataclass(frozen=True)
class _Block:
    """Reads blocks of the lines of a file."""

    raw: Raw
    columns: Columns
    cut: list[int]

    def read(self, place: tuple[int, int], images: NDArray[np.uint8]) -> Cells | None:
        """Read the lines from place[0] to place[1] into `images`.

        Returns:
            The cells of the other columns; None if some cell is not as it must be.
        """
        columns, row = self.columns, 0
        width, order = len(columns.names) - len(self.cut), columns.order(self.cut)
        cells: Cells = {number: [] for number in columns.others}
        for piece in digits.pieces(self.raw, *place, len(columns.names)):
            lines = _without(bytes(piece), columns, cells) if self.cut else piece
            rows = None if lines is None else digits.parse(lines, width)
            # A line that is far too long is in parts, each with the end of a row.
            if rows is None or row + len(rows) > len(images):
                return None
            images[row : row + len(rows)] = rows[:, order]
            row += len(rows)
            if not self.cut:
                for number, texts in cells.items():
                    texts += [_TEXTS[value] for value in rows[:, number].tolist()]
        return cells if row == len(images) else None


def _without(piece: bytes, columns: Columns, cells: Cells) -> bytes | None:
    """Move the cells of the columns that are not pixels to `cells`; return the lines without them."""
    # In text, a quote may hide a comma, and a CR alone ends a line.
    if b'"' in piece or piece.count(b"\r") != piece.count(b"\r\n"):
        return None
    width, places = len(columns.names), list(cells)
    # Splitting at a few commas from the nearer end is fast.
    left = max((place + 1 for place in places if place <= width // 2), default=0)
    right = max((width - place for place in places if place > width // 2), default=0)
    lines = []
    for line in piece.removesuffix(b"\n").split(b"\n"):
        before = line.split(b",", left) if left else [line]
        after = before.pop().rsplit(b",", right) if right else [before.pop()]
        if len(before) != left or len(after) != right + 1:
            return None
        try:
            for place in places:
                part = before[place] if place < left else after[place - width]
                cells[place].append(part.decode().strip())
        except UnicodeDecodeError:
            return None
        kept = [part for place, part in enumerate(before) if place not in cells]
        kept += after[:1]
        kept += [part for place, part in enumerate(after[1:], width - right) if place not in cells]
        # Each with its end: without one, an empty last line would not count.
        lines += [b",".join(kept), b"\n"]
    return b"".join(lines)
