import numpy as np
import pytest

from kit.ensembling.outcome import Outcome, paired_interval
from kit.metrics import discordant_interval

PROBS = np.array([[0.7, 0.3], [0.4, 0.6], [1.0, 0.0], [0.5, 0.5]])
LABELS = np.array([0, 0, 1, 0])


def test_losses_and_errors_of_rows() -> None:
    found = Outcome.of(PROBS, LABELS)
    np.testing.assert_allclose(found.losses, -np.log([0.7, 0.4, 2.0**-23, 0.5]))
    np.testing.assert_array_equal(found.errors, [0, 1, 1, 0])


def test_a_change_is_the_mean_difference_of_losses_and_the_sum_of_errors() -> None:
    other = Outcome(np.array([1.0, 2.0, 3.0, 4.0]), np.array([False, False, False, True]))
    one = Outcome(np.array([1.0, 1.0, 1.0, 5.0]), np.array([True, True, True, False]))
    change = one.change(other)
    assert change.loss == -0.5
    half = 1.96 * np.std([0, -1, -2, 1]) / 2
    assert change.loss_interval == pytest.approx((-0.5 - half, -0.5 + half))
    assert change.errors == 2
    assert change.errors_interval == discordant_interval(3, 1)


def test_no_change_has_an_interval_without_width() -> None:
    own = Outcome.of(PROBS, LABELS)
    assert own.change(own).loss_interval == own.change(own).errors_interval == (0, 0)


def test_an_interval_is_as_wide_as_its_quantile() -> None:
    low, high = paired_interval(np.array([-1.0, 1.0]), z=3)
    assert (low, high) == pytest.approx((-3 / 2**0.5, 3 / 2**0.5))


def test_intervals_hold_the_true_difference_in_95_percent() -> None:
    random = np.random.default_rng(0)
    held = [
        low <= 0.3 <= high for low, high in (paired_interval(random.normal(0.3, 1, 200)) for _ in range(1000))
    ]
    assert 0.93 <= np.mean(held) <= 0.97
