"""What became of each row under some predictions, and how two of these differ."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kit.metrics import Z95, Decide, discordant_interval, most_probable, normal_interval, row_losses
from kit.records.base import Interval
from kit.records.combination import Change


class Outcome(NamedTuple):
    """Log loss and error of each row.

    Attributes:
        losses: (rows,) float64, in nats.
        errors: (rows,) bool.
    """

    losses: NDArray[np.float64]
    errors: NDArray[np.bool_]

    @classmethod
    def of(
        cls, probs: NDArray[np.floating], labels: NDArray[np.integer], decide: Decide = most_probable
    ) -> "Outcome":
        """Return the outcome of (rows, classes) probabilities; `decide` gives the predicted classes."""
        return cls(row_losses(probs, labels), decide(probs) != labels)

    def change(self, other: "Outcome") -> Change:
        """Return how this differs from another outcome of the same rows."""
        more, fewer = int(np.sum(self.errors & ~other.errors)), int(np.sum(other.errors & ~self.errors))
        return Change(
            loss=float((self.losses - other.losses).mean()),
            loss_interval=self.loss_interval(other),
            errors=more - fewer,
            errors_interval=discordant_interval(more, fewer),
        )

    def loss_interval(self, other: "Outcome", z: float = Z95) -> Interval:
        """Return the interval of the difference of the log loss, at a quantile of the normal distribution."""
        return paired_interval(self.losses - other.losses, z)


def paired_interval(differences: NDArray[np.float64], z: float = Z95) -> Interval:
    """Return the normal interval of the mean of (rows,) differences."""
    return normal_interval(float(differences.mean()), float(differences.var()), [len(differences)], z)
