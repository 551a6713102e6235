import numpy as np
import pytest
from numpy.typing import NDArray

from kit import metrics
from kit.ensembling.calibration import calibrate, fitted_temperature, robust_temperature, scaled
from kit.ensembling.columns import Column, ColumnKey

ROWS, FOLDS = 6000, 3
HELD_OUT = (np.arange(ROWS) % FOLDS).astype(np.int8)


def drawn() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return probabilities of 4 classes, and labels drawn from them."""
    random = np.random.default_rng(0)
    probs = random.dirichlet((0.5,) * 4, ROWS)
    return probs, np.array([random.choice(4, p=row) for row in probs])


PROBS, LABELS = drawn()


def column(temperature: float) -> Column:
    """Return perfect predictions made too uncertain (above 1) or too confident (below 1)."""
    oof = scaled(PROBS, temperature)
    return Column(ColumnKey("run", "cnn", 0), oof.astype(np.float32), oof[:50], HELD_OUT)


def test_scaled_probabilities_sum_to_one() -> None:
    np.testing.assert_allclose(
        scaled(np.array([[0.8, 0.2], [0.0, 1.0]]), 0.5), [[16 / 17, 1 / 17], [0.0, 1.0]]
    )


def test_tiny_probabilities_do_not_vanish() -> None:
    np.testing.assert_allclose(scaled(np.full((1, 256), 1 / 256), 1 / 200), 1 / 256)


@pytest.mark.parametrize("temperature", [0.5, 1, 2])
def test_the_inverse_of_the_applied_temperature_is_found(temperature: float) -> None:
    found = fitted_temperature(column(temperature).oof, LABELS)
    assert found == pytest.approx(1 / temperature, rel=0.05)


def test_calibration_lowers_the_log_loss_and_changes_no_class() -> None:
    before = column(2.5)
    after = calibrate(before, LABELS)
    assert after.oof.dtype == np.float32
    assert metrics.log_loss(after.oof, LABELS) < metrics.log_loss(before.oof, LABELS) - 0.1
    assert metrics.log_loss(after.oof, LABELS) == pytest.approx(metrics.log_loss(PROBS, LABELS), rel=0.01)
    np.testing.assert_array_equal(after.oof.argmax(axis=1), before.oof.argmax(axis=1))
    np.testing.assert_array_equal(after.test.argmax(axis=1), before.test.argmax(axis=1))


def test_test_rows_get_the_temperature_of_all_rows() -> None:
    before = column(2.5)
    after = calibrate(before, LABELS)
    assert (before.temperature, after.temperature) == (1, fitted_temperature(before.oof, LABELS))
    np.testing.assert_array_equal(after.test, scaled(before.test, after.temperature))


def test_a_rows_own_label_does_not_reach_its_probabilities() -> None:
    own = HELD_OUT == 1
    others = np.where(own, (LABELS + 1) % 4, LABELS)
    one, other = (calibrate(column(2.5), labels).oof for labels in (LABELS, others))
    np.testing.assert_array_equal(one[own], other[own])
    assert not np.array_equal(one[~own], other[~own])


@pytest.mark.parametrize("share", [0.0, 0.05])
@pytest.mark.parametrize("temperature", [0.5, 2])
def test_the_robust_temperature_does_not_depend_on_wrong_labels(temperature: float, share: float) -> None:
    random = np.random.default_rng(1)
    wrong = random.random(ROWS) < share
    labels = np.where(wrong, (LABELS + random.integers(1, 4, ROWS)) % 4, LABELS)
    found = robust_temperature(column(temperature).oof, labels)
    assert found == pytest.approx(1 / temperature, rel=0.05)
    if share:
        assert fitted_temperature(column(temperature).oof, labels) > 1.15 / temperature


def test_calibration_fits_each_fold_on_the_others_with_the_given_fit() -> None:
    sizes: list[int] = []

    def fit(probs: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
        assert len(probs) == len(labels)
        sizes.append(len(labels))
        return 2.0

    after = calibrate(column(1), LABELS, fit)
    assert sizes == [4000, 4000, 4000, ROWS]
    np.testing.assert_allclose(after.oof, scaled(column(1).oof, 2.0), rtol=1e-6)
