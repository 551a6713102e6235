"""Temperature scaling: columns made as sure of themselves as held-out rows say they may be.

C. Guo et al. (2017), On calibration of modern neural networks: logits are divided by one temperature, which
is the same as raising probabilities to a power. No column's most probable class changes. Label smoothing,
which trains a network never to be sure, needs it for its log loss to mean anything.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kit import metrics
from kit.ensembling.columns import Column

POWERS = (0.1, 10.0)
"""Between these the power is sought."""


def calibrate(column: Column, labels: NDArray[np.integer], held_out: NDArray[np.integer]) -> Column:
    """Return the column calibrated.

    Test probabilities are raised to a power fitted on all rows, those of a fold's rows to one fitted on the
    other folds, so that the log loss out of fold stays honest.

    Args:
        column: of one model and seed.
        labels: (training rows,).
        held_out: (training rows,), the fold that holds each row out.
    """
    oof = column.oof.copy()
    for fold in np.unique(held_out):
        own = held_out == fold
        oof[own] = raised(column.oof[own], fitted_temperature(column.oof[~own], labels[~own]))
    power = fitted_temperature(column.oof, labels)
    return replace(column, oof=oof, test=raised(column.test, power), power=power)


def raised(probs: NDArray[np.floating], power: float) -> NDArray[np.float64]:
    """Return (rows, classes) probabilities raised to a power, and made to sum to 1 again."""
    # As shares of the greatest, which is 1 whatever the power: no row can vanish.
    shares = (probs / probs.max(axis=1, keepdims=True)).astype(np.float64) ** power
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def fitted_temperature(probs: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
    """Return the power, within POWERS and to a hundredth or so of itself, that gives the least log loss."""
    # Slow to import, and seldom wanted.
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(
        lambda exponent: metrics.log_loss(raised(probs, np.exp(exponent)), labels),
        bounds=np.log(POWERS),
        method="bounded",
        options={"xatol": 0.01},
    )
    return float(np.exp(found.x))
