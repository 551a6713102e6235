"""Area under the ROC curve, with the variance of DeLong."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from kit.lazy import LazyModule
from kit.metrics.intervals import Difference, Interval, normal_interval, wilson
from kit.metrics.metric import Metric

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kit.metrics.metric import Labels, Probabilities
else:
    np = LazyModule("numpy")


class Auc(Metric):
    """The probability that a row of a class is ranked above one of another class.

    With more than two classes, each class against all others, and the mean over classes that are there.
    """

    name = "auc"
    title = "AUC"
    needs = "probabilities"

    def value(self, probs: Probabilities, labels: Labels) -> float:
        """See `Metric`; NaN where all rows are of one class."""
        from sklearn.metrics import roc_auc_score

        scored = [float(roc_auc_score(labels == one, probs[:, one])) for one in _classes(probs, labels)]
        return float(np.mean(scored)) if scored else float("nan")

    def interval(self, probs: Probabilities, labels: Labels) -> Interval:
        """Return the normal interval of the logit, with DeLong's variance."""
        return self._interval(probs, labels, [len(labels)])

    def expected(self, probs: Probabilities, labels: Labels, rows: int) -> Interval:
        """Return the interval with DeLong's variance of both samples.

        The normal interval and that of the logit together: the AUC of few rows may well be 1, where the
        interval of the logit never ends.
        """
        sizes, value = [len(labels), rows], self.value(probs, labels)
        low, high = self._interval(probs, labels, sizes)
        normal = normal_interval(value, float(np.var(influence(probs, labels))), sizes)
        return Interval(max(0.0, min(low, normal.low)), min(1.0, max(high, normal.high)))

    def difference(self, probs: Probabilities, other: Probabilities, labels: Labels) -> Difference:
        """Return the difference with the normal interval of DeLong's paired variance."""
        mean = self.value(probs, labels) - self.value(other, labels)
        variance = float(np.var(influence(probs, labels) - influence(other, labels)))
        return Difference(mean, *normal_interval(mean, variance, [len(labels)]))

    def _interval(self, probs: Probabilities, labels: Labels, sizes: list[int]) -> Interval:
        """Return the interval of the logit: near 1, that of the AUC itself has too short a lower side.

        Source: M. S. Pepe (2003), The statistical evaluation of medical tests for classification and
        prediction, section 5.2.
        """
        value = self.value(probs, labels)
        if math.isnan(value):
            return Interval(0.0, 1.0)
        if value in {0.0, 1.0}:
            # DeLong's variance is 0: as if each row of the rarest class were right or wrong.
            rarest = np.unique(labels, return_counts=True)[1].min() / len(labels)
            rows = max(1, round(rarest / sum(1 / size for size in sizes)))
            return Interval(*wilson(0 if value else rows, rows))
        variance = float(np.var(influence(probs, labels))) / (value * (1 - value)) ** 2
        low, high = normal_interval(math.log(value / (1 - value)), variance, sizes)
        return Interval(1 / (1 + math.exp(-low)), 1 / (1 + math.exp(-high)))


def influence(probs: Probabilities, labels: Labels) -> NDArray[np.float64]:
    """Return (rows,) float64: how each row moves the AUC; their variance over the rows is that of the AUC.

    The placement values of E. R. DeLong, D. M. DeLong and D. L. Clarke-Pearson (1988), Comparing the areas
    under two or more correlated receiver operating characteristic curves, Biometrics 44, 837-845.

    Args:
        probs: (rows, classes).
        labels: (rows,) from 0.
    """
    from scipy.stats import rankdata

    total, classes = np.zeros(len(labels)), _classes(probs, labels)
    for one in classes:
        own, scores = labels == one, probs[:, one]
        ranks, within = rankdata(scores), np.empty(len(labels))
        within[own], within[~own] = rankdata(scores[own]), rankdata(scores[~own])
        positives, negatives = int(own.sum()), int((~own).sum())
        # Of a positive row the share of negatives below it, of a negative one the share of positives above.
        placed = np.where(own, (ranks - within) / negatives, 1 - (ranks - within) / positives)
        area = placed[own].mean()
        total += (placed - area) * np.where(own, len(labels) / positives, len(labels) / negatives)
    return total / max(1, len(classes))


def _classes(probs: Probabilities, labels: Labels) -> list[int]:
    """Return the classes that are judged: with two, the second; else those that are there."""
    present = np.unique(labels).tolist()
    if len(present) < 2:
        return []
    return [1] if probs.shape[1] == 2 else present
