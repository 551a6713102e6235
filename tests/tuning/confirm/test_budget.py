"""The division of time between search and confirmation, on machines of different speed."""

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import optuna
import pytest
from optuna.distributions import IntDistribution
from optuna.trial import TrialState, create_trial

from kit.config import Config, IntRange, validate
from kit.tuning.confirm.budget import LONGEST_RESERVE, REPORT_SHARE, RESERVE, Budget
from kit.tuning.confirm.candidates import replicate_costs, shortest
from kit.tuning.confirm.race import OVERRUN
from kit.tuning.space import Parameter, Space

RAW: dict[str, Any] = {
    "folds": {"count": 4},
    "models": {"knn": {"kind": "knn"}},
    "tune": {"confirm_seeds": 3},
}
LIMIT = 240.0
STARTUP, TRAINING = 4.0, 8.0
"""Seconds of a trial of `quick` on one core: 12."""
SPACE = Space((Parameter("n", IntRange(kind="int", low=1, high=1000), {}),), {}, False)


@dataclass
class Simulation:
    """A search on a machine of one core, with a clock that only trials advance.

    Attributes:
        speed: relative to one core of the machine that `quick` was made on.
        gains: whether the second trial is better than the baseline; none is otherwise.
        now: seconds since the start.
        cold: more seconds of start-up of the first trial.
        too_short_calls: the arguments of `too_short`.
    """

    speed: float
    gains: bool = True
    now: float = 0.0
    cold: float = 0.0
    too_short_calls: list[tuple[float, float, float]] = field(default_factory=list)
    study: optuna.Study = field(default_factory=optuna.create_study)

    @property
    def config(self) -> Config:
        return validate(RAW)

    @property
    def startup(self) -> float:
        return STARTUP / self.speed + (0.0 if self.study.trials else self.cold)

    @property
    def trial_seconds(self) -> float:
        return self.startup + TRAINING / self.speed

    def too_short(self, needed: float, limit: float, enough: float) -> None:
        self.too_short_calls.append((needed, limit, enough))

    def needed(self) -> float:
        needed = shortest(replicate_costs(self.study, self.config, SPACE, 1), self.config, 1)
        assert needed is not None
        return needed

    def budget(self, limit: float | None = LIMIT) -> Budget:
        return Budget(self.study, self.config, SPACE, 1, started=0.0, seconds=limit, listener=self)

    def search(self, limit: float = LIMIT) -> Budget:
        """Run trials until the budget ends the search; the last one is cut off."""
        budget = self.budget(limit)
        while self.now < budget.search_ends():
            self.now += self.trial_seconds
            if self.now > budget.search_ends():
                self.now = budget.search_ends()
                break
            self.add_trial()
        return budget

    def add_trial(self) -> None:
        number = len(self.study.trials)
        better = self.gains and number == 1
        trial = create_trial(
            state=TrialState.COMPLETE,
            value=0.1 if better else 0.2 + number / 100,
            params={"n": number + 1},
            distributions={"n": IntDistribution(1, 1000)},
            user_attrs={"seconds": [TRAINING / self.speed], "startup": self.startup}
            | ({} if number else {"baseline": True}),
        )
        trial.datetime_start = datetime(2025, 1, 1)
        trial.datetime_complete = trial.datetime_start + timedelta(seconds=self.trial_seconds)
        self.study.add_trial(trial)


@pytest.fixture
def simulate(monkeypatch: pytest.MonkeyPatch) -> Any:
    optuna.logging.set_verbosity(optuna.logging.ERROR)

    def make(speed: float, **settings: Any) -> Simulation:
        made = Simulation(speed, **settings)
        monkeypatch.setattr(time, "monotonic", lambda: made.now)
        return made

    return make


@pytest.mark.parametrize("speed", [4.0, 2.0, 1.5, 1.3])
def test_the_search_leaves_half_of_the_time(simulate: Any, speed: float) -> None:
    machine = simulate(speed)
    budget = machine.search()
    assert budget.deadline - machine.now == pytest.approx(RESERVE * LIMIT)
    assert machine.needed() < RESERVE * LIMIT
    assert machine.too_short_calls == []


@pytest.mark.parametrize("speed", [0.8, 0.7])
def test_the_search_of_a_slow_machine_leaves_time_for_the_shortest_confirmation(
    simulate: Any, speed: float
) -> None:
    machine = simulate(speed)
    budget = machine.search()
    assert budget.deadline - machine.now == pytest.approx(machine.needed())
    assert machine.needed() > RESERVE * LIMIT
    assert len(machine.study.trials) >= 2


@pytest.mark.parametrize("speed", [4.0, 2.0, 1.0, 0.8, 0.5, 0.1, 0.02])
def test_search_and_confirmation_together_keep_the_limit(simulate: Any, speed: float) -> None:
    machine = simulate(speed)
    budget = machine.search()
    left = budget.deadline - machine.now
    longest = machine.needed() if machine.study.trials and machine.needed() <= OVERRUN * left else 0.0
    assert machine.now + longest <= LIMIT * OVERRUN


@pytest.mark.parametrize("speed", [0.5, 0.25, 0.1])
def test_if_no_confirmation_fits_it_is_said_after_the_first_trial(simulate: Any, speed: float) -> None:
    machine = simulate(speed)
    machine.search()
    [(needed, limit, enough)] = machine.too_short_calls
    # Three seeds and two folds of the baseline and of a candidate.
    seconds = 12 * (TRAINING + STARTUP / 8) / speed
    assert needed == pytest.approx(seconds)
    assert limit == LIMIT
    assert enough == pytest.approx(seconds / LONGEST_RESERVE)
    # The search has the time instead.
    assert machine.now == pytest.approx(LIMIT * (1 - REPORT_SHARE))


def test_a_confirmation_that_fits_after_faster_trials_is_kept_time_for(simulate: Any) -> None:
    machine = simulate(1.3, cold=40.0)
    budget = machine.search(limit=200.0)
    assert len(machine.too_short_calls) == 1
    # Without time for the confirmation, the search would end with the limit.
    assert machine.needed() <= budget.deadline - machine.now
    assert machine.now <= 200.0 * 0.7


def test_the_time_that_is_named_is_enough(simulate: Any) -> None:
    machine = simulate(0.1)
    machine.search()
    [(_, _, enough)] = machine.too_short_calls
    patient = simulate(0.1)
    budget = patient.search(enough)
    assert patient.too_short_calls == []
    assert patient.needed() <= budget.deadline - patient.now + 1e-6


def test_a_first_trial_that_takes_all_the_time_ends_with_the_limit(simulate: Any) -> None:
    machine = simulate(0.02)
    machine.search()
    assert machine.study.trials == []
    assert machine.now <= LIMIT


def test_without_a_candidate_the_time_of_one_is_kept(simulate: Any) -> None:
    machine = simulate(2.0, gains=False)
    budget = machine.search()
    assert budget.deadline - machine.now == pytest.approx(machine.needed())


def test_a_call_without_a_limit_has_none(simulate: Any) -> None:
    budget = simulate(1.0).budget(None)
    assert (budget.search_ends(), budget.deadline) == (float("inf"), None)
