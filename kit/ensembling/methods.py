"""Ensemble methods: combine columns into one matrix. Methods fit parameters on OOF probabilities only."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kit.ensembling.columns import Column


@dataclass(frozen=True, eq=False)
class Combined:
    """The columns of an ensemble as one matrix.

    Attributes:
        oof: (training rows, classes) float64.
        test: (test rows, classes) float64.
        weights: one per column, in the order of the columns; their sum is 1.
    """

    oof: NDArray[np.float64]
    test: NDArray[np.float64]
    weights: tuple[float, ...]


Method = Callable[[Sequence[Column], NDArray[np.integer], NDArray[np.int8]], Combined]
"""Takes columns, labels (training rows,) and folds (columns, training rows); see `combine`."""


def mean(columns: Sequence[Column], labels: NDArray[np.integer], folds: NDArray[np.int8]) -> Combined:  # noqa: ARG001 - a Method
    """Return the unweighted mean of the columns."""
    return Combined(
        oof=np.mean([column.oof for column in columns], axis=0, dtype=np.float64),
        test=np.mean([column.test for column in columns], axis=0),
        weights=(1 / len(columns),) * len(columns),
    )


METHODS: dict[str, Method] = {"mean": mean}
"""Methods by their name in `ensemble.method`."""


def combine(
    columns: Sequence[Column], labels: NDArray[np.integer], folds: NDArray[np.int8], method: str
) -> Combined:
    """Combine columns.

    Args:
        columns: one or more columns.
        labels: (training rows,) from 0.
        folds: (columns, training rows) int8, the fold that holds the row out in that column.
        method: a key of METHODS.
    """
    return METHODS[method](columns, labels, folds)
