import numpy as np
import pytest

from kit import metrics

HALF_RIGHT = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]], np.float32)
LABELS = np.array([0, 1, 1, 0], np.uint8)


def test_accuracy_counts_the_most_probable_class() -> None:
    assert metrics.accuracy(HALF_RIGHT, LABELS) == 0.5


def test_of_equally_probable_classes_the_first_counts() -> None:
    assert metrics.accuracy(np.array([[0.5, 0.5], [0.5, 0.5]]), np.array([0, 1])) == 0.5


def test_log_loss_is_the_mean_of_minus_ln() -> None:
    expected = -(np.log(0.9) + np.log(0.8) + np.log(0.4) + np.log(0.3)) / 4
    assert metrics.log_loss(HALF_RIGHT, LABELS) == pytest.approx(expected, rel=1e-6)


def test_log_loss_is_that_of_scikit_learn() -> None:
    from sklearn.metrics import log_loss

    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.full(10, 0.05), 500).astype(np.float32)
    labels = rng.integers(10, size=500)
    assert metrics.log_loss(probs, labels) == pytest.approx(log_loss(labels, probs), rel=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_row_wrong_with_certainty_costs_a_bounded_loss_in_either_precision(dtype: str) -> None:
    probs = np.array([[1.0, 0.0]], dtype)
    assert metrics.log_loss(probs, np.array([1])) == pytest.approx(15.9424, abs=1e-4)
    assert metrics.log_loss(probs, np.array([0])) == pytest.approx(0, abs=1e-6)


def test_log_loss_is_summed_in_float64() -> None:
    probs = np.full((1_000_000, 2), [0.9, 0.1], np.float32)
    exact = -np.log(np.float64(np.float32(0.9)))
    assert metrics.log_loss(probs, np.zeros(1_000_000, np.uint8)) == pytest.approx(exact, rel=1e-12)


def test_the_interval_of_log_loss_is_that_of_a_mean() -> None:
    rng = np.random.default_rng(0)
    probs, labels = rng.dirichlet(np.ones(3), 400), rng.integers(3, size=400)
    losses = metrics.row_losses(probs, labels)
    half = 1.96 * losses.std() / 20
    assert metrics.LOSS.interval(probs, labels) == pytest.approx((losses.mean() - half, losses.mean() + half))


def test_the_expected_log_loss_is_as_wide_as_both_samples_make_it() -> None:
    rng = np.random.default_rng(0)
    probs, labels = rng.dirichlet(np.ones(3), 400), rng.integers(3, size=400)
    low, high = metrics.LOSS.expected(probs, labels, 100)
    assert (high - low) / 2 == pytest.approx(1.96 * metrics.row_losses(probs, labels).std() * 0.0125**0.5)


def test_the_interval_and_the_expected_score_of_accuracy_are_those_of_its_errors() -> None:
    assert metrics.HITS.interval(HALF_RIGHT, LABELS) == metrics.wilson(2, 4)
    assert metrics.HITS.expected(HALF_RIGHT, LABELS, 10) == metrics.expected_score(0.5, 4, 10)
