"""How different columns of predictions of the same rows are.

A column is one model with one seed. A network's error that others do not share is
outvoted: an ensemble gains from columns with few common errors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kit.lazy import LazyModule

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from kit.metrics.metric import Probabilities
else:
    np = LazyModule("numpy")


def disagreement(predicted: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return (columns, columns) float64, the share of rows for which two columns predict different classes.

    Source: S. Fort, H. Hu and B. Lakshminarayanan (2019), Deep Ensembles: A Loss Landscape Perspective.

    Args:
        predicted: (columns, rows) classes.
    """
    return np.stack([np.mean(predicted != one, axis=1) for one in predicted])


def error_correlation(errors: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return (columns, columns) float64, the correlation (phi) of the errors of two columns.

    1: the same rows; 0: as independent errors; NaN where a column has no errors, or only errors.

    Args:
        errors: (columns, rows), whether a column predicts the row incorrectly.
    """
    exact, rows = errors.astype(np.float64), errors.shape[1]
    totals = exact.sum(axis=1)
    spread = totals * (rows - totals)
    scale = np.sqrt(np.outer(spread, spread))
    covariance = rows * (exact @ exact.T) - np.outer(totals, totals)
    return np.asarray(np.divide(covariance, scale, out=np.full_like(scale, np.nan), where=scale > 0))


def row_disagreement(probs: Sequence[Probabilities] | Probabilities) -> NDArray[np.float64]:
    """Return (rows,) float64, the mean over columns of the total variation distance to their mean.

    The total variation distance of two distributions is half the sum of their absolute differences. 0: all
    columns agree; 1 - 1/n is the highest value of n columns. One column at a time is converted to float64.

    Args:
        probs: of each column (rows, classes), or (columns, rows, classes).
    """
    mean = np.zeros(probs[0].shape)
    for column in probs:
        mean += column
    mean /= len(probs)
    total = np.zeros(len(mean))
    for column in probs:
        total += np.abs(column - mean).sum(axis=1)
    return total / (2 * len(probs))
