"""Temperature scaling of columns, fitted on held-out rows.

C. Guo et al. (2017), On calibration of modern neural networks: logits are divided by one temperature, which
equals raising probabilities to the power 1 / temperature. The most probable class of a row does not change.
A network trained with label smoothing is underconfident: without calibration, its log loss is not comparable.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kit import metrics
from kit.ensembling.columns import Column

TEMPERATURES = (0.1, 10.0)
"""Lower and upper bound of the search."""


def calibrate(column: Column, labels: NDArray[np.integer], held_out: NDArray[np.integer]) -> Column:
    """Return the calibrated column.

    The temperature for test rows is fitted on all training rows; the temperature for the rows of a fold is
    fitted on the other folds (cross-fitting), so that the OOF log loss is unbiased.

    Args:
        column: column of one model and seed.
        labels: (training rows,) from 0.
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
    # Relative to the largest, which stays 1 at any temperature: rows cannot underflow to 0.
    shares = (probs / probs.max(axis=1, keepdims=True)).astype(np.float64) ** (1 / temperature)
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def fitted_temperature(probs: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
    """Return the temperature with minimal log loss, within TEMPERATURES, accurate to about 1 %."""
    # Slow to import and rarely needed.
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(
        lambda exponent: metrics.LOSS.value(scaled(probs, np.exp(exponent)), labels),
        bounds=np.log(TEMPERATURES),
        method="bounded",
        options={"xatol": 0.01},
    )
    return float(np.exp(found.x))
