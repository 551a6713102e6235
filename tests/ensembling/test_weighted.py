import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from kit.ensembling.weighted import TOLERANCE, fit_weights

RANDOM = np.random.default_rng(0)


def log_loss(of_label: np.ndarray, weights: np.ndarray) -> float:
    return -float(np.log(of_label @ weights).mean())


def gap(of_label: np.ndarray, weights: np.ndarray) -> float:
    """Return a bound of how far the log loss is above the minimum (duality)."""
    return float((of_label / (of_label @ weights)[:, None]).mean(axis=0).max() - 1)


@settings(max_examples=60, deadline=None, database=None, derandomize=True)
@given(st.integers(0, 10**6), st.integers(2, 300), st.integers(2, 12), st.sampled_from([0.1, 1, 10]))
def test_the_log_loss_is_within_the_tolerance_of_the_minimum(
    seed: int, rows: int, count: int, spread: float
) -> None:
    of_label = np.clip(np.random.default_rng(seed).beta(spread, spread, (rows, count)), 2**-23, 1)
    weights = fit_weights(of_label)
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1)
    assert gap(of_label, weights) <= 2 * TOLERANCE


def test_scipy_finds_the_same_weights() -> None:
    of_label = RANDOM.beta(2, 1, (500, 5)) * [1, 0.9, 0.8, 1, 0.5]
    reference = minimize(
        lambda weights: log_loss(of_label, weights),
        np.full(5, 0.2),
        method="SLSQP",
        bounds=[(0, 1)] * 5,
        constraints={"type": "eq", "fun": lambda weights: weights.sum() - 1},
        options={"ftol": 1e-14, "maxiter": 500},
    )
    weights = fit_weights(of_label)
    np.testing.assert_allclose(weights, reference.x, atol=1e-4)
    assert log_loss(of_label, weights) <= reference.fun + TOLERANCE


def test_a_perfect_column_gets_all() -> None:
    of_label = np.column_stack([RANDOM.beta(5, 1, 300), np.ones(300), RANDOM.beta(9, 1, 300)])
    np.testing.assert_allclose(fit_weights(of_label), [0, 1, 0], atol=1e-8)


def test_a_column_that_is_best_everywhere_gets_all() -> None:
    best = RANDOM.beta(2, 2, 300)
    np.testing.assert_allclose(fit_weights(np.column_stack([0.9 * best, best])), [0, 1], atol=1e-8)


@pytest.mark.parametrize("count", [2, 100])
def test_nearly_equal_columns_are_solved(count: int) -> None:
    of_label = RANDOM.beta(3, 1, 2000)[:, None] + 1e-7 * RANDOM.random((2000, count))
    weights = fit_weights(of_label)
    assert np.isfinite(weights).all()
    assert gap(of_label, weights) <= 1e-8


def test_rows_that_only_one_column_explains_are_solved() -> None:
    of_label = np.where(np.arange(6)[:, None] % 3 == np.arange(3), 1 - 2.0**-23, 2.0**-23)
    np.testing.assert_allclose(fit_weights(of_label), 1 / 3)


def test_equal_columns_keep_equal_weights() -> None:
    np.testing.assert_allclose(fit_weights(np.full((10, 4), 0.3)), 0.25)
