"""How much of a member's training is done, as shares that a worker reports."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from kit.models.cost import EVALUATION
from kit.training.wire import OnActivity


class RowCounter:
    """Counts the predicted rows, and reports their share.

    Args:
        total: number of rows that are predicted.
        on_activity: receives the share.
    """

    def __init__(self, total: int, on_activity: OnActivity) -> None:
        self._total, self._done, self._report = total, 0, on_activity
        on_activity("predicting", 0, 0.0)

    def __call__(self, rows: int) -> None:
        """Report that so many more rows are predicted."""
        self._done += rows
        self._report("predicting", 0, self._done / self._total)


class EpochCounter:
    """Reports the share of an epoch that is done: its steps, and then the predictions of held-out rows.

    Args:
        order: (steps, batch), rows of each step.
        held_out: number of held-out rows.
        report: receives the share.
    """

    def __init__(self, order: NDArray[np.int32], held_out: int, report: Callable[[float], None]) -> None:
        self._batch, self._done, self._report = order.shape[1], 0.0, report
        self._total = order.size + EVALUATION * held_out

    def steps(self, done: int) -> None:
        """Report that so many steps of the epoch are done."""
        self._done = done * self._batch
        self._report(self._done / self._total)

    def predicted(self, rows: int) -> None:
        """Report that so many more rows are predicted."""
        self._done += EVALUATION * rows
        self._report(self._done / self._total)
