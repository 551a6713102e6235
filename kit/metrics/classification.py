"""Accuracy and log loss.

All sums are float64, so that a figure does not depend on the order of its parts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kit.lazy import LazyModule
from kit.metrics.intervals import Difference, Interval, expected_score, normal_interval, wilson
from kit.metrics.metric import Metric
from kit.metrics.paired import paired_bootstrap

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from kit.metrics.metric import Labels, Probabilities
else:
    np = LazyModule("numpy")

EPSILON = 2.0**-23
"""Probabilities are stored as float32: closer to 0 or 1 than this they cannot be distinguished."""


def accuracy(probs: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
    """Return the fraction of rows whose most probable class is the label; of equal classes the first counts.

    Args:
        probs: (rows, classes).
        labels: (rows,) from 0.
    """
    return float(np.mean(probs.argmax(axis=1) == labels))


def count_errors(probs: Probabilities, labels: Labels) -> int:
    """Return how many rows of (rows, classes) have another most probable class than the label."""
    return int(np.sum(probs.argmax(axis=1) != labels))


def row_losses(probs: NDArray[np.floating], labels: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return -ln of the probability of each row's label, (rows,) float64.

    Probabilities are clipped to EPSILON … 1 - EPSILON, as scikit-learn does with float32: at most 15.9.

    Args:
        probs: (rows, classes).
        labels: (rows,) from 0.
    """
    of_label = probs[np.arange(len(labels)), labels].astype(np.float64)
    return np.asarray(-np.log(np.clip(of_label, EPSILON, 1 - EPSILON)))


def log_loss(probs: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
    """Return the mean of `row_losses`, in nats."""
    return float(row_losses(probs, labels).mean())


class Accuracy(Metric):
    """The share of rows whose most probable class is the label."""

    name = "accuracy"
    title = "accuracy"
    percent = True

    def value(self, probs: Probabilities, labels: Labels) -> float:
        """See `Metric`."""
        return 1 - count_errors(probs, labels) / len(labels)

    def row_losses(self, probs: Probabilities, labels: Labels) -> NDArray[np.float64]:
        """Return 0 for a correct row, 1 for an error."""
        return np.asarray(probs.argmax(axis=1) != labels, np.float64)

    def interval(self, probs: Probabilities, labels: Labels) -> Interval:
        """Return the Wilson interval."""
        return Interval(*wilson(count_errors(probs, labels), len(labels)))

    def expected(self, probs: Probabilities, labels: Labels, rows: int) -> Interval:
        """See `expected_score`."""
        share = 1 - count_errors(probs, labels) / len(labels)
        return Interval(*expected_score(share, len(labels), rows))

    def difference(self, probs: Probabilities, other: Probabilities, labels: Labels) -> Difference:
        """Return the difference with its paired bootstrap interval."""
        return paired_bootstrap(self.row_losses(other, labels), self.row_losses(probs, labels))


class MicroF1(Accuracy):
    """F1 of all classes together; with one label per row it equals accuracy.

    Each error is a false positive of one class and a false negative of another one.
    """

    name = "micro_f1"
    title = "micro F1"
    percent = False


class LogLoss(Metric):
    """Minus the logarithm of the label's probability, mean over rows, in nats."""

    name = "log_loss"
    title = "log loss"
    greater_is_better = False
    needs = "probabilities"

    def value(self, probs: Probabilities, labels: Labels) -> float:
        """See `Metric`."""
        return log_loss(probs, labels)

    def row_losses(self, probs: Probabilities, labels: Labels) -> NDArray[np.float64]:
        """See `row_losses`."""
        return row_losses(probs, labels)

    def interval(self, probs: Probabilities, labels: Labels) -> Interval:
        """Return the normal interval of a mean, from 0."""
        return self._interval(probs, labels, [len(labels)])

    def expected(self, probs: Probabilities, labels: Labels, rows: int) -> Interval:
        """See `Metric`."""
        return self._interval(probs, labels, [len(labels), rows])

    def difference(self, probs: Probabilities, other: Probabilities, labels: Labels) -> Difference:
        """Return the difference with its paired bootstrap interval."""
        return paired_bootstrap(row_losses(probs, labels), row_losses(other, labels))

    def _interval(self, probs: Probabilities, labels: Labels, sizes: Sequence[int]) -> Interval:
        losses = row_losses(probs, labels)
        low, high = normal_interval(float(losses.mean()), float(losses.var()), sizes)
        return Interval(max(0.0, low), high)
