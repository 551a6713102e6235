"""Weights on the simplex that minimise the log loss of the weighted mean.

The problem is convex. It is solved by sequential quadratic programming (Y. Kim, P. Carbonetto, M. Stephens
and M. Anitescu, 2020, A fast algorithm for maximum likelihood estimation of mixture proportions using
sequential quadratic programming, J. Comput. Graph. Stat. 29, 261-273): with the sum of the weights added to
the loss, the minimum over weights of at least 0 has the sum 1, so each step is a non-negative least-squares
problem. Weights are scaled to the sum 1 after each step, which only lowers the loss.
"""

import numpy as np
from numpy.typing import NDArray

TOLERANCE = 1e-9
"""The log loss is at most this far (in nats) above the minimum."""
STEPS = 100
"""Most steps; 5 to 20 are usual."""
ROUNDING = 1e-15
"""Of a loss: near the minimum, the gradient is more exact."""
RIDGE = 1e-10
"""Of the Hessian, relative to its largest diagonal element: columns may be nearly equal."""


def fit_weights(of_label: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (columns,) weights of at least 0, with sum 1, that minimise the log loss.

    Args:
        of_label: (rows, columns) float64 above 0: the probability that each column gives to the label.
    """
    from scipy.linalg import cholesky, solve_triangular
    from scipy.optimize import nnls

    rows, count = of_label.shape
    weights = np.full(count, 1 / count)
    for _ in range(STEPS):
        scaled = of_label / (of_label @ weights)[:, None]
        # Minus the gradient; at the minimum no element exceeds 1. The excess bounds the distance of the loss.
        slope = scaled.mean(axis=0)
        if slope.max() - 1 <= TOLERANCE:
            break
        hessian = scaled.T @ scaled / rows
        hessian[np.diag_indices(count)] += RIDGE * hessian.diagonal().max()
        factor = cholesky(hessian)
        target = solve_triangular(factor, hessian @ weights + slope - 1, trans="T")
        moved = _towards(nnls(factor, target)[0], weights, of_label)
        if moved is None:
            break
        weights = moved / moved.sum()
    return weights


def _towards(
    goal: NDArray[np.float64], weights: NDArray[np.float64], of_label: NDArray[np.float64]
) -> NDArray[np.float64] | None:
    """Return weights on the way to `goal` with a loss that is not higher; None if there are none."""
    loss, step = _loss(of_label, weights), 1.0
    while step > 1e-10:
        candidate = weights + step * (goal - weights)
        if _loss(of_label, candidate) <= loss + ROUNDING:
            return candidate
        step /= 2
    return None


def _loss(of_label: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """Return the log loss of a weighted sum, plus the sum of the weights."""
    with np.errstate(divide="ignore"):
        return float(weights.sum() - np.log(of_label @ weights).mean())
