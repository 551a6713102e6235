import numpy as np
import pytest
from numpy.typing import NDArray

from kit import metrics

RNG = np.random.default_rng(0)


def predictions(
    rows: int, exponent: float, rng: np.random.Generator = RNG
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return predictions of class 0 that are right with probability `confidence ** exponent`, and labels."""
    confidence = rng.uniform(0.6, 1, rows)
    labels = (rng.random(rows) > confidence**exponent).astype(np.int64)
    return np.column_stack([confidence, 1 - confidence]), labels


def test_bins_have_about_equally_many_rows_and_all_of_them() -> None:
    probs, labels = predictions(1000, 1)
    bins = metrics.reliability_bins(probs, labels, 15)
    assert {one.rows for one in bins} == {66, 67}
    assert sum(one.rows for one in bins) == 1000


def test_a_bin_has_the_mean_confidence_and_the_accuracy_of_its_rows() -> None:
    probs, labels = predictions(600, 2)
    lowest = np.argsort(probs[:, 0])[:200]
    first = metrics.reliability_bins(probs, labels, 3)[0]
    errors = int(labels[lowest].sum())
    assert first.confidence == pytest.approx(probs[lowest, 0].mean())
    assert first.accuracy == (200 - errors) / 200
    assert first.interval == metrics.wilson(errors, 200)


def test_confidence_ascends() -> None:
    confidences = [one.confidence for one in metrics.reliability_bins(*predictions(500, 1))]
    assert confidences == sorted(confidences)


def test_rows_of_equal_confidence_are_in_one_bin() -> None:
    confidence = np.repeat([0.7, 0.8, 1.0], [1, 2, 97])
    bins = metrics.reliability_bins(np.column_stack([confidence, 1 - confidence]), np.zeros(100, int))
    assert [(one.rows, one.confidence) for one in bins] == [(3, pytest.approx(2.3 / 3)), (97, 1)]


def test_fewer_rows_than_bins_have_a_bin_each() -> None:
    assert [one.rows for one in metrics.reliability_bins(*predictions(4, 1))] == [1, 1, 1, 1]


def test_ece_is_the_mean_distance_of_the_bins() -> None:
    probs, labels = predictions(2000, 2)
    bins = metrics.reliability_bins(probs, labels)
    expected = sum(one.rows * abs(one.confidence - one.accuracy) for one in bins) / 2000
    assert metrics.ece(probs, labels).value == pytest.approx(expected, rel=1e-12)


def test_ece_of_probabilities_that_are_right_is_0() -> None:
    assert metrics.ece(np.eye(3), np.arange(3)) == (0, (0, 0))


def test_the_interval_is_repeatable_and_depends_on_its_seed() -> None:
    probs, labels = predictions(500, 2)
    assert metrics.ece(probs, labels, seed=1) == metrics.ece(probs, labels, seed=1)
    assert metrics.ece(probs, labels, seed=1) != metrics.ece(probs, labels, seed=2)


def test_the_interval_of_calibrated_predictions_begins_at_0() -> None:
    rng = np.random.default_rng(1)
    intervals = [metrics.ece(*predictions(1000, 1, rng), draws=200).interval for _ in range(40)]
    assert sum(low == 0 for low, _ in intervals) >= 36


@pytest.mark.parametrize("exponent", [1.3, 2])
def test_the_interval_covers_the_error_of_the_population(exponent: float) -> None:
    rng = np.random.default_rng(1)
    truth = 1 / (0.4 * 2) * (1 - 0.6**2) - (1 - 0.6 ** (exponent + 1)) / (0.4 * (exponent + 1))
    estimates = [metrics.ece(*predictions(1000, exponent, rng), draws=200) for _ in range(60)]
    assert all(one.interval.low <= one.value <= one.interval.high for one in estimates)
    assert sum(one.interval.low <= truth <= one.interval.high for one in estimates) >= 53
