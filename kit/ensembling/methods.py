"""Rules from columns to one matrix. What a rule fits, it fits on out-of-fold probabilities alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kit.ensembling.columns import Column


@dataclass(frozen=True, eq=False)
class Ensemble:
    """What a rule makes of columns.

    Attributes:
        oof: (training rows, classes) float64.
        test: (test rows, classes) float64.
        weights: of each column, in their order; they sum to 1.
    """

    oof: NDArray[np.float64]
    test: NDArray[np.float64]
    weights: tuple[float, ...]


def mean(columns: Sequence[Column]) -> Ensemble:
    """Give every column the same weight."""
    return Ensemble(
        oof=np.mean([column.oof for column in columns], axis=0, dtype=np.float64),
        test=np.mean([column.test for column in columns], axis=0),
        weights=(1 / len(columns),) * len(columns),
    )


METHODS: dict[str, Callable[[Sequence[Column]], Ensemble]] = {"mean": mean}
"""The rules by the name that `blend.method` gives them."""


def blend(columns: Sequence[Column], method: str) -> Ensemble:
    """Combine columns (one or more) by the rule called `method`, a key of METHODS."""
    return METHODS[method](columns)
