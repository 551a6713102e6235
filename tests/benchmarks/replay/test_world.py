"""Gains, noise and learning curves of the simulation."""

import numpy as np
import pytest

from tests.benchmarks.replay.made_up import quick, world
from tests.benchmarks.replay.strategies import ROWS
from tests.benchmarks.replay.world import CurveNoise, Draws, Noise, TrialDraws


def test_the_baseline_gains_nothing() -> None:
    given = world()
    assert given.gain(given.space.baseline) == 0


def test_nothing_gains_if_all_are_equal() -> None:
    given = world("equal")
    assert {given.gain(one) for one in given.surrogate.table.params} == {0}


def test_nothing_is_better_and_some_are_worse_if_none_is_better() -> None:
    given = world("none better")
    gains = [given.gain(one) for one in given.surrogate.table.params]
    assert (max(gains), min(gains) < 0) == (0, True)


@pytest.mark.parametrize(("rows", "expected"), [(ROWS // 2, 0.05), (ROWS // 5, 0.0632)])
def test_noise_falls_with_the_rows_that_are_held_out(rows: int, expected: float) -> None:
    draws, random = Draws(world(), 0), np.random.default_rng(0)
    errors = [draws.blocks(trial, rows, random).mean() for trial in range(2000)]
    assert np.std(errors) == pytest.approx(expected, rel=0.05)


def test_trainings_of_a_trial_share_their_part_of_the_variance() -> None:
    draws = Draws(world(), 0)
    shared = [draws.common(trial).mean() for trial in range(2000)]
    assert np.var(shared) == pytest.approx(0.05**2 * Noise(0.05).row_share, rel=0.1)


def test_a_search_and_a_confirmation_of_a_study_share_it_too() -> None:
    assert Draws(world(), 3).common(7).tolist() == Draws(world(), 3).common(7).tolist()


def test_without_noise_a_trial_has_the_true_loss_and_the_recorded_curve() -> None:
    given = world(half=0.0)
    curves = CurveNoise(np.ones(10), np.zeros(10))
    losses = TrialDraws(given, quick(), Draws(given, 0), curves).losses(1, given.surrogate.table.params[3])
    true = given.loss(given.surrogate.table.params[3])
    expected = true * 16 ** np.linspace(1, 0, 10)
    assert [losses.final, *losses.watched] == pytest.approx([true, *expected])


def test_the_last_epoch_has_no_noise_of_its_own() -> None:
    noise = CurveNoise.of(world().surrogate)
    assert noise.own[-1] == pytest.approx(0, abs=1e-9)
