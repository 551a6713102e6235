"""Comparisons computed by hand, and simulated studies in which no parameter matters."""

from collections.abc import Callable

import numpy as np
import optuna
import pytest
from numpy.typing import NDArray
from optuna.distributions import IntDistribution
from optuna.trial import create_trial

from kit.config import IntRange
from kit.records import Comparison
from kit.tuning.confirm.candidates import candidates
from kit.tuning.confirm.replicates import all_replicates
from kit.tuning.confirm.significance import compare, winner
from kit.tuning.space import Parameter, Space


def test_the_interval_is_students_interval_corrected_for_all() -> None:
    # The 1 - 0.05 / 6 quantile of t with 3 degrees of freedom is 4.8567.
    losses = [0.07, 0.09, 0.08 + 0.01 * 0.5**0.5, 0.08 - 0.01 * 0.5**0.5]
    found = compare(7, range(4), losses, [0.1] * 4, 3)
    half = 4.8567 * np.std(losses, ddof=1) / 2
    assert found.high
    assert found.mean == pytest.approx(-0.02)
    assert (found.low, found.high) == pytest.approx((-0.02 - half, -0.02 + half), rel=1e-4)
    assert (found.trial, found.better) == (7, found.high < 0)


def test_more_candidates_widen_the_interval() -> None:
    losses, baseline = [0.07, 0.09, 0.08, 0.078], [0.1] * 4
    assert compare(1, range(4), losses, baseline, 3).better
    assert not compare(1, range(4), losses, baseline, 30).better


def test_equal_differences_have_an_interval_without_width() -> None:
    assert compare(1, range(3), [0.25] * 3, [0.5] * 3, 3) == Comparison(
        trial=1, losses=(0.25,) * 3, mean=-0.25, low=-0.25, high=-0.25, better=True
    )
    assert not compare(1, range(3), [0.5] * 3, [0.5] * 3, 3).better


def test_replicates_of_a_fold_count_once() -> None:
    losses, baseline = [0.07, 0.09, 0.08, 0.078], [0.1] * 4
    once = compare(1, range(4), losses, baseline, 3)
    twice = compare(1, [0, 1, 2, 3] * 2, [*losses, *losses], baseline * 2, 3)
    assert (twice.mean, twice.low, twice.high) == pytest.approx((once.mean, once.low, once.high))


def test_each_fold_has_the_same_weight() -> None:
    found = compare(1, [0, 1, 2, 0], [0.1, 0.4, 0.4, 0.3], [0.5] * 4, 3)
    assert found.mean == pytest.approx((-0.3 - 0.1 - 0.1) / 3)


@pytest.mark.parametrize(
    ("folds", "losses", "baseline"),
    [
        ([0, 1], [0.1, 0.1], [0.5, 0.51]),
        ([0, 1, 0, 1], [0.1] * 4, [0.5, 0.51, 0.5, 0.5]),
        ([0, 1, 2], [0.1, 0.1, None], [0.5] * 3),
        ([0, 1, 2], [0.1, 0.1, 0.1], [0.5, 0.5, None]),
        ([0, 1, 2], [None] * 3, [None] * 3),
    ],
)
def test_nothing_is_better_with_fewer_than_three_folds_or_a_failure(
    folds: list[int], losses: list[float | None], baseline: list[float | None]
) -> None:
    assert not compare(1, folds, losses, baseline, 3).better


def test_the_winner_is_the_better_one_that_gained_most() -> None:
    def comparison(trial: int, mean: float, better: bool) -> Comparison:
        return Comparison(trial=trial, losses=(), mean=mean, low=mean, high=mean, better=better)

    assert winner([comparison(1, -0.1, True), comparison(2, -0.2, True), comparison(3, -0.3, False)]) == 2
    assert winner([comparison(1, -0.1, False)]) is None


# A space in which nothing matters: every value is the same mean with noise.

STUDIES, TRIALS, SD = 400, 40, 0.03


@pytest.fixture(scope="module")
def noise_studies() -> list[int]:
    """Return how many candidates each of many studies of pure noise sends to the confirmation."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    values = np.random.default_rng(1).normal(1, SD, (STUDIES, TRIALS))
    # The baseline's luck with the folds of the search: very bad in half of the studies, good in a quarter.
    values[::2, 0] = 1 + 3 * SD
    values[1::4, 0] = 1 - 2 * SD
    numbers, dimension = [], IntRange(kind="int", low=0, high=TRIALS)
    for row in values:
        study = optuna.create_study()
        study.add_trials(
            create_trial(
                value=value,
                params={"n": n},
                distributions={"n": IntDistribution(0, TRIALS)},
                user_attrs={} if n else {"baseline": True},
            )
            for n, value in enumerate(row)
        )
        numbers.append(len(candidates(study, Space((Parameter("n", dimension, {}),), {}, False))))
    return numbers


Losses = NDArray[np.float64]


def normal(rng: np.random.Generator, configs: int, replicates: int) -> Losses:
    return rng.normal(0, SD, (configs, replicates))


def heavy_tailed(rng: np.random.Generator, configs: int, replicates: int) -> Losses:
    return SD * rng.standard_t(2, (configs, replicates))


def skewed(rng: np.random.Generator, configs: int, replicates: int) -> Losses:
    return SD * rng.exponential(size=(configs, replicates))


def common_replicates(rng: np.random.Generator, configs: int, replicates: int) -> Losses:
    """Some replicates are much harder than others, for all."""
    return normal(rng, configs, replicates) + rng.normal(0, 10 * SD, replicates)


def lucky_rows(rng: np.random.Generator, configs: int, replicates: int) -> Losses:
    """Each configuration suits some folds more than others, by as much as there is noise."""
    return normal(rng, configs, replicates) + without_seeds(rng, configs, replicates)


def without_seeds(rng: np.random.Generator, configs: int, replicates: int) -> Losses:
    """Another seed changes nothing: nearest neighbours have none."""
    return rng.normal(0, SD, (configs, 5))[:, folds_of(replicates)]


def folds_of(replicates: int) -> list[int]:
    return [replicate.fold for replicate in all_replicates(range(3), 5)[:replicates]]


def winners(
    rng: np.random.Generator,
    studies: list[int],
    replicates: int,
    draw: Callable[..., Losses],
    gain: float = 0,
) -> float:
    """Return the share of studies with a winner, where the first candidate gains this much of the loss."""
    found, folds = 0, folds_of(replicates)
    for number in studies:
        baseline, *losses = 1 + draw(rng, number + 1, replicates)
        if losses:
            losses[0] -= gain
        comparisons = [
            compare(trial, folds, list(own), list(baseline), 3) for trial, own in enumerate(losses)
        ]
        found += winner(comparisons) is not None
    return found / len(studies)


@pytest.mark.parametrize("replicates", [3, 6, 15])
@pytest.mark.parametrize("draw", [normal, heavy_tailed, skewed, common_replicates, lucky_rows, without_seeds])
def test_where_nothing_matters_few_studies_have_a_winner(
    noise_studies: list[int], draw: Callable[..., Losses], replicates: int
) -> None:
    assert noise_studies.count(3) > STUDIES / 2
    assert winners(np.random.default_rng(2), noise_studies * 4, replicates, draw) <= 0.05


def test_a_real_gain_is_found_in_most_studies() -> None:
    """A tenth of the loss, with noise of 3 % in each training."""
    rng = np.random.default_rng(3)
    assert winners(rng, [3] * STUDIES, 6, normal, gain=0.1) > 0.8
    assert winners(rng, [3] * STUDIES, 3, normal, gain=0.1) > 0.15
