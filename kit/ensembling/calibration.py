"""Temperature scaling: each column is scaled to the confidence that held-out rows justify.

C. Guo et al. (2017), On calibration of modern neural networks: logits are divided by one temperature, which
equals raising probabilities to the power 1 / temperature. The most probable class of a row does not change.
Label smoothing, which trains a network to be uncertain, needs it for its log loss to mean anything.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kit import metrics
from kit.ensembling.columns import Column

TEMPERATURES = (0.1, 10.0)
"""Bounds of the search."""


def calibrate(column: Column, labels: NDArray[np.integer], held_out: NDArray[np.integer]) -> Column:
    """Return the column calibrated.

    The temperature of test probabilities is fitted on all rows, that of a fold's rows on the other folds, so
    that the OOF log loss stays honest.

    Args:
        column: of one model and seed.
        labels: (training rows,).
        held_out: (training rows,), the fold that holds each row out.
    """
    oof = column.oof.copy()
    for fold in np.unique(held_out):
        own = held_out == fold
        oof[own] = scaled(column.oof[own], fitted_temperature(column.oof[~own], labels[~own]))
    temperature = fitted_temperature(column.oof, labels)
    return replace(column, oof=oof, test=scaled(column.test, temperature), temperature=temperature)


def scaled(probs: NDArray[np.floating], temperature: float) -> NDArray[np.float64]:
    """Return (rows, classes) probabilities whose logits are divided by a temperature."""
    # Relative to the largest, which stays 1 at any temperature: no row can underflow to 0.
    shares = (probs / probs.max(axis=1, keepdims=True)).astype(np.float64) ** (1 / temperature)
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def fitted_temperature(probs: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
    """Return the temperature with the least log loss, within TEMPERATURES, to about 1 %."""
    # Slow to import, and seldom needed.
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(
        lambda exponent: metrics.LOSS.value(scaled(probs, np.exp(exponent)), labels),
        bounds=np.log(TEMPERATURES),
        method="bounded",
        options={"xatol": 0.01},
    )
    return float(np.exp(found.x))
