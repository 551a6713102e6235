"""Simulated studies: a search and a confirmation, and what they are worth in truth."""

import math
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context

from kit.tuning.space import Space
from tests.benchmarks.replay.present import confirm_by_t_interval, t_interval_reserve
from tests.benchmarks.replay.racing import Confirmed, confirm_by_race, race_reserve
from tests.benchmarks.replay.searching import Reserve, Searched, Simulation
from tests.benchmarks.replay.strategies import Confirming, Search, Strategy
from tests.benchmarks.replay.surrogate import Surrogate
from tests.benchmarks.replay.world import CurveNoise, Draws, Effect, Noise, TrialDraws, World

REPORT_SECONDS = 30.0
"""Of the report of an hour's study."""


@dataclass(frozen=True)
class Plan:
    """What is simulated.

    Attributes:
        strategies: each in the same studies.
        surrogate: the losses.
        space: the search space.
        noise: of trainings.
        limit: seconds of a study.
        scale: the differences between configurations are multiplied by it.
    """

    strategies: Sequence[Strategy]
    surrogate: Surrogate
    space: Space
    noise: Noise
    limit: float
    scale: float = 1.0


@dataclass(frozen=True)
class Outcome:
    """The result of one study.

    Attributes:
        trials: that it started.
        found: true gain of the best trial, as a share of the baseline's loss.
        confirmed: whether it confirmed a trial.
        gain: true gain of that trial; 0 without one.
    """

    trials: int
    found: float
    confirmed: bool
    gain: float

    @property
    def false(self) -> bool:
        """Whether the confirmed trial is no better."""
        return self.confirmed and self.gain <= 0


def simulated(plan: Plan, effect: Effect, seeds: Iterable[int], jobs: int) -> list[list[Outcome]]:
    """Return the outcomes of each strategy, over studies with these seeds."""
    study = partial(outcomes, plan, effect)
    if jobs == 1:
        found = [study(seed) for seed in seeds]
    else:
        with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
            found = list(pool.map(study, seeds, chunksize=10))
    return [list(one) for one in zip(*found, strict=True)]


def outcomes(plan: Plan, effect: Effect, seed: int) -> list[Outcome]:
    """Return the outcome of each strategy in the study with this seed; equal searches are done once."""
    world = World(plan.space, plan.surrogate, effect, plan.noise, plan.scale)
    searches: dict[tuple[Search, Reserve], Searched] = {}
    results = []
    for strategy in plan.strategies:
        confirming, deadline = strategy.confirming, plan.limit - REPORT_SECONDS
        key = (_relevant(strategy.search, effect), _reserve(confirming, plan.limit))
        if key not in searches:
            searches[key] = _searched(world, *key, deadline, seed)
        found = _confirmed(searches[key], world, confirming, Draws(world, seed), deadline)
        results.append(_outcome(searches[key], found, world))
    return results


def _relevant(search: Search, effect: Effect) -> Search:
    """Return the search without what has no influence: no sampler learns anything if all are equal."""
    if effect == "equal":
        return search.model_copy(update={"sampler": "random", "start": "random", "start_trials": 0})
    return search


def _reserve(confirming: Confirming, limit: float) -> Reserve:
    reserve = race_reserve if confirming.kind == "race" else t_interval_reserve
    return reserve(limit, confirming)


def _searched(world: World, search: Search, reserve: Reserve, deadline: float, seed: int) -> Searched:
    draws = TrialDraws(world, search, Draws(world, seed), CurveNoise.of(world.surrogate))
    return Simulation(world.space, search, reserve=reserve, deadline=deadline, draws=draws, seed=seed).run()


def _confirmed(
    searched: Searched, world: World, confirming: Confirming, draws: Draws, deadline: float
) -> Confirmed:
    if confirming.kind == "race":
        return confirm_by_race(searched, world, confirming, draws, deadline)
    return confirm_by_t_interval(searched, world, draws, deadline)


def _outcome(searched: Searched, found: Confirmed, world: World) -> Outcome:
    trials = searched.study.get_trials(deepcopy=False)
    gains = {one.number: 1 - math.exp(-world.gain(one.params)) for one in trials if one.params}
    won = found.winner
    return Outcome(len(trials), max(gains.values()), won is not None, gains[won] if won is not None else 0.0)
