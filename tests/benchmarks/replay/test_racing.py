"""The race and the earlier confirmation on virtual time."""

import numpy as np
import pytest

from kit.records import Replicate, ReplicateResult
from kit.tuning.confirm import race
from tests.benchmarks.replay.made_up import BEST, DROPOUT, quick, world
from tests.benchmarks.replay.present import confirm_by_t_interval, t_interval_reserve
from tests.benchmarks.replay.racing import (
    Clock,
    Confirmed,
    VirtualTrainer,
    confirm_by_race,
    race_reserve,
    replicate_seconds,
)
from tests.benchmarks.replay.searching import Reserve, Searched, Simulation
from tests.benchmarks.replay.strategies import Confirming
from tests.benchmarks.replay.world import CurveNoise, Draws, Effect, TrialDraws, World

PAIRS = [("1", Replicate(0, 0)), ("1", Replicate(0, 1)), ("1", Replicate(1, 0))]
DEADLINE = 3570.0


def trainer() -> VirtualTrainer:
    return VirtualTrainer(Clock(100.0), 10.0, lambda name: ReplicateResult(loss=float(name), blocks=(1.0,)))


def searched(given: World) -> Searched:
    draws = TrialDraws(given, quick(), Draws(given, 0), CurveNoise(np.ones(10), np.zeros(10)))
    reserve = Reserve(1800.0, 1800.0)
    return Simulation(given.space, quick(), reserve=reserve, deadline=DEADLINE, draws=draws, seed=0).run()


def confirmed(effect: Effect, kind: str) -> tuple[Confirmed, Searched]:
    given = world(effect, half=0.02)
    search, draws = searched(given), Draws(given, 0)
    if kind == "race":
        return confirm_by_race(search, given, Confirming(), draws, DEADLINE), search
    return confirm_by_t_interval(search, given, draws, DEADLINE), search


def test_two_trainings_run_at_once() -> None:
    one = trainer()
    one.train(PAIRS)
    assert one._clock.now == 120.0


def test_what_is_unfinished_at_the_end_is_missing() -> None:
    one = trainer()
    one.train(PAIRS, until=115.0)
    assert (one.missing(PAIRS), one._clock.now) == ([PAIRS[2]], 115.0)


def test_stored_results_take_no_time() -> None:
    one = trainer()
    one.train(PAIRS[:2])
    assert one.seconds(PAIRS) == 10.0


@pytest.mark.parametrize("kind", ["race", "t interval"])
def test_a_much_better_trial_is_confirmed(kind: str) -> None:
    found, search = confirmed("table", kind)
    assert found.winner is not None
    dropout = search.study.get_trials()[found.winner].params[DROPOUT]
    assert abs(dropout - BEST) < 0.1


@pytest.mark.parametrize("kind", ["race", "t interval"])
def test_nothing_is_confirmed_if_all_are_equal(kind: str) -> None:
    assert confirmed("equal", kind)[0].winner is None


def test_the_race_ends_in_time_and_leaves_its_module_as_it_was() -> None:
    constants = vars(race).copy()
    assert confirmed("equal", "race")[0].ended <= race.OVERRUN * DEADLINE
    assert vars(race) == constants


def test_the_race_reserves_its_share() -> None:
    reserve = race_reserve(3600.0, Confirming(reserve=0.5))
    assert (reserve.shortest, reserve.usual) == pytest.approx((4 * replicate_seconds(2), 1800))


def test_the_earlier_confirmation_reserved_time_for_five_replicates() -> None:
    reserve = t_interval_reserve(3600.0, Confirming(kind="t interval", reserve=0.25))
    assert (reserve.shortest, reserve.usual) == pytest.approx((337.5, 1125), rel=0.01)
