import numpy as np
import pytest
from numpy.typing import NDArray

from kit import metrics
from kit.ensembling.calibration import calibrate, fitted_temperature, raised
from kit.ensembling.columns import Column

ROWS, FOLDS = 6000, 3
HELD_OUT = np.arange(ROWS) % FOLDS


def drawn() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return probabilities of 4 classes, and labels drawn from them."""
    random = np.random.default_rng(0)
    probs = random.dirichlet((0.5,) * 4, ROWS)
    return probs, np.array([random.choice(4, p=row) for row in probs])


PROBS, LABELS = drawn()


def column(power: float) -> Column:
    """Return what is as right as can be, but too unsure (below 1) or too sure (above) of it."""
    oof = raised(PROBS, power)
    return Column("cnn", 0, oof.astype(np.float32), oof[:50])


def test_a_power_of_probabilities_sums_to_one() -> None:
    np.testing.assert_allclose(raised(np.array([[0.8, 0.2], [0.0, 1.0]]), 2), [[16 / 17, 1 / 17], [0.0, 1.0]])


def test_tiny_probabilities_do_not_vanish() -> None:
    np.testing.assert_allclose(raised(np.full((1, 256), 1 / 256), 200), 1 / 256)


@pytest.mark.parametrize("power", [0.5, 1, 2])
def test_the_power_that_was_taken_is_found(power: float) -> None:
    assert fitted_temperature(column(power).oof, LABELS) == pytest.approx(1 / power, rel=0.05)


def test_calibration_betters_the_log_loss_and_changes_no_class() -> None:
    before = column(0.4)
    after = calibrate(before, LABELS, HELD_OUT)
    assert after.oof.dtype == np.float32
    assert metrics.log_loss(after.oof, LABELS) < metrics.log_loss(before.oof, LABELS) - 0.1
    assert metrics.log_loss(after.oof, LABELS) == pytest.approx(metrics.log_loss(PROBS, LABELS), rel=0.01)
    np.testing.assert_array_equal(after.oof.argmax(axis=1), before.oof.argmax(axis=1))
    np.testing.assert_array_equal(after.test.argmax(axis=1), before.test.argmax(axis=1))


def test_test_rows_get_the_power_of_all_rows() -> None:
    before = column(0.4)
    after = calibrate(before, LABELS, HELD_OUT)
    assert (before.power, after.power) == (1, fitted_temperature(before.oof, LABELS))
    np.testing.assert_array_equal(after.test, raised(before.test, after.power))


def test_a_rows_own_label_does_not_reach_its_probabilities() -> None:
    own = HELD_OUT == 1
    others = np.where(own, (LABELS + 1) % 4, LABELS)
    one, other = (calibrate(column(0.4), labels, HELD_OUT).oof for labels in (LABELS, others))
    np.testing.assert_array_equal(one[own], other[own])
    assert not np.array_equal(one[~own], other[~own])
