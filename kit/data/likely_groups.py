"""Warn of columns that look like groups: images of one value resemble each other, as those of one person.

If such rows are divided between folds, OOF scores are too good for test images of other persons.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kit.config import Competition, Config, Group
from kit.data.groups import Cells, read_cells, read_groups
from kit.errors import UserError

CLEAR = 0.2
"""Least (found - chance) / (1 - chance), for the share of images whose nearest image has the same value."""
DEVIATIONS = 5.0
"""Smallest distance from chance, in standard deviations.

With both limits, none of 2,000 random columns on 60 to 1,500 images of digits or noise was taken for groups.
"""
SHUFFLES = 50
"""Random assignments of the values that give the standard deviation."""
QUERIES, CANDIDATES = 2000, 10_000
"""Images whose neighbours are looked for, and those among which they are looked for; of more, random ones."""
SIDE = 8
"""Height and width of the reduced images that are compared."""
LARGEST = 50_000_000
"""Bytes of a table; larger ones are not read."""


@dataclass(frozen=True)
class LikelyGroup:
    """A column whose values look like groups.

    Attributes:
        table: the CSV file.
        column: its column.
        values: number of distinct values.
        shared: share of images whose nearest image of the same class has the same value.
        expected: the same by chance.
    """

    table: str
    column: str
    values: int
    shared: float
    expected: float

    def __str__(self) -> str:
        return (
            f"likely groups: column {self.column} of {self.table} ({self.values} values): nearest images "
            f"share it {100 * self.shared:.0f} % of the time, {100 * self.expected:.0f} % expected; "
            f"set folds.group: {{table: {self.table}, column: {self.column}}}"
        )


def likely_groups(
    folder: Path,
    config: Config,
    names: Sequence[str],
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8],
) -> list[LikelyGroup]:
    """Return the columns of a competition's CSV files that look like groups, the clearest first.

    Columns with at least 2 values per fold count, whose values have two rows or more on average.

    Args:
        folder: of the competition's files.
        config: the resolved configuration.
        names: (rows,) names of the training images; empty: they have none.
        images: (rows, height, width, channels) uint8, the training images.
        labels: (rows,) uint8, their classes.
    """
    nearest: Nearest | None = None
    fewest, found = 2 * config.folds.count, []
    for cells, table in _tables(folder, config.competition):
        for column in cells.header:
            values = len({*cells.column(column)})
            if column == config.competition.label_column or not fewest <= values <= len(cells.rows) / 2:
                continue
            try:
                groups, names_of = read_groups(folder, Group(table=table, column=column), names, len(labels))
            except UserError:
                continue
            if fewest <= len(names_of) <= len(labels) / 2:
                nearest = nearest or Nearest(images, labels)
                if nearest.is_clear(groups):
                    found.append(LikelyGroup(table, column, len(names_of), *nearest.shared(groups)))
    return sorted(found, key=lambda one: one.expected - one.shared)


def _tables(folder: Path, competition: Competition) -> Iterator[tuple[Cells, str]]:
    """Yield the tables that may hold groups: neither pixels nor anything about test images."""
    others = {competition.test, competition.sample_submission}
    if not competition.has_files:
        others.add(competition.train)
    for path in sorted(folder.glob("*.csv")):
        if path.name not in others and path.stat().st_size <= LARGEST:
            try:
                yield read_cells(folder, path.name), path.name
            except UserError:
                continue


class Nearest:
    """The nearest image of the same class, for some of the training images.

    Args:
        images: (rows, height, width, channels) uint8.
        labels: (rows,) uint8.
    """

    def __init__(self, images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> None:
        self._rng = np.random.default_rng(0)
        self._rows = np.sort(self._rng.permutation(len(labels))[:CANDIDATES])
        self._labels = labels[self._rows]
        small = _reduced(images, self._rows)
        share = min(1.0, QUERIES / len(self._rows))
        pairs = [
            self._pairs(small, np.flatnonzero(self._labels == one), share) for one in np.unique(self._labels)
        ]
        self._queries, self._found = np.concatenate(pairs, axis=1)

    def shared(self, groups: NDArray[np.int64]) -> tuple[float, float]:
        """Return the share of images whose neighbour is of the same group, and the share by chance."""
        own = groups[self._rows]
        chance = np.empty(len(own))
        for one in np.unique(self._labels):
            rows = np.flatnonzero(self._labels == one)
            _, group, sizes = np.unique(own[rows], return_inverse=True, return_counts=True)
            chance[rows] = (sizes[group] - 1) / max(1, len(rows) - 1)
        return float(np.mean(own[self._queries] == own[self._found])), float(chance[self._queries].mean())

    def is_clear(self, groups: NDArray[np.int64]) -> bool:
        """Return whether more neighbours are of one group than chance explains."""
        shared, expected = self.shared(groups)
        if expected >= 1 or (shared - expected) / (1 - expected) < CLEAR:
            return False
        own = groups[self._rows]
        by_class = np.argsort(self._labels, kind="stable")
        drawn = []
        for _ in range(SHUFFLES):
            # Within each class, as in the search for neighbours.
            order = np.lexsort((self._rng.random(len(own)), self._labels))
            shuffled = np.empty_like(own)
            shuffled[by_class] = own[order]
            drawn.append(np.mean(shuffled[self._queries] == shuffled[self._found]))
        return bool(shared - np.mean(drawn) >= DEVIATIONS * np.std(drawn))

    def _pairs(self, small: NDArray[np.float32], rows: NDArray[np.intp], share: float) -> NDArray[np.intp]:
        """Return (2, pairs): images of a class, and the nearest other one of each."""
        from scipy.spatial.distance import cdist

        if len(rows) < 2:
            return np.empty((2, 0), np.intp)
        queries = self._rng.permutation(rows)[: max(1, round(share * len(rows)))]
        distances = cdist(small[queries], small[rows], "sqeuclidean")
        distances[queries[:, None] == rows] = np.inf
        return np.stack([queries, rows[distances.argmin(axis=1)]])


def _reduced(images: NDArray[np.uint8], rows: NDArray[np.intp]) -> NDArray[np.float32]:
    """Return (rows, features) float32: means over the cells of a grid, of SIDE cells per side at most."""
    height, width = images.shape[1:3]
    starts = [np.unique(np.arange(SIDE) * side // SIDE) for side in (height, width)]
    sizes = np.diff(np.append(starts[0], height))[:, None] * np.diff(np.append(starts[1], width))
    reduced = [
        np.add.reduceat(np.add.reduceat(images[row].astype(np.float32), starts[0], 0), starts[1], 1)
        / sizes[..., None]
        for row in rows
    ]
    return np.stack(reduced).reshape(len(rows), -1)
