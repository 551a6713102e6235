"""Temperature scaling of columns, fitted on held-out rows.

C. Guo et al. (2017), On calibration of modern neural networks: logits are divided by one temperature, which
equals raising probabilities to the power 1 / temperature. The most probable class of a row does not change.
A network trained with label smoothing is underconfident: without calibration, its log loss is not comparable.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kit import metrics
from kit.ensembling.columns import Column

TEMPERATURES = (0.1, 10.0)
"""Lower and upper bound of the search."""
WRONG_LABELS = (1e-5, 0.5)
"""Lower and upper bound of the share of wrong labels."""
Fit = Callable[[NDArray[np.floating], NDArray[np.integer]], float]
"""Takes probabilities and labels, returns a temperature."""


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


def robust_temperature(probs: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
    """Return the temperature with minimal log loss if a share of the labels, fitted too, is wrong.

    `fitted_temperature` is too high then: correct probabilities look too extreme to wrong labels. A wrong
    label is any other class with equal probability (symmetric noise). Source: forward correction of
    G. Patrini et al. (2017), Making deep neural networks robust to label noise, CVPR, 1944-1952.

    Args:
        probs: (rows, classes).
        labels: (rows,) from 0.
    """
    from scipy.optimize import minimize

    rows, others = np.arange(len(labels)), probs.shape[1] - 1

    def log_loss(exponents: NDArray[np.float64]) -> float:
        temperature, wrong = np.exp(exponents)
        right = scaled(probs, temperature)[rows, labels]
        return float(-np.log((1 - wrong) * right + wrong * (1 - right) / others).mean())

    bounds = np.log([TEMPERATURES, WRONG_LABELS])
    found = minimize(log_loss, np.log([1.0, 0.01]), bounds=bounds, method="L-BFGS-B")
    return float(np.exp(found.x[0]))


def calibrate(column: Column, labels: NDArray[np.integer], fit: Fit = fitted_temperature) -> Column:
    """Return the calibrated column.

    The temperature for test rows is fitted on all training rows; the temperature for the rows of a fold is
    fitted on the other folds (cross-fitting), so that the OOF log loss is unbiased.

    Args:
        column: column of one model and seed.
        labels: (training rows,) from 0.
        fit: returns the temperature of some rows.
    """
    oof = column.oof.copy()
    for fold in np.unique(column.held_out):
        own = column.held_out == fold
        oof[own] = scaled(column.oof[own], fit(column.oof[~own], labels[~own]))
    temperature = fit(column.oof, labels)
    return replace(column, oof=oof, test=scaled(column.test, temperature), temperature=temperature)


def scaled(probs: NDArray[np.floating], temperature: float) -> NDArray[np.float64]:
    """Return (rows, classes) probabilities whose logits are divided by a temperature."""
    # Relative to the largest, which stays 1 at any temperature: rows cannot underflow to 0.
    shares = (probs / probs.max(axis=1, keepdims=True)).astype(np.float64) ** (1 / temperature)
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))
