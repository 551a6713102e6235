"""The score of predictions, part of several records."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Self

from kit.metrics import Metric, log_loss
from kit.records.base import Figure, Interval, Record

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Score(Record):
    """Score of predictions: metric, errors and log loss."""

    value: Figure
    """Value of the competition's metric."""
    interval: Interval
    """95 % confidence interval of the value."""
    errors: int
    """Rows whose predicted class is not the label; the metric decides which class is predicted."""
    rows: int
    accuracy: float
    log_loss: float

    @classmethod
    def of(cls, metric: Metric, probs: NDArray[np.floating], labels: NDArray[np.integer]) -> Self:
        """Return the score of (rows, classes) probabilities; labels: (rows,) from 0."""
        errors, rows = int((metric.decisions(probs, labels) != labels).sum()), len(labels)
        return cls(
            value=metric.value(probs, labels),
            interval=metric.interval(probs, labels),
            errors=errors,
            rows=rows,
            accuracy=1 - errors / rows,
            log_loss=log_loss(probs, labels),
        )

    @property
    def loss(self) -> float:
        """The loss that training minimises, with any metric."""
        return self.log_loss

    def rank(self, metric: Metric) -> float:
        """Return a sort key: the best first, those without a value last."""
        return inf if self.value is None else metric.loss(self.value)
