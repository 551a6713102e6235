"""The figures of the replay."""

import numpy as np
import pytest

from tests.benchmarks.replay.results import Figure, Gains, bootstrapped, share
from tests.benchmarks.replay.studies import Outcome

OUTCOMES = [Outcome(10, 0.2, True, 0.1), Outcome(20, 0.2, True, -0.1), Outcome(30, 0.1, False, 0.0)]


def test_a_share_has_wilsons_interval() -> None:
    found = share([True] * 5 + [False] * 95)
    assert (found.value, found.low, found.high) == pytest.approx((0.05, 0.0215, 0.1118), abs=1e-4)


def test_the_bootstrap_interval_of_a_mean_is_near_the_normal_one() -> None:
    values = np.random.default_rng(0).normal(1, 2, 400)
    found = bootstrapped(values, np.mean)
    assert (found.low, found.high) == pytest.approx((found.value - 0.196, found.value + 0.196), abs=0.03)


def test_only_a_confirmed_trial_that_is_no_better_is_false() -> None:
    assert [one.false for one in OUTCOMES] == [False, True, False]


def test_studies_that_confirm_nothing_gain_nothing() -> None:
    gains = Gains.of(OUTCOMES)
    assert (gains.trials, gains.mean.value, gains.median.value) == pytest.approx((20, 0, 0))


def test_figures_are_percent() -> None:
    assert Figure(0.05, 0.02, 0.11).text() == "5.0 (2.0-11.0)"
