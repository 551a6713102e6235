"""CSV files with a column per pixel to uint8 arrays: a vectorised reader of good files.

Anything else goes to `exact`, which reads what is merely odd and names what is wrong.
"""

import numpy as np
from numpy.typing import NDArray

from kit.config import Competition
from kit.data.readers import digits, exact, header
from kit.data.readers.pixel_table import Columns, Table, texts_of
from kit.errors import UserError
from kit.task.labels import declared_labels

_TEXTS = tuple(map(str, range(256)))


def parse(raw: bytes, name: str, competition: Competition, *, labelled: bool) -> Table:
    """Return the images and the texts of a CSV file; columns are found by their names.

    Args:
        raw: the file's bytes, not compressed.
        name: of the file, for errors.
        competition: gives the columns, the image shape and the labels.
        labelled: whether it has the training rows (labels and pixels) or the test rows (pixels, and ids if
            there are any).

    Raises:
        UserError: the first fault of the file, with line and column.
    """
    columns = header.read(raw, name, competition, labelled=labelled)
    if columns.others == columns.texts[:1] and labelled and _labels_are_bytes(competition):
        read = _read_fast(raw, columns, [])
    else:
        read = _read_fast(raw, columns, columns.others)
    images, cells = read or exact.rows(raw, name, columns)
    if not len(images):
        expected = "at least one line below the header" if columns.line > 1 else "at least one line"
        raise UserError("the file has no rows", where=name, expected=expected)
    lines = range(columns.line, columns.line + len(images))
    texts = texts_of(cells, columns, name, lines, "a label" if labelled else "an id")
    names = [] if columns.key is None else cells[columns.key]
    pixels = [columns.names[place] for place in columns.pixels]
    return Table(images.reshape(-1, *competition.image_shape), texts, names, pixels)


def _labels_are_bytes(competition: Competition) -> bool:
    labels = declared_labels(competition)
    return labels is not None and labels.are_bytes


def _read_fast(
    raw: bytes, columns: Columns, cut: list[int]
) -> tuple[NDArray[np.uint8], dict[int, list[str]]] | None:
    """Read the rows if every cell but those of the columns `cut` is an integer from 0 to 255.

    Returns:
        (rows, pixels) uint8, and the cells of the other columns by place; None if some cell is not.
    """
    # In text, a quote may hide a comma, and a CR alone ends a line.
    if cut and (b'"' in raw or raw.count(b"\r") != raw.count(b"\r\n")):
        return None
    rows = raw.count(b"\n", columns.body) + 1
    # Each piece goes to its place at once: the memory is that of the file and of one array.
    images, row = np.empty((rows, len(columns.pixels)), np.uint8), 0
    cells: dict[int, list[str]] = {place: [] for place in columns.others}
    width, order = len(columns.names) - len(cut), columns.order(cut)
    for piece in digits.pieces(raw, columns.body, len(columns.names)):
        lines = _without(piece, columns, cells) if cut else piece
        block = None if lines is None else digits.parse(lines, width)
        if block is None:
            return None
        images[row : row + len(block)] = block[:, order]
        row += len(block)
        if not cut:
            for place, texts in cells.items():
                texts += [_TEXTS[value] for value in block[:, place].tolist()]
    return images[:row], cells


def _without(piece: bytes, columns: Columns, cells: dict[int, list[str]]) -> bytes | None:
    """Move the cells of the columns that are not pixels to `cells`; return the lines without them."""
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
