"""Labels that may be wrong, by confident learning.

Source: C. G. Northcutt, L. Jiang and I. L. Chuang (2021), Confident learning: estimating uncertainty in
dataset labels, J. Artif. Intell. Res. 70, 1373-1411. The counts are those of cleanlab, the authors' library.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from kit.lazy import LazyModule

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from kit.metrics.metric import Labels, Probabilities
else:
    np = LazyModule("numpy")

TOLERANCE = 1e-6
"""By how much a probability may miss its threshold, as in cleanlab."""
RULE_OF_THREE = 3.0
"""Upper 95 % limit of a count that is 0: J. A. Hanley and A. Lippman-Hand (1983), JAMA 249, 1743-1745."""


@dataclass(frozen=True, eq=False)
class LabelErrorEstimate:
    """How many labels are wrong, and which rows have them; see `find_label_errors`.

    Attributes:
        expected: estimated number of wrong labels.
        low: lower end of its 95 % interval.
        high: upper end.
        suggested: (rows,) the most probable class other than the label.
        suspicion: (rows,) from 0 to 1: 1 - the probability of the label. Log loss has the same order.
        order: (rows,) row numbers, the most suspicious first.
    """

    expected: float
    low: float
    high: float
    suggested: NDArray[np.intp]
    suspicion: NDArray[np.float64]
    order: NDArray[np.intp]


def find_label_errors(
    probs: Probabilities, labels: Labels, *, draws: int = 200, seed: int = 0
) -> LabelErrorEstimate:
    """Estimate the number of wrong labels, and rank the rows.

    A row is confidently of a class if its probability is at least the mean over the rows with that label. A
    label is contradicted if its row is confidently of another class.

    `expected` is the number of contradictions, scaled so that each label has as many rows as in `labels`:
    every contradiction counts as a wrong label. But models are also confidently wrong about rows with correct
    labels, and probabilities cannot distinguish the two. The interval covers this, and the draw of the rows
    (bootstrap):

    - `high` is the 97.5 % quantile of the number of contradictions, at least 3 (rule of three);
    - `low` is the 2.5 % quantile of that number minus the mistakes that the probabilities predict: of 100
      guesses of probability 0.98, 2. It is 0 where they explain the contradictions, as they may on clean
      data, and too high where the probabilities are too extreme: scale them first
      (`kit.ensembling.calibration.robust_temperature`).

    The interval does not cover that another training gives other probabilities.

    Rows are ranked by the probability of the label, ascending; equal ones by that of the suggested class. In
    three trainings on the bundled sample with 40 wrong labels, the first 50 rows held 39, 40 and 39 of them,
    the first 60 all; with contradicted labels first 38, 39 and 39, and all. Ranked by normalized margin, the
    first 60 held 38 to 40, by confidence-weighted entropy 39.

    Args:
        probs: (rows, classes), out-of-fold.
        labels: (rows,) from 0.
        draws: resamples of the bootstrap.
        seed: of the draws.
    """
    table, rows = _Table(probs.astype(np.float64), labels.astype(np.intp)), len(labels)

    def resamples() -> Iterator[NDArray[np.int64]]:
        rng = np.random.default_rng(seed)
        return (np.bincount(rng.integers(rows, size=rows), minlength=rows) for _ in range(draws))

    once = np.ones(rows, np.int64)
    # Drawn twice, not kept: draws times rows numbers may not fit into memory.
    thresholds = np.stack([table.thresholds(times) for times in (once, *resamples())])
    entries = _Entries.above(thresholds.min(axis=0), table.probs)
    expected, _ = table.contradictions(table.guess(thresholds[0], entries), once)
    counted, unexplained = np.transpose(
        [
            table.contradictions(table.guess(least, entries), times)
            for least, times in zip(thresholds[1:], resamples(), strict=True)
        ]
    )
    low = min(expected, max(0.0, float(np.percentile(unexplained, 2.5))))
    high = max(expected, float(np.percentile(counted, 97.5)), min(RULE_OF_THREE, rows))

    others = np.where(np.arange(probs.shape[1]) == labels[:, None], -1.0, table.probs)
    # By `own`: 1 - own is the same for all probabilities below 1e-16.
    order = np.lexsort((-others.max(axis=1), table.own))
    return LabelErrorEstimate(expected, low, high, others.argmax(axis=1), 1 - table.own, order)


@dataclass(frozen=True, eq=False)
class _Entries:
    """The probabilities that reach the threshold of their class in at least one resample: a few per row.

    Attributes:
        rows: (entries,) ascending.
        classes: (entries,).
        probs: (entries,).
    """

    rows: NDArray[np.intp]
    classes: NDArray[np.intp]
    probs: NDArray[np.float64]

    @classmethod
    def above(cls, thresholds: NDArray[np.float64], probs: NDArray[np.float64]) -> _Entries:
        """Return the entries of (rows, classes) probabilities at or above (classes,) thresholds."""
        rows, classes = np.nonzero(probs >= thresholds)
        return cls(rows, classes, probs[rows, classes])


@dataclass(frozen=True, eq=False)
class _Table:
    """OOF predictions, whose rows may count several times (`times`, (rows,)): a resample of the bootstrap.

    Attributes:
        probs: (rows, classes).
        labels: (rows,).
    """

    probs: NDArray[np.float64]
    labels: NDArray[np.intp]

    @cached_property
    def own(self) -> NDArray[np.float64]:
        """(rows,) the probability of the label."""
        return self.probs[np.arange(len(self.labels)), self.labels]

    @cached_property
    def top(self) -> NDArray[np.intp]:
        """(rows,) the most probable class."""
        return np.asarray(self.probs.argmax(axis=1))

    def thresholds(self, times: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return (classes,) the mean probability of each class in its rows; infinity without rows."""
        classes = self.probs.shape[1]
        total = np.bincount(self.labels, times, classes)
        own = np.bincount(self.labels, times * self.own, classes)
        mean = np.divide(own, total, out=np.full(classes, np.inf), where=total > 0)
        return np.asarray(np.maximum(mean, 2 * TOLERANCE) - TOLERANCE)

    def guess(self, thresholds: NDArray[np.float64], entries: _Entries) -> NDArray[np.intp]:
        """Return (rows,) the class that each row confidently belongs to, or -1.

        Of several such classes, the most probable class of the row counts, as in cleanlab.
        """
        confident = entries.probs >= thresholds[entries.classes]
        rows, classes = entries.rows[confident], entries.classes[confident]
        number = np.bincount(rows, minlength=len(self.labels))
        guess = np.where(number == 0, -1, self.top)
        single = number[rows] == 1
        guess[rows[single]] = classes[single]
        return guess

    def contradictions(self, guess: NDArray[np.intp], times: NDArray[np.int64]) -> tuple[float, float]:
        """Return how many labels are contradicted, and that number minus the mistakes that are predicted."""
        classes, sure = self.probs.shape[1], np.flatnonzero(guess >= 0)
        guess, labels, counts = guess[sure], self.labels[sure], times[sure]
        agree, total = guess == labels, np.bincount(self.labels, times, classes)
        agreed = np.bincount(labels[agree], counts[agree], classes)
        contradicted = np.bincount(labels[~agree], counts[~agree], classes)
        # As in cleanlab, each label has at least one row that agrees.
        scale = total / (contradicted + np.maximum(agreed, 1))
        predicted = counts * scale[labels] * (1 - self.probs[sure, guess])
        number = float((scale * contradicted).sum())
        return number, number - float(predicted.sum())
