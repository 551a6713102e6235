"""A simulated search: Optuna's samplers and pruners, two virtual workers, virtual time."""

import heapq
import math
import warnings
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, assert_never

import numpy as np

from kit.tuning.pruning import HALVING_FACTOR, HALVING_FIRST, MEDIAN_FIRST, MEDIAN_TRIALS
from kit.tuning.sampling import TPE_TRIALS, near_params
from kit.tuning.space import Space
from tests.benchmarks.replay.strategies import STARTUP, Search
from tests.benchmarks.replay.world import TENTHS, TrialDraws, TrialLosses

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler

WORKERS = 2
STEP = 10
"""Of a report after a tenth, in percent, as in the product."""


@dataclass(frozen=True)
class Reserve:
    """Seconds of the confirmation: before a trial is better than the baseline, and after."""

    shortest: float
    usual: float


@dataclass(frozen=True)
class Searched:
    """A search that has ended.

    Attributes:
        study: its trials; value and parameters are those of the simulation.
        ended: when, in seconds.
    """

    study: "Study"
    ended: float


@dataclass(order=True)
class _Running:
    """A trial in a worker: its next report is due at `due`."""

    due: float
    trial: "Trial" = field(compare=False)
    losses: TrialLosses = field(compare=False)
    started: float = field(compare=False)
    tenth: int = field(compare=False, default=0)


class Simulation:
    """Runs the search of one study.

    Args:
        space: the search space; its baseline is the first trial.
        search: how it searches.
        reserve: the time that it leaves.
        deadline: of the confirmation, in seconds.
        draws: the losses of the trials.
        seed: of the sampler.
    """

    def __init__(
        self, space: Space, search: Search, *, reserve: Reserve, deadline: float, draws: TrialDraws, seed: int
    ) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sampler, pruner = sampler_of(search, seed), pruner_of(search)
        self._study = optuna.create_study(sampler=sampler, pruner=pruner, study_name=str(seed))
        self._space, self._search, self._reserve, self._deadline = space, search, reserve, deadline
        self._draws, self._taken = draws, list[float]()
        self._baseline, self._best = math.inf, math.inf
        self._study.enqueue_trial(space.baseline, user_attrs={"baseline": True})
        if search.start == "near":
            random = np.random.default_rng(seed)
            for _ in range(search.start_trials):
                self._study.enqueue_trial(near_params(space, random))

    def run(self) -> Searched:
        """Return the search when its workers are idle."""
        from optuna.trial import TrialState

        queue: list[_Running] = []
        ended = 0.0
        for _ in range(WORKERS):
            self._start(queue, 0.0)
        while queue:
            one = heapq.heappop(queue)
            if one.due > self._ends():
                self._study.tell(one.trial, state=TrialState.FAIL)
                ended = max(ended, self._ends())
            elif self._reported(one):
                ended = max(ended, one.due)
                self._taken.append(one.due - one.started)
                self._start(queue, one.due)
            else:
                heapq.heappush(queue, one)
        return Searched(self._study, ended)

    def _start(self, queue: list[_Running], now: float) -> None:
        """Start a trial, if there is time for it."""
        if now + (median(self._taken) if self._taken else 0.0) >= self._ends():
            return
        trial = self._study.ask()
        losses = self._draws.losses(trial.number, self._space.suggest(trial))
        due = now + STARTUP + self._search.training_seconds / TENTHS
        heapq.heappush(queue, _Running(due, trial, losses, now))

    def _reported(self, one: _Running) -> bool:
        """Report the loss of a trial; return whether it has ended. If not, its next report has a time."""
        from optuna.trial import TrialState

        if one.tenth == TENTHS:
            self._study.tell(one.trial, one.losses.final)
            self._judge(one)
            return True
        is_baseline = "baseline" in one.trial.user_attrs
        one.trial.report(float(one.losses.watched[one.tenth]), STEP * (one.tenth + 1))
        one.tenth += 1
        if one.tenth == TENTHS:
            one.due += self._search.last_seconds
            return False
        if one.trial.should_prune() and not is_baseline:
            self._study.tell(one.trial, state=TrialState.PRUNED)
            return True
        one.due += self._search.training_seconds / TENTHS
        return False

    def _judge(self, one: _Running) -> None:
        if "baseline" in one.trial.user_attrs:
            self._baseline = one.losses.final
        else:
            self._best = min(self._best, one.losses.final)

    def _ends(self) -> float:
        """Return when the search ends, as `kit.tuning.confirm.budget.Budget` does."""
        if not self._taken:
            return self._deadline
        return self._deadline - (
            self._reserve.usual if self._best < self._baseline else self._reserve.shortest
        )


def sampler_of(search: Search, seed: int) -> "BaseSampler":
    """Return Optuna's sampler."""
    from optuna.samplers import CmaEsSampler, RandomSampler, TPESampler

    # Trials near the baseline are queued, and count. Some of them may still be running.
    first = min(TPE_TRIALS, search.start_trials + 1) if search.start == "near" else search.start_trials
    match search.sampler:
        case "random":
            return RandomSampler(seed)
        case "cma-es":
            return CmaEsSampler(n_startup_trials=first, seed=seed, warn_independent_sampling=False)
        case "tpe-univariate":
            return TPESampler(n_startup_trials=first, multivariate=False, seed=seed)
        case "tpe" | "tpe-group":
            group = search.sampler == "tpe-group"
            return TPESampler(n_startup_trials=first, multivariate=True, group=group, seed=seed)
    assert_never(search.sampler)


def pruner_of(search: Search) -> "BasePruner":
    """Return Optuna's pruner, with the constants of the product."""
    from optuna.pruners import (
        HyperbandPruner,
        MedianPruner,
        NopPruner,
        PercentilePruner,
        SuccessiveHalvingPruner,
    )

    match search.pruner:
        case "none":
            return NopPruner()
        case "median":
            return MedianPruner(MEDIAN_TRIALS, MEDIAN_FIRST - 1)
        case "quartile":
            return PercentilePruner(75, MEDIAN_TRIALS, MEDIAN_FIRST - 1)
        case "halving":
            return SuccessiveHalvingPruner(HALVING_FIRST, HALVING_FACTOR)
        case "hyperband":
            return HyperbandPruner(min_resource=STEP, max_resource=STEP * TENTHS, reduction_factor=3)
    assert_never(search.pruner)
