"""Groups of training rows, as all images of one person: read from a CSV file."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kit.config import Group
from kit.config.errors import nearest
from kit.data import compressed, layout
from kit.errors import UserError
from kit.task.labels import LabelEncoder

MANY = 50
"""A file with more columns holds pixels."""


def _without_ending(text: str) -> str:
    # As text: PurePosixPath takes ten times as long, which are seconds with 50,000 names.
    base, _, ending = text.rpartition(".")
    return base if base and base[-1] != "/" and "/" not in ending else text


def _without_folders(text: str) -> str:
    return text.rpartition("/")[2]


_FORMS: tuple[Callable[[str], str], ...] = (
    str,
    _without_ending,
    _without_folders,
    lambda text: _without_ending(_without_folders(text)),
)
"""What of the names of images may be compared: all, all but the ending, all but folders, neither of them."""
_MISSING = {"", "nan", "na", "null", "none"}


@dataclass(frozen=True)
class Cells:
    """A CSV file with a header.

    Attributes:
        path: for errors.
        header: names of the columns.
        rows: the cells below the header, as many in each row as in the header.
    """

    path: str
    header: list[str]
    rows: list[list[str]]

    def column(self, name: str) -> list[str]:
        """Return the cells of a column."""
        place = self.header.index(name)
        return [row[place] for row in self.rows]


def read_groups(
    folder: Path, group: Group, names: Sequence[str], rows: int
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return (rows,) int64, the group of each training row from 0, and the names of the groups.

    Args:
        folder: of the competition's files.
        group: the table, its columns.
        names: (rows,) names of the training images, with or without the ending; empty: they have none.
        rows: number of training rows.

    Raises:
        UserError: there is no such table or column, or an image has no group, or two.
    """
    cells = read_cells(folder, group.table, {group.column, group.key})
    for name in filter(None, (group.column, group.key)):
        if name not in cells.header:
            key = "key" if name == group.key else "column"
            raise UserError(
                f"there is no column {name!r}{nearest(name, cells.header)}",
                where=f"{cells.path}, folds.group.{key}",
                expected=f"one of {', '.join(cells.header[:10])}",
            )
    places = _places(cells, group, names, rows)
    values = cells.column(group.column)
    found = [values[place] for place in places]
    blank = next((place for place in places if values[place].strip().lower() in _MISSING), None)
    if blank is not None:
        raise UserError(
            "a training row has no group",
            where=f"{cells.path}, line {blank + 2}, column {group.column}",
            expected="the name of a group",
            received=repr(values[blank]),
        )
    encoder = LabelEncoder.learned(found)
    return encoder.find(found), encoder.labels


def read_cells(folder: Path, name: str, wanted: Set[str | None] = frozenset()) -> Cells:
    """Return the content of a CSV file in a folder, which may be compressed.

    Args:
        folder: of the competition's files.
        name: of the file.
        wanted: what is kept of a file of pixels, with more than MANY columns; without any of these columns
            the first MANY.

    Raises:
        UserError: it is missing, or no CSV file with a header.
    """
    path = layout.file_in(folder, name)
    if path is None:
        raise UserError(f"there is no {name}", where=f"{folder}/", hint="folds.group.table names it")
    try:
        text = compressed.content(path).decode("utf-8-sig")
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        header = next(reader)
        kept = [place for place, one in enumerate(header) if len(header) <= MANY or one in wanted]
        kept = kept or list(range(min(MANY, len(header))))
        if not kept:
            raise ValueError("the first line is empty")
        rows = []
        for row in filter(None, reader):
            if len(row) != len(header):
                where, expected = f"{path}, line {reader.line_num}", str(len(header))
                raise UserError(
                    "wrong number of cells", where=where, expected=expected, received=str(len(row))
                )
            rows.append([row[place] for place in kept])
    except (StopIteration, ValueError, csv.Error) as error:
        raise UserError("not a CSV file with a header", where=str(path)) from error
    return Cells(str(path), [header[place] for place in kept], rows)


