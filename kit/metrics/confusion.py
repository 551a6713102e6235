"""Metrics of a confusion matrix: macro F1, quadratic weighted kappa, balanced accuracy.

scikit-learn gives the values. Intervals come from a bootstrap over rows, for which the confusion matrix is
drawn anew: its cells are multinomial.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from kit.lazy import LazyModule
from kit.metrics.intervals import Z95, Difference, Interval
from kit.metrics.metric import Metric, most_probable

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from kit.metrics.metric import Decide, Labels, Probabilities
else:
    np = LazyModule("numpy")

DRAWS = 1000
"""Resamples of a bootstrap."""
TINY = 1e-9
"""Expected classes that vary less are equal."""


class ConfusionMetric(Metric):
    """A metric of predicted labels that is no mean over rows.

    Class attributes:
        lowest: the least possible value.
    """

    lowest = 0.0

    @abstractmethod
    def of_confusion(self, counts: NDArray[np.float64]) -> float:
        """Return the value of (classes, classes) counts, labels down and predictions across."""

    def interval(self, probs: Probabilities, labels: Labels) -> Interval:
        """Return the percentile interval of a bootstrap over rows."""
        low, high = np.percentile(self._resampled(probs, labels, len(labels)), [2.5, 97.5])
        return Interval(float(low), float(high))

    def expected(self, probs: Probabilities, labels: Labels, rows: int) -> Interval:
        """Return value ± 1.96 √(variance on these rows + variance on `rows` rows), both by bootstrap."""
        value = self.value(probs, labels)
        variances = [np.var(self._resampled(probs, labels, size)) for size in (len(labels), rows)]
        half = Z95 * float(np.sqrt(sum(variances)))
        return Interval(max(self.lowest, value - half), min(1.0, value + half))

    def difference(self, probs: Probabilities, other: Probabilities, labels: Labels) -> Difference:
        """Return the difference with the percentile interval of a paired bootstrap over rows."""
        classes = probs.shape[1]
        pairs = [labels.astype(np.intp) * classes + self.decisions(one, labels) for one in (probs, other)]

        def draw(cells: tuple[NDArray[np.intp], ...], counts: NDArray[np.int64]) -> float:
            ours, theirs = (self._of_cells(one, counts, classes) for one in cells)
            return ours - theirs

        low, high = np.percentile(_bootstrap(pairs, len(labels), draw), [2.5, 97.5])
        return Difference(self.value(probs, labels) - self.value(other, labels), float(low), float(high))

    def _resampled(self, probs: Probabilities, labels: Labels, rows: int) -> NDArray[np.float64]:
        classes = probs.shape[1]
        cells = labels.astype(np.intp) * classes + self.decisions(probs, labels)
        return _bootstrap([cells], rows, lambda one, counts: self._of_cells(one[0], counts, classes))

    def _of_cells(self, cells: NDArray[np.intp], counts: NDArray[np.int64], classes: int) -> float:
        confusion = np.bincount(cells, weights=counts, minlength=classes**2).astype(np.float64)
        return self.of_confusion(confusion.reshape(classes, classes))


class MacroF1(ConfusionMetric):
    """The mean over classes of F1; the most probable class is predicted.

    The best rule depends on the F1 of each class that it attains. Of the rules that correct for the shares of
    the classes, none is better in general: see docs/results.md.
    """

    name = "macro_f1"
    title = "macro F1"

    def value(self, probs: Probabilities, labels: Labels) -> float:
        """See `Metric`; classes without rows and predictions count for nothing."""
        from sklearn.metrics import f1_score

        return float(f1_score(labels, self.decisions(probs, labels), average="macro", zero_division=0))

    def of_confusion(self, counts: NDArray[np.float64]) -> float:
        """See `ConfusionMetric`."""
        rows = counts.sum(axis=0) + counts.sum(axis=1)
        return float((2 * counts.diagonal()[rows > 0] / rows[rows > 0]).mean())


class BalancedAccuracy(ConfusionMetric):
    """The mean over classes of the share of their rows that are predicted correctly.

    The best prediction is the class with the highest ratio of its probability to its share of the training
    rows, also where test rows have other shares (A. K. Menon et al., 2021, Long-tail learning via logit
    adjustment, ICLR).
    """

    name = "balanced_accuracy"
    title = "balanced accuracy"
    percent = True
    rule = "the class with the highest ratio of its probability to its share of the training rows"

    def decider(self, probs: Probabilities, labels: Labels) -> Decide:
        """See `Metric`; a class without training rows is not predicted."""
        rows = np.bincount(labels, minlength=probs.shape[1])
        weights = np.divide(len(labels), rows, out=np.zeros(len(rows)), where=rows > 0)
        return lambda others: most_probable(others * weights)

    def value(self, probs: Probabilities, labels: Labels) -> float:
        """See `Metric`; classes without rows count for nothing."""
        from sklearn.metrics import recall_score

        predicted, present = self.decisions(probs, labels), np.unique(labels)
        return float(recall_score(labels, predicted, labels=present, average="macro"))

    def of_confusion(self, counts: NDArray[np.float64]) -> float:
        """See `ConfusionMetric`."""
        rows = counts.sum(axis=1)
        return float((counts.diagonal()[rows > 0] / rows[rows > 0]).mean())


class QuadraticWeightedKappa(ConfusionMetric):
    """Agreement beyond chance, errors weighted by the squared distance between classes in order.

    Kappa with squared distances is 2 cov / (var + var' + (mean - mean')²), the concordance of L. I. Lin
    (1989), Biometrics 45, 255-268. Given the expected class of each row, it is highest where predictions
    have mean and variance of the labels. The expected classes themselves, the best predictions for squared
    error, vary less than the labels.
    """

    name = "quadratic_weighted_kappa"
    title = "quadratic weighted kappa"
    lowest = -1.0
    ordered = True
    rule = (
        "the class nearest to the expected class, which is scaled so that its mean and standard deviation "
        "over OOF predictions are those of the labels"
    )

    def decider(self, probs: Probabilities, labels: Labels) -> Decide:
        """See `Metric`; the expected class of a row is Σ k p_k."""
        expected, top = _expected_class(probs), probs.shape[1] - 1
        centre, spread = float(expected.mean()), float(expected.std())
        scale = float(np.std(labels)) / spread if spread > TINY else 1.0
        middle = float(np.mean(labels))

        def decide(others: Probabilities) -> NDArray[np.intp]:
            scaled = middle + (_expected_class(others) - centre) * scale
            # Rounded first, so that the order of the sum does not decide between two classes.
            return np.clip(np.ceil(scaled.round(9) - 0.5), 0, top).astype(np.intp)

        return decide

    def value(self, probs: Probabilities, labels: Labels) -> float:
        """See `Metric`; 1 where all labels and predictions are one class."""
        from sklearn.metrics import cohen_kappa_score

        predicted, classes = self.decisions(probs, labels), range(probs.shape[1])
        if len({*labels.tolist(), *predicted.tolist()}) == 1:
            return 1.0
        return float(cohen_kappa_score(labels, predicted, labels=classes, weights="quadratic"))

    def of_confusion(self, counts: NDArray[np.float64]) -> float:
        """See `ConfusionMetric`."""
        places = np.arange(len(counts))
        weights = (places[:, None] - places) ** 2
        chance = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()
        expected = (weights * chance).sum()
        return float(1 - (weights * counts).sum() / expected) if expected else 1.0


def _expected_class(probs: Probabilities) -> NDArray[np.float64]:
    return np.asarray(probs @ np.arange(probs.shape[1], dtype=np.float64))


def _bootstrap(
    cells: list[NDArray[np.intp]],
    rows: int,
    statistic: Callable[[tuple[NDArray[np.intp], ...], NDArray[np.int64]], float],
) -> NDArray[np.float64]:
    """Return (DRAWS,) values of a statistic of resampled rows.

    Args:
        cells: of each prediction, (rows,) the cell of the confusion matrix that the row is in.
        rows: how many rows a resample has.
        statistic: called with the distinct combinations of cells, and how often each is drawn.
    """
    distinct, counts = np.unique(np.stack(cells), axis=1, return_counts=True)
    rng = np.random.default_rng(0)
    shares = counts / counts.sum()
    return np.array([statistic(tuple(distinct), rng.multinomial(rows, shares)) for _ in range(DRAWS)])
