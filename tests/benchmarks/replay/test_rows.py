"""What rows explain of the noise, on made-up losses."""

import numpy as np
import pytest

from tests.benchmarks.replay.rows import interval, shared
from tests.benchmarks.replay.surrogate import Floats

ROWS = 20_000


def losses(common: float) -> Floats:
    """Return (3, 2, ROWS) losses with mean 1 and scatter 1; `common` is the scatter that seeds repeat."""
    random = np.random.default_rng(0)
    repeated = common * random.standard_normal((3, 1, ROWS))
    own = (1 - common**2) ** 0.5 * random.standard_normal((3, 2, ROWS))
    return np.asarray(1 + repeated + own, np.float64)


def test_the_noise_of_a_training_is_what_its_seed_changes() -> None:
    assert shared(losses(0.0)).rows == pytest.approx(ROWS**-0.5, rel=0.02)


def test_what_a_configuration_repeats_is_common() -> None:
    assert shared(losses(0.5)).common == pytest.approx(0.5 * (2 * ROWS) ** -0.5, rel=0.05)


def test_the_interval_holds_what_is_common() -> None:
    low, high = interval(losses(0.5))
    assert low < 0.5 * (2 * ROWS) ** -0.5 < high
