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
        suspicion: (rows,) from 0 to 1: 1 - the probability of the label.
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

    `expected` is the number of rows off the diagonal of `label_joint`: every confident contradiction of a
    label counts as a wrong label. But models are also confidently wrong about rows with correct labels, and
    probabilities cannot distinguish the two. The interval covers this, and the draw of the rows (bootstrap):

    - `high` is the 97.5 % quantile of the number of contradictions, at least 3 (rule of three);
    - `low` is the 2.5 % quantile of that number minus the mistakes that the probabilities predict: of 100
      guesses of probability 0.98, 2. It is 0 where they explain the contradictions, as they may on clean
      data, and too high where the probabilities are too extreme: scale them first
      (`kit.ensembling.calibration.robust_temperature`).

    The interval does not cover that another training gives other probabilities.

    Rows are ranked by the probability of the label, ascending; equal ones by that of the suggested class. In
    three trainings on the bundled sample with 40 wrong labels, the first 60 rows held all 40; ranked by
    normalized margin 38 to 40, by confidence-weighted entropy 39.

    Args:
        probs: (rows, classes), out-of-fold.
        labels: (rows,) from 0.
        draws: resamples of the bootstrap.
        seed: of the draws.
    """
    table, rows = _Table(probs.astype(np.float64), labels.astype(np.intp)), len(labels)
    expected, _ = table.contradictions(np.ones(rows))
    rng = np.random.default_rng(seed)
    drawn = (np.bincount(rng.integers(rows, size=rows), minlength=rows) for _ in range(draws))
    counted, unexplained = np.transpose([table.contradictions(times) for times in drawn])
    low = min(expected, max(0.0, float(np.percentile(unexplained, 2.5))))
    high = max(expected, float(np.percentile(counted, 97.5)), min(RULE_OF_THREE, rows))

    others = np.where(np.arange(probs.shape[1]) == labels[:, None], -1.0, table.probs)
    # By `own`: 1 - own is the same for all probabilities below 1e-16.
    order = np.lexsort((-others.max(axis=1), table.own))
    return LabelErrorEstimate(expected, low, high, others.argmax(axis=1), 1 - table.own, order)


def confident_joint(probs: Probabilities, labels: Labels) -> NDArray[np.float64]:
    """Return (classes, classes) float64: rows by label (outer) and confident class (inner).

    A row is confidently of a class if its probability is at least the mean over the rows with that label.
    Each class has at least one row on the diagonal.

    Args:
        probs: (rows, classes), out-of-fold.
        labels: (rows,) from 0.
    """
    table, once = _Table(probs.astype(np.float64), labels.astype(np.intp)), np.ones(len(labels))
    return table.joint(table.guess(once), once)


def label_joint(probs: Probabilities, labels: Labels) -> NDArray[np.float64]:
    """Return (classes, classes) float64: estimated number of rows by label (outer) and true class (inner).

    It is the confident joint, scaled so that each label has as many rows as in `labels`.

    Args:
        probs: (rows, classes), out-of-fold.
        labels: (rows,) from 0.
    """
    counts = confident_joint(probs, labels)
    scale = np.bincount(labels, minlength=len(counts)) / counts.sum(axis=1)
    return np.asarray(counts * scale[:, None])


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

    @cached_property
    def highest(self) -> NDArray[np.float64]:
        """(rows,) its probability."""
        return np.asarray(self.probs.max(axis=1))

    def guess(self, times: NDArray[np.float64 | np.int64]) -> NDArray[np.intp]:
        """Return (rows,) the class that each row confidently belongs to, or -1.

        Its probability is at least the mean probability of that class in the rows with that label. Of several
        such classes, the most probable class of the row counts, as in cleanlab.
        """
        classes = self.probs.shape[1]
        total = np.bincount(self.labels, times, classes)
        own = np.bincount(self.labels, times * self.own, classes)
        mean = np.divide(own, total, out=np.full(classes, np.inf), where=total > 0)
        threshold = np.maximum(mean, 2 * TOLERANCE) - TOLERANCE

        guess = self.top.copy()
        doubtful = np.flatnonzero(self.highest < threshold[self.top])
        confident = self.probs[doubtful] >= threshold
        number = confident.sum(axis=1)
        guess[doubtful[number == 1]] = confident[number == 1].argmax(axis=1)
        guess[doubtful[number == 0]] = -1
        return guess

    def joint(self, guess: NDArray[np.intp], times: NDArray[np.float64 | np.int64]) -> NDArray[np.float64]:
        """Return the confident joint of these guesses."""
        classes, sure = self.probs.shape[1], guess >= 0
        cells = self.labels[sure] * classes + guess[sure]
        joint = np.asarray(np.bincount(cells, times[sure], classes**2), np.float64).reshape(classes, classes)
        np.fill_diagonal(joint, np.maximum(joint.diagonal(), 1))
        return joint

    def contradictions(self, times: NDArray[np.float64 | np.int64]) -> tuple[float, float]:
        """Return how many labels are contradicted, and that number minus the mistakes that are predicted."""
        guess = self.guess(times)
        total = np.bincount(self.labels, times, self.probs.shape[1])
        scale = total / self.joint(guess, times).sum(axis=1)
        sure = np.flatnonzero(guess >= 0)
        guess, labels = guess[sure], self.labels[sure]
        represented = times[sure] * scale[labels]
        # Not a dot product, whose threads wait for each other on a busy machine: 20 times as slow.
        contradicted = float(represented[guess != labels].sum())
        predicted = float((represented * (1 - self.probs[sure, guess])).sum())
        return contradicted, contradicted - predicted
