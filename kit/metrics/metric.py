"""What every metric answers: its value, its uncertainty, a paired comparison, and how people read it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

from kit.lazy import LazyModule

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kit.metrics.intervals import Difference, Interval

    Probabilities = NDArray[np.floating]
    Labels = NDArray[np.integer]
else:
    np = LazyModule("numpy")


class Decide(Protocol):
    """Chooses the predicted classes."""

    def __call__(self, probs: Probabilities, /) -> NDArray[np.intp]:
        """Return (rows,) the predicted class of each row of (rows, classes) probabilities."""


class Metric(ABC):
    """A metric of classification; the same object serves tuning, reports, plots and the ledger.

    Probabilities are (rows, classes), labels (rows,) from 0 to classes - 1.

    Class attributes:
        name: in the configuration and in JSON.
        title: for people, as in "log loss".
        greater_is_better: its direction.
        needs: whether predicted labels are enough, or probabilities are needed.
        percent: whether people read it in percent.
        ordered: whether the order of the classes counts.
        rule: which class is predicted, in words; empty: the most probable one.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    greater_is_better: ClassVar[bool] = True
    needs: ClassVar[Literal["labels", "probabilities"]] = "labels"
    percent: ClassVar[bool] = False
    ordered: ClassVar[bool] = False
    rule: ClassVar[str] = ""

    @abstractmethod
    def value(self, probs: Probabilities, labels: Labels) -> float:
        """Return the metric."""

    def decider(self, probs: Probabilities, labels: Labels) -> Decide:  # noqa: ARG002 - most need neither
        """Return what chooses the predicted classes, (rows,), from (rows, classes) probabilities.

        Args:
            probs: OOF probabilities of training rows.
            labels: of the same rows.
        """
        return most_probable

    def decisions(self, probs: Probabilities, labels: Labels) -> NDArray[np.intp]:
        """Return (rows,) the predicted classes of rows with labels."""
        return self.decider(probs, labels)(probs)

    def row_losses(self, probs: Probabilities, labels: Labels) -> NDArray[np.float64] | None:  # noqa: ARG002 - most have none
        """Return (rows,) float64 with mean `loss(value)`; None if the metric is no mean over rows."""
        return None

    @abstractmethod
    def interval(self, probs: Probabilities, labels: Labels) -> Interval:
        """Return the 95 % confidence interval of the value."""

    @abstractmethod
    def expected(self, probs: Probabilities, labels: Labels, rows: int) -> Interval:
        """Return the 95 % prediction interval of the value on `rows` other rows.

        It leaves out the variance of training.
        """

    @abstractmethod
    def difference(self, probs: Probabilities, other: Probabilities, labels: Labels) -> Difference:
        """Return the value of `probs` minus that of `other` on the same rows, with its 95 % interval."""

    def loss(self, value: float) -> float:
        """Return what tuning minimises: the value itself, or 1 - value if greater is better."""
        return 1 - value if self.greater_is_better else value

    def from_loss(self, loss: float) -> float:
        """Return the value that has this loss."""
        return 1 - loss if self.greater_is_better else loss

    @property
    def unit(self) -> str:
        """What follows a formatted value."""
        return " %" if self.percent else ""

    @property
    def heading(self) -> str:
        """The metric in the heading of a table: "%" for accuracy, else the title."""
        return "%" if self.percent else self.title

    def format(self, value: float | None) -> str:
        """Return a value as in 99.643 (percent) or 0.02754; - if there is none (None or NaN)."""
        if value is None or math.isnan(value):
            return "-"
        return f"{100 * value:z.3f}" if self.percent else f"{value:z.5f}"

    def format_difference(self, value: float | None) -> str:
        """Return a difference with its sign, as in +0.012 (percentage points) or +0.00137."""
        if value is None or math.isnan(value):
            return "-"
        return f"{100 * value:+z.3f}" if self.percent else f"{value:+z.5f}"

    def format_interval(self, interval: tuple[float, float]) -> str:
        """Return an interval as in 99.582 to 99.696."""
        return f"{self.format(interval[0])} to {self.format(interval[1])}"


def most_probable(probs: Probabilities) -> NDArray[np.intp]:
    """Return (rows,) the most probable class of each row; of equal classes the first."""
    return np.asarray(probs.argmax(axis=1))