def _places(cells: Cells, group: Group, names: Sequence[str], rows: int) -> Sequence[int]:
    """Return for each training row its row of the table."""
    keys = [group.key] if group.key else [one for one in cells.header if one != group.column]
    matched = {key: _matched(cells.column(key), names) for key in keys if names}
    key = min(matched, key=lambda one: matched[one].count(None), default=None)
    if key is None or matched[key].count(None) == len(names):
        if group.key or len(cells.rows) != rows:
            raise _unmatched(cells, names, rows)
        return range(rows)
    absent = [name for name, place in zip(names, matched[key], strict=True) if place is None]
    if absent:
        raise UserError(
            f"{len(absent):,} of {len(names):,} training images have no group, the first: {absent[0]}",
            where=f"{cells.path}, column {key}",
            hint="add them to the table",
        )
    _check_once(cells, key, group.column)
    return [place for place in matched[key] if place is not None]


def _unmatched(cells: Cells, names: Sequence[str], rows: int) -> UserError:
    first = ", ".join(cells.rows[0])[:80] if cells.rows else "no row"
    if names:
        return UserError(
            "no column has the names of the training images",
            where=cells.path,
            expected=f"names as in {names[0]!r}, or {rows:,} rows in the order of the training rows",
            received=f"{len(cells.rows):,} rows, the first: {first}",
        )
    return UserError(
        "the training rows have no names, and the table has another number of rows",
        where=cells.path,
        expected=str(rows),
        received=str(len(cells.rows)),
    )


def _matched(keys: Sequence[str], names: Sequence[str]) -> list[int | None]:
    """Return for each name the place of its key; None if there is none.

    Names are compared without folders and endings if more of them match then, and all remain distinct.
    """
    best: list[int | None] = [None] * len(names)
    for form in _FORMS:
        if any(len({form(text) for text in texts}) < len({*texts}) for texts in (keys, names)):
            continue
        places = {form(key): place for place, key in enumerate(keys)}
        found = [places.get(form(name)) for name in names]
        if found.count(None) < best.count(None):
            best = found
    return best


def _check_once(cells: Cells, key: str, column: str) -> None:
    """Check that no image of the table has two groups."""
    known: dict[str, str] = {}
    for line, (name, value) in enumerate(zip(cells.column(key), cells.column(column), strict=True), 2):
        if known.setdefault(name, value) != value:
            raise UserError(
                f"image {name} has two groups, {known[name]} and {value}",
                where=f"{cells.path}, line {line}, column {column}",
            )


def joined(groups: NDArray[np.int64], same: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return (rows,) int64 groups, in which groups that share copies of an image are one.

    Args:
        groups: (rows,) group of each row.
        same: (rows,) row of the first copy of each image (`kit.data.duplicates.distinct`).
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    rows = np.arange(len(groups))
    _, first, group = np.unique(groups, return_index=True, return_inverse=True)
    edges = np.concatenate([rows, rows]), np.concatenate([same, first[group]])
    graph = coo_array((np.ones(2 * len(rows), bool), edges), shape=(len(rows), len(rows)))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)


def doubts(
    labels: NDArray[np.uint8],
    classes: Sequence[str],
    folds: int,
    groups: NDArray[np.int64] | None = None,
    names: Sequence[str] = (),
) -> Iterator[str]:
    """Yield what limits cross-validation: rare classes and large groups, one sentence each.

    Args:
        labels: (rows,) uint8.
        classes: name of class 0, 1, ….
        folds: number of folds.
        groups: (rows,) group of each row from 0; None: there are none.
        names: of group 0, 1, ….
    """
    counts = np.bincount(labels, minlength=len(classes))
    rare = [f"{classes[one]} ({counts[one]})" for one in range(len(classes)) if 0 < counts[one] < folds]
    if rare:
        yield (
            f"rare classes: {_listed(rare)} have fewer rows than there are folds ({folds}), so that their "
            "figures are uncertain"
        )
    if groups is None:
        return
    sizes, most = np.bincount(groups), len(labels) / folds
    large = [f"{names[one]} ({sizes[one]:,})" for one in range(len(names)) if sizes[one] > most]
    if large:
        yield f"large groups: {_listed(large)} have more rows than a fold should have ({most:,.0f})"
    pairs = np.unique(np.stack([labels, groups]), axis=1)
    alone = [int(one) for one in np.flatnonzero(np.bincount(pairs[0]) == 1)]
    if alone:
        each = [f"{classes[one]} ({names[int(pairs[1][pairs[0] == one][0])]})" for one in alone]
        yield f"classes in one group alone: {_listed(each)}; where it is held out, no such row is trained on"


def _listed(texts: Sequence[str], most: int = 5) -> str:
    return ", ".join(texts[:most]) + (f" and {len(texts) - most} more" if len(texts) > most else "")
