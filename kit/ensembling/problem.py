"""The columns of an ensemble, in an order of their own, with the folds of cross-fitting."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from kit.ensembling.columns import Column
from kit.ensembling.rules import Probabilities, Rule
from kit.metrics import HITS, Metric
from kit.metrics.classification import EPSILON

MOST_FOLDS = 10
"""A run may have up to 100 folds; cross-fitting merges them into so many."""
Rows = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Problem:
    """What a method fits its weights on.

    Attributes:
        columns: K distinct columns, in an order that their content decides.
        copies: (K,) float64, how many of the given columns are equal to each.
        positions: for each given column, its number among `columns`.
        labels: (rows,) from 0.
        folds: (rows,) int8 from 0: the fold of cross-fitting that holds each row out.
        metric: of the competition.
    """

    columns: tuple[Column, ...]
    copies: NDArray[np.float64]
    positions: tuple[int, ...]
    labels: NDArray[np.integer]
    folds: NDArray[np.int8]
    metric: Metric

    @classmethod
    def of(cls, columns: Sequence[Column], labels: NDArray[np.integer], metric: Metric) -> "Problem":
        """Return the problem of one or more columns, in any order, that may be equal."""
        content = [_content(column, labels) for column in columns]
        order = sorted(range(len(columns)), key=content.__getitem__)
        distinct: list[int] = []
        positions = [0] * len(columns)
        for index in order:
            if not distinct or content[distinct[-1]] != content[index]:
                distinct.append(index)
            positions[index] = len(distinct) - 1
        return cls(
            columns=tuple(columns[index] for index in distinct),
            copies=np.bincount(positions).astype(np.float64),
            positions=tuple(positions),
            labels=labels,
            folds=cross_folds([columns[index].held_out for index in distinct]),
            metric=metric,
        )

    @cached_property
    def of_label(self) -> NDArray[np.float64]:
        """(rows, K) float64: the probability that each column gives to the label, clipped as in log loss."""
        each = [_of_label(column, self.labels) for column in self.columns]
        return np.clip(np.stack(each, axis=1).astype(np.float64), EPSILON, 1 - EPSILON)

    @cached_property
    def is_decisive(self) -> NDArray[np.bool_]:
        """(rows,) whether weights can change what the row adds to the metric.

        To accuracy, rows add a constant where the label is the most probable class in all columns.
        """
        if self.metric is not HITS:
            return np.ones(len(self.labels), bool)
        decisive = np.zeros(len(self.labels), bool)
        for column in self.columns:
            of_label = _of_label(column, self.labels)[:, None]
            decisive |= np.count_nonzero(column.oof >= of_label, axis=1) > 1
        return decisive

    @property
    def classes(self) -> int:
        """Number of classes."""
        return int(self.columns[0].oof.shape[1])

    @property
    def all_rows(self) -> Rows:
        """Every row."""
        return np.arange(len(self.labels))

    def splits(self) -> Iterator[tuple[Rows, Rows]]:
        """Yield the rows to fit on and the rows to score, fold by fold."""
        for fold in range(int(self.folds.max()) + 1):
            yield np.flatnonzero(self.folds != fold), np.flatnonzero(self.folds == fold)

    def spread(self, weights: NDArray[np.float64]) -> tuple[float, ...]:
        """Return weights of the given columns; equal columns share the weight evenly."""
        return tuple((weights / self.copies)[list(self.positions)].tolist())

    def oof(self, rule: Rule, rows: Rows | None = None) -> Probabilities:
        """Return the combined OOF probabilities of some rows (None: all)."""
        return rule.apply([column.oof if rows is None else column.oof[rows] for column in self.columns])

    def test(self, rule: Rule) -> Probabilities:
        """Return the combined test probabilities."""
        return rule.apply([column.test for column in self.columns])


def cross_folds(held_out: Sequence[NDArray[np.int8]]) -> NDArray[np.int8]:
    """Return (rows,) int8 folds for cross-fitting, from 0: the folds that most columns were trained on.

    Copies of an image and groups are in one fold of every run, so they stay together.

    Args:
        held_out: folds of each column, (rows,) int8.
    """
    counts = Counter(folds.tobytes() for folds in held_out)
    chosen = max(held_out, key=lambda folds: (counts[folds.tobytes()], folds.tobytes()))
    return (np.unique(chosen, return_inverse=True)[1] % MOST_FOLDS).astype(np.int8)


def _content(column: Column, labels: NDArray[np.integer]) -> tuple[bytes, ...]:
    """Return a sort key, equal for equal columns.

    The probabilities of the labels come first: they do not depend on the order of the classes.
    """
    arrays = column.oof, column.test, column.held_out
    return (_of_label(column, labels).tobytes(), *(sha256(one.tobytes()).digest() for one in arrays))


def _of_label(column: Column, labels: NDArray[np.integer]) -> NDArray[np.float32]:
    return np.asarray(column.oof[np.arange(len(labels)), labels])
