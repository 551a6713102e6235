"""Comparisons computed by hand, and simulated ones in which no trial is better."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from kit.metrics import BLOCKS
from kit.records import Comparison, Replicate, ReplicateResult
from kit.tuning.confirm.significance import (
    LEVEL,
    LOOK_SHARES,
    Estimate,
    compare,
    error_rate,
    estimate,
    look_rate,
    winner,
)

Losses = NDArray[np.float64]


def test_two_crossed_effects_computed_by_hand() -> None:
    found = estimate(np.array([[1.0, 2.0, 6.0], [3.0, 5.0, 7.0]]))
    # Means of the rows 3 and 5, of the columns 2, 3.5 and 6.5; mean squares 6, 10.5 and 0.5.
    total = 6 + 10.5 - 0.5
    assert found.mean == 4
    assert found.error == pytest.approx(math.sqrt(total / 6))
    assert found.degrees == pytest.approx(total**2 / (6**2 / 1 + 10.5**2 / 2 + 0.5**2 / 2))


def test_replicates_that_agree_by_chance_do_not_shrink_the_error() -> None:
    found = estimate(np.array([[1.0, 2.0, 6.0], [6.0, 2.0, 1.0]]))
    # Mean squares 0, 1.5 and 12.5: their sum would be negative.
    assert found.error == pytest.approx(math.sqrt(1.5 / 6))


def test_equal_differences_have_no_error() -> None:
    assert estimate(np.full((4, BLOCKS), -0.25)) == Estimate(-0.25, 0.0, 1.0)


def test_quantile_and_probability_are_those_of_students_t() -> None:
    found = Estimate(mean=-0.2, error=0.1, degrees=3.0)
    assert found.quantile(0.025) == pytest.approx(0.1 * 3.1824, rel=1e-4)
    assert found.probability() == pytest.approx(1 - 0.06966, abs=1e-4)


@pytest.mark.parametrize(("mean", "probability"), [(-0.1, 1.0), (0.0, 0.5), (0.1, 0.0)])
def test_without_an_error_the_mean_decides(mean: float, probability: float) -> None:
    assert Estimate(mean, 0.0, 1.0).probability() == probability


def test_the_error_rates_of_all_comparisons_add_up_to_half_of_the_level() -> None:
    rates = [error_rate(number) for number in range(40)]
    assert rates[0] == pytest.approx(0.01875)
    assert sum(rates) == pytest.approx(LEVEL / 2)


@pytest.mark.parametrize("looks", range(1, len(LOOK_SHARES) + 2))
def test_the_shares_of_all_looks_add_up_to_one(looks: int) -> None:
    shares = [look_rate(look, last=look == looks - 1) for look in range(looks)]
    assert sum(shares) == pytest.approx(1)


def results(losses: Losses) -> list[ReplicateResult]:
    return [ReplicateResult(loss=float(one.mean()), blocks=tuple(one)) for one in losses]


def replicates(count: int) -> list[Replicate]:
    return [Replicate(number // 2, number % 2) for number in range(count)]


def compared(own: Losses, baseline: Losses, rate: float = 0.025) -> Comparison:
    return compare(7, replicates(len(own)), results(own), results(baseline), rate)


def noisy(gain: float, count: int = 6, seed: int = 0) -> tuple[Losses, Losses]:
    draw = np.random.default_rng(seed).normal(1, 0.1, (2, count, BLOCKS))
    draw[0] -= gain
    return draw[0], draw[1]


def test_the_interval_is_that_of_the_estimate() -> None:
    own, baseline = noisy(0.2)
    found, given = compared(own, baseline), estimate(own - baseline)
    assert (found.trial, found.replicates, found.error_rate) == (7, tuple(replicates(6)), 0.025)
    assert found.losses == pytest.approx([one.mean() for one in own])
    assert found.mean == pytest.approx(given.mean)
    assert found.low == pytest.approx(given.mean - given.quantile(0.025))
    assert found.high == pytest.approx(given.mean + given.quantile(0.025))
    assert found.probability == pytest.approx(given.probability())


def test_a_trial_is_better_if_the_interval_is_below_zero() -> None:
    assert compared(*noisy(0.2)).better
    assert not compared(*noisy(0.0)).better
    assert not compared(*noisy(-0.2)).better


def test_a_smaller_error_rate_has_a_wider_interval() -> None:
    own, baseline = noisy(0.05)
    strict, loose = (compared(own, baseline, rate) for rate in (0.001, 0.1))
    assert strict.low is not None
    assert loose.low is not None
    assert strict.low < loose.low
    assert loose.confidence == pytest.approx(0.8)


def test_a_trial_that_looks_no_better_needs_no_number_of_replicates() -> None:
    assert compared(*noisy(-0.2)).needed is None


def test_with_the_needed_replicates_four_of_five_studies_confirm() -> None:
    gain = 0.04
    own, baseline = noisy(gain, 8, seed=1)
    needed = compared(own, baseline).needed
    assert needed is not None
    # The present estimate is taken as the truth.
    given = estimate(own - baseline)
    truth = np.random.default_rng(2).normal(
        given.mean, given.error * 8**0.5 * BLOCKS**0.5, (400, needed, BLOCKS)
    )
    better = [compared(1 + one, np.ones_like(one), 0.025 / 4).better for one in truth]
    assert 0.7 < np.mean(better) < 0.95


@pytest.mark.parametrize("count", [1, 2, 3])
def test_with_too_few_replicates_nothing_is_better(count: int) -> None:
    found = compared(np.full((count, BLOCKS), 0.1), np.full((count, BLOCKS), 0.5))
    assert (found.mean, found.better, found.status) == (None, False, "complete")


@pytest.mark.parametrize("side", [0, 1])
def test_with_a_failure_nothing_is_better(side: int) -> None:
    own, baseline = both = [results(np.full((6, BLOCKS), loss)) for loss in (0.1, 0.5)]
    both[side][2] = ReplicateResult(failed="it diverged")
    found = compare(7, replicates(6), own, baseline, 0.025)
    assert (found.mean, found.better, found.status) == (None, False, "failed")


def test_the_winner_is_the_better_one_that_gained_most() -> None:
    def comparison(trial: int, mean: float, better: bool) -> Comparison:
        return Comparison(
            trial=trial,
            replicates=(),
            losses=(),
            baseline_losses=(),
            mean=mean,
            low=mean,
            high=mean,
            error_rate=0.05,
            better=better,
        )

    assert winner([comparison(1, -0.1, True), comparison(2, -0.2, True), comparison(3, -0.3, False)]) == 2
    assert winner([comparison(1, -0.1, False)]) is None


# Differences of a trial that is no better: noise of replicates, of blocks of rows, and of both.

STUDIES = 4000


def noise(replicate: float, block: float, rest: float) -> Callable[[np.random.Generator, int], Losses]:
    def draw(rng: np.random.Generator, count: int) -> Losses:
        shape = (STUDIES, count, BLOCKS)
        return (
            rng.normal(0, replicate / BLOCKS**0.5, (STUDIES, count, 1))
            + rng.normal(0, block, (STUDIES, 1, BLOCKS))
            + rng.normal(0, rest, shape)
        )

    return draw


def heavy_tailed(rng: np.random.Generator, count: int) -> Losses:
    return rng.standard_t(2, (STUDIES, count, BLOCKS))


def skewed(rng: np.random.Generator, count: int) -> Losses:
    return rng.exponential(size=(STUDIES, count, BLOCKS)) - rng.exponential(size=(STUDIES, count, BLOCKS))


def without_seeds(rng: np.random.Generator, count: int) -> Losses:
    """The model has no random numbers: only the shuffle and the rows make a difference."""
    return rng.normal(size=(STUDIES, count, BLOCKS)) + rng.normal(size=(STUDIES, 1, BLOCKS))


@pytest.mark.parametrize("count", [6, 12, 24])
@pytest.mark.parametrize(
    "draw",
    [noise(0, 0, 1), noise(1, 0, 1), noise(0, 0.3, 1), noise(1, 0.3, 1), heavy_tailed, skewed, without_seeds],
)
def test_what_is_no_better_is_rarely_called_better(
    draw: Callable[[np.random.Generator, int], Losses], count: int
) -> None:
    differences, rate = draw(np.random.default_rng(count), count), error_rate(0)
    found = [estimate(one) for one in differences]
    assert np.mean([one.mean + one.quantile(rate) < 0 for one in found]) <= rate + 3 * (rate / STUDIES) ** 0.5


def test_rows_that_all_replicates_share_are_accounted_for() -> None:
    """Student's test of the replicates alone would call four times too many of these better."""
    from scipy.stats import ttest_1samp

    differences, rate = noise(0, 0.5, 1)(np.random.default_rng(3), 12), 0.0375
    alone = ttest_1samp(differences.mean(axis=2), 0, axis=1, alternative="less").pvalue
    assert np.mean(alone < rate) > 0.15
    found = [estimate(one) for one in differences]
    assert np.mean([one.mean + one.quantile(rate) < 0 for one in found]) <= rate


def test_a_real_gain_is_found_in_most_studies() -> None:
    """Five per cent, with noise of 4 % in each training of half of the rows."""
    draw = np.random.default_rng(4).normal(0, 0.04 * BLOCKS**0.5 * 2**0.5, (STUDIES, 16, BLOCKS)) - 0.05
    found = [estimate(one) for one in draw]
    assert np.mean([one.mean + one.quantile(error_rate(0)) < 0 for one in found]) > 0.75
