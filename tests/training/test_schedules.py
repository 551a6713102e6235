from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from kit.config import Training
from kit.training.schedules import learning_rates

EPOCHS, STEPS = 10, 100


def rates(schedule: Any, **also: Any) -> NDArray[np.float32]:
    training = Training(epochs=EPOCHS, learning_rate=0.5, schedule=schedule, **also)
    return learning_rates(training, STEPS)


@pytest.mark.parametrize("schedule", ["one_cycle", "cosine", "exponential", "constant"])
def test_there_is_one_rate_per_step(schedule: str) -> None:
    made = rates(schedule)
    assert made.shape == (EPOCHS * STEPS,)
    assert made.dtype == np.float32
    assert made.min() > 0
    assert made.max() <= 0.5


@pytest.mark.parametrize("schedule", ["one_cycle", "cosine"])
def test_the_rate_rises_to_the_peak_and_falls_to_zero(schedule: str) -> None:
    made = rates(schedule, warmup=0.3)
    peak = int(made.argmax())
    assert peak in {299, 300}
    assert made[peak] == pytest.approx(0.5, rel=0.003)
    assert made[0] == pytest.approx(0.5 / 600)
    np.testing.assert_allclose(np.diff(made[:peak]), 0.5 / 300, rtol=1e-3)
    assert (np.diff(made[peak:]) <= 0).all()
    assert made[-1] < 0.5 / 1000


def test_one_cycle_falls_linearly() -> None:
    np.testing.assert_allclose(np.diff(rates("one_cycle", warmup=0.2)[200:]), -0.5 / 800, rtol=1e-2)


def test_cosine_is_at_half_the_peak_in_the_middle_of_its_fall() -> None:
    made = rates("cosine", warmup=0.2)
    assert made[[599, 600]].mean() == pytest.approx(0.25, rel=1e-3)
    # A quarter of the way it has lost (1 - cos 45 degrees) / 2 of the peak.
    assert made[[399, 400]].mean() == pytest.approx(0.5 * (1 + np.sqrt(0.5)) / 2, rel=1e-3)


@pytest.mark.parametrize("schedule", ["one_cycle", "cosine"])
def test_without_warmup_the_rate_starts_at_the_peak(schedule: str) -> None:
    made = rates(schedule, warmup=0.0)
    assert made.argmax() == 0
    assert made[0] == pytest.approx(0.5, rel=1e-3)


def test_exponential_has_one_rate_per_epoch() -> None:
    made = rates("exponential", decay=0.9).reshape(EPOCHS, STEPS)
    np.testing.assert_allclose(made, 0.5 * 0.9 ** np.arange(EPOCHS)[:, None] * np.ones(STEPS), rtol=1e-6)


def test_constant_is_the_peak() -> None:
    assert set(rates("constant")) == {np.float32(0.5)}


@pytest.mark.parametrize("schedule", ["one_cycle", "cosine", "exponential", "constant"])
def test_one_step_is_enough(schedule: Any) -> None:
    made = learning_rates(Training(epochs=1, schedule=schedule), 1)
    assert made.shape == (1,)
    assert 0 < made[0] <= 1e-3
