"""The simulated search."""

import math

import numpy as np
import pytest

from tests.benchmarks.replay.made_up import quick, world
from tests.benchmarks.replay.searching import Reserve, Searched, Simulation
from tests.benchmarks.replay.strategies import Search
from tests.benchmarks.replay.world import CurveNoise, Draws, TrialDraws


def searched(search: Search, reserve: float = 0.0, deadline: float = 1000.0) -> Searched:
    given = world()
    draws = TrialDraws(given, search, Draws(given, 0), CurveNoise(np.ones(10), np.zeros(10)))
    return Simulation(
        given.space, search, reserve=Reserve(reserve, reserve), deadline=deadline, draws=draws, seed=0
    ).run()


def states(found: Searched) -> list[str]:
    return [one.state.name for one in found.study.get_trials(deepcopy=False)]


def test_two_workers_train_as_many_trials_as_fit() -> None:
    search = quick()
    one = 5 + search.training_seconds + search.last_seconds
    assert states(searched(search)) == ["COMPLETE"] * (2 * math.floor(1000 / one))


def test_the_reserve_is_left() -> None:
    assert searched(quick(), reserve=400.0).ended <= 600


def test_the_baseline_comes_first() -> None:
    first = searched(quick()).study.get_trials(deepcopy=False)[0]
    assert (first.params, first.user_attrs) == (world().space.baseline, {"baseline": True})


def test_the_first_trials_are_near_the_baseline() -> None:
    found = searched(quick(start="near", start_trials=4)).study.get_trials(deepcopy=False)
    same = [sum(one.params[key] == value for key, value in world().space.baseline.items()) for one in found]
    assert np.mean(same[1:5]) > 2 > np.mean(same[5:])


def test_pruned_trials_take_less_time() -> None:
    found = states(searched(quick(pruner="median"), deadline=2000.0))
    assert ("PRUNED" in found, len(found) > len(states(searched(quick(), deadline=2000.0)))) == (True, True)


@pytest.mark.parametrize("sampler", ["tpe", "tpe-group", "tpe-univariate"])
def test_each_sampler_proposes_trials(sampler: str) -> None:
    assert "COMPLETE" in states(searched(quick(sampler=sampler, start_trials=2)))[3:]
