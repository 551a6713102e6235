"""Columns and labels that are drawn from known distributions."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kit.ensembling.columns import Column, ColumnKey
from kit.ensembling.problem import Problem
from kit.ensembling.rules import softmax
from kit.metrics import HITS, Metric

FRESH = 3
"""Rows of the test matrix, if there are no figures of it."""
Matrix = NDArray[np.float64]


class Drawn(NamedTuple):
    """Columns of training rows and, as `test`, of fresh rows, with the labels of both."""

    columns: list[Column]
    labels: NDArray[np.int64]
    fresh_labels: NDArray[np.int64]

    def problem(self, metric: Metric = HITS) -> Problem:
        """Return the columns as a problem."""
        return Problem.of(self.columns, self.labels, metric)


def column(number: int, oof: Matrix, test: Matrix | None = None, folds: int = 5, shift: int = 0) -> Column:
    """Return a column whose row r is in fold (r + r // folds * shift) % folds."""
    rows = np.arange(len(oof))
    return Column(
        ColumnKey("run", "cnn", number),
        np.asarray(oof, np.float32),
        oof[:FRESH] if test is None else test,
        ((rows + rows // folds * shift) % folds).astype(np.int8),
    )


def labels_of(random: np.random.Generator, probs: Matrix) -> NDArray[np.int64]:
    """Draw a label of each row from its probabilities."""
    return np.asarray(
        np.minimum((probs.cumsum(axis=1) < random.random((len(probs), 1))).sum(axis=1), probs.shape[1] - 1)
    )


def drawn(
    seed: int, oof: Sequence[Matrix], truth: Matrix, rows: int, folds: int = 5, *, shifted: bool = False
) -> Drawn:
    """Return columns of (all rows, classes); the first `rows` are for training, the others are fresh."""
    labels = labels_of(np.random.default_rng(seed), truth)
    columns = [
        column(number, own[:rows], own[rows:], folds, number % 3 if shifted else 0)
        for number, own in enumerate(oof)
    ]
    return Drawn(columns, labels[:rows], labels[rows:])


def planted(seed: int, weights: Sequence[float], rows: int, classes: int = 4) -> Drawn:
    """Return independent columns, and labels drawn from their weighted mean."""
    random = np.random.default_rng(seed)
    oof = [random.dirichlet(np.full(classes, 0.3), rows + FRESH) for _ in weights]
    truth = np.asarray(sum(weight * own for weight, own in zip(weights, oof, strict=True)))
    return drawn(seed + 1, oof, truth, rows)


def noisy(
    seed: int,
    rows: int,
    count: int,
    classes: int = 4,
    *,
    fresh: int = FRESH,
    folds: int = 5,
    shifted: bool = False,
) -> Drawn:
    """Return columns of the true logits plus noise of different strength."""
    random = np.random.default_rng(seed)
    logits = 2 * random.normal(size=(rows + fresh, classes))
    oof = [
        softmax(logits + (0.5 + number / count) * random.normal(size=logits.shape)) for number in range(count)
    ]
    return drawn(seed + 1, oof, softmax(logits), rows, folds, shifted=shifted)


def equally_good(seed: int, rows: int, count: int, classes: int = 4) -> Drawn:
    """Return independent columns of one distribution, and labels drawn from their mean."""
    return planted(seed, [1 / count] * count, rows, classes)
