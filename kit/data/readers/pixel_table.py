"""What readers of CSV files share: the places of the columns, the labels of the rows, and the result."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kit.errors import UserError

OnProgress = Callable[[int, int], None]
"""Called with what is done, and with all."""


def ignore(done: int, total: int) -> None:
    """Ignore the progress."""
    del done, total


@dataclass(frozen=True, eq=False)
class Table:
    """The content of a CSV file with one image per row.

    Attributes:
        images: (rows, height, width, channels) uint8.
        texts: (rows,) the label or id of each row; empty if the file has neither.
        names: (rows,) the id of each labelled row; empty if the file has none.
        pixels: name of the column of each value of an image, in the order of (height, width, channels); empty
            if one column has all.
    """

    images: NDArray[np.uint8]
    texts: list[str]
    names: list[str] = field(default_factory=list)
    pixels: list[str] = field(default_factory=list)


def in_order_of(train: Table, test: Table) -> Table:
    """Return the test rows with their pixels in the order of the training rows, if the columns are the same.

    Names without numbers state no order: that of the training file holds for both.
    """
    if test.pixels == train.pixels or {*test.pixels} != {*train.pixels}:
        return test
    place = {name: number for number, name in enumerate(test.pixels)}
    order = [place[name] for name in train.pixels]
    images = np.take(test.images.reshape(len(test.images), -1), order, axis=1)
    return replace(test, images=images.reshape(test.images.shape))


@dataclass(frozen=True)
class Columns:
    """The columns of a CSV file. Places are 0-based and count from the left.

    Attributes:
        names: of all columns, in the order of the file.
        pixels: place of each value of an image, in the order of (height, width, channels).
        texts: place of the column of labels or ids; several for labels of zeros and ones; empty without.
        key: place of the column with the ids of labelled rows; None: there is none.
        body: offset of the first row in the file.
        line: its 1-based line number.
    """

    names: list[str]
    pixels: list[int]
    texts: list[int]
    key: int | None
    body: int
    line: int

    @cached_property
    def others(self) -> list[int]:
        """Places of the columns that are not pixels, ascending."""
        return sorted(set(range(len(self.names))) - set(self.pixels))

    def order(self, without: Sequence[int]) -> slice | list[int]:
        """Return the places of `pixels` in rows that lack the columns `without`."""
        absent = set(without)
        kept = [place for place in range(len(self.names)) if place not in absent]
        rank = {place: number for number, place in enumerate(kept)}
        places = [rank[place] for place in self.pixels]
        first, last = places[0], places[-1]
        # A slice is copied ten times as fast as columns picked one by one.
        return slice(first, last + 1) if places == list(range(first, last + 1)) else places


def texts_of(
    cells: Mapping[int, list[str]], columns: Columns, name: str, lines: Sequence[int], what: str
) -> list[str]:
    """Return (rows,) the label or id of each row; the name of the column that is 1 if there are several.

    Args:
        cells: cells of the rows, by place of the column.
        columns: gives the places and headers.
        name: of the file, for errors.
        lines: (rows,) line number of each row.
        what: what a cell holds, for errors: a label, or an id.

    Raises:
        UserError: a cell is empty, or not just one of several columns is 1.
    """
    for place in columns.texts:
        if "" in cells[place]:
            where = f"{name}, line {lines[cells[place].index('')]}, column {columns.names[place]}"
            raise UserError("the cell is empty", where=where, expected=what, received="nothing")
    if len(columns.texts) > 1:
        return _names_of_ones(cells, columns, name, lines)
    return [text for place in columns.texts for text in cells[place]]


def _names_of_ones(
    cells: Mapping[int, list[str]], columns: Columns, name: str, lines: Sequence[int]
) -> list[str]:
    headers = [columns.names[place] for place in columns.texts]
    labels = []
    for line, row in zip(lines, zip(*(cells[place] for place in columns.texts), strict=True), strict=True):
        values = [cell.removesuffix(".0") for cell in row]
        if sorted(values) != ["0"] * (len(values) - 1) + ["1"]:
            received = ", ".join(row)[:40]
            expected = f"one 1, and 0 in all others of {', '.join(headers)[:60]}"
            where = f"{name}, line {line}"
            raise UserError("not one label", where=where, expected=expected, received=received)
        labels.append(headers[values.index("1")])
    return labels
