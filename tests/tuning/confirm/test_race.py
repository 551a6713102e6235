"""Races with a trainer that makes up losses, on a clock that only trainings advance."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest

from kit.metrics import BLOCKS
from kit.records import Comparison, Replicate, ReplicateResult
from kit.tuning.confirm import race
from kit.tuning.confirm.candidates import BASELINE
from kit.tuning.confirm.race import ROUNDS, Pair, Race
from kit.tuning.confirm.significance import LOOK_SHARES, error_rate

COST = 10.0
SEEDS = range(100, 200)


@dataclass
class Trainer:
    """Trains one pair after the other, each in COST seconds.

    Attributes:
        losses: true loss by configuration; the baseline's is 1.
        noise: standard deviation of a training.
        failing: configurations whose training fails.
    """

    losses: dict[str, float]
    noise: float = 0.01
    failing: set[str] = field(default_factory=set)
    now: float = 0.0
    trained: list[Pair] = field(default_factory=list)
    results: dict[Pair, ReplicateResult] = field(default_factory=dict)

    def monotonic(self) -> float:
        return self.now

    def result(self, name: str, replicate: Replicate) -> ReplicateResult:
        return self.results.get((name, replicate), ReplicateResult())

    def missing(self, pairs: Iterable[Pair]) -> list[Pair]:
        failed = {name for (name, _), one in self.results.items() if one.failed}
        return [pair for pair in pairs if pair not in self.results and pair[0] not in failed]

    def seconds(self, pairs: Iterable[Pair]) -> float:
        return COST * len(self.missing(pairs))

    def train(self, pairs: Sequence[Pair], until: float | None = None) -> None:
        for pair in self.missing(pairs):
            if until is not None and self.now + COST > until:
                return
            if not self.missing([pair]):
                continue
            self.now += COST
            self.trained.append(pair)
            self.results[pair] = self._result(*pair)

    def _result(self, name: str, replicate: Replicate) -> ReplicateResult:
        if name in self.failing:
            return ReplicateResult(failed="it diverged")
        rng = np.random.default_rng([replicate.seed, replicate.fold, int(name.replace(BASELINE, "999"))])
        blocks = self.losses.get(name, 1.0) + rng.normal(0, self.noise * math.sqrt(BLOCKS), BLOCKS)
        return ReplicateResult(loss=float(blocks.mean()), blocks=tuple(blocks))


class Recorder:
    """A listener that records what a race does."""

    def __init__(self) -> None:
        self.rounds: list[list[int]] = []
        self.compared: list[tuple[int, int]] = []

    def screening(self, trials: Sequence[int]) -> None:
        self.rounds.append(sorted(trials))

    def comparing(self, trial: int, seeds: int) -> None:
        self.compared.append((trial, seeds))


Make = Callable[..., Race]


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Make:
    def make(trainer: Trainer, deadline: float | None = None, fewest: int = 3) -> Race:
        monkeypatch.setattr(race, "time", SimpleNamespace(monotonic=trainer.monotonic))
        return Race(trainer, SEEDS, 2, fewest, deadline, Recorder())

    return make


def found(*losses: float) -> dict[int, float]:
    """Return losses in the search by number of the trial, from 1, best first."""
    return dict(sorted(enumerate(losses, 1), key=lambda item: item[1]))


def test_each_round_trains_the_better_half(make: Make) -> None:
    trainer = Trainer({str(n): 1 - n / 20 for n in range(1, 9)}, noise=0.001)
    contest = make(trainer)
    screened = contest.screen(found(*[0.5] * 8))
    assert contest.listener.rounds == [[1, 2, 3, 4, 5, 6, 7, 8], [5, 6, 7, 8], [7, 8]]  # type: ignore[attr-defined]
    assert [one.trial for one in screened] == [8, 7, 6, 5, 4, 3, 2, 1]
    assert [len(one.losses) for one in screened] == [3, 3, 2, 2, 1, 1, 1, 1]
    assert [(pair[0], *pair[1]) for pair in trainer.trained[-2:]] == [("8", 102, 0), ("7", 102, 0)]


def test_a_round_decides_by_the_mean_with_the_search(make: Make) -> None:
    screened = make(Trainer({"1": 0.8, "2": 0.9}, noise=0)).screen({1: 0.8, 2: 0.5})
    assert [one.trial for one in screened] == [2, 1]
    assert [one.mean for one in screened] == pytest.approx([0.7, 0.8])


def test_a_trial_that_fails_is_last(make: Make) -> None:
    trainer = Trainer({"1": 0.5, "2": 0.9, "3": 0.8}, failing={"1"})
    screened = make(trainer).screen(found(0.5, 0.6, 0.7))
    assert [one.trial for one in screened] == [3, 2, 1]
    assert (screened[2].losses, screened[2].mean) == ((None,), None)


def test_one_candidate_needs_no_round(make: Make) -> None:
    trainer = Trainer({"1": 0.5})
    assert [one.trial for one in make(trainer).screen({1: 0.4})] == [1]
    assert trainer.trained == []


@pytest.mark.parametrize(("deadline", "first"), [(10_000.0, 8), (300.0, 5), (160.0, 2), (100.0, 0)])
def test_with_less_time_fewer_trials_are_screened(make: Make, deadline: float, first: int) -> None:
    """A comparison takes 120 seconds; a screening may take a third of the time, 140 of eight trials."""
    contest = make(Trainer({}), deadline)
    contest.screen(found(*[0.5 + n / 100 for n in range(8)]))
    rounds = contest.listener.rounds  # type: ignore[attr-defined]
    assert (len(rounds[0]) if rounds else 0) == first


def test_the_seeds_of_rounds_and_comparisons_differ(make: Make) -> None:
    trainer = Trainer({"1": 0.5, "2": 0.5})
    contest = make(trainer)
    contest.screen(found(0.5, 0.6))
    rounds = {replicate.seed for _, replicate in trainer.trained}
    contest.compare([1], [])
    others = {replicate.seed for _, replicate in trainer.trained} - rounds
    assert rounds == {100}
    assert min(others) == 100 + ROUNDS


def test_a_clear_gain_is_confirmed_at_the_first_look(make: Make) -> None:
    trainer = Trainer({"1": 0.9})
    [one] = make(trainer).compare([1], [])
    assert (one.trial, one.better, one.status) == (1, True, "complete")
    assert one.replicates == tuple(Replicate(seed, fold) for seed in (103, 104, 105) for fold in (0, 1))
    assert one.error_rate == pytest.approx(error_rate(0) * LOOK_SHARES[0])
    assert len(trainer.trained) == 12


def test_a_trial_and_the_baseline_are_trained_in_the_same_replicates(make: Make) -> None:
    trainer = Trainer({"1": 0.9})
    make(trainer).compare([1], [])
    own, baseline = ([one for name, one in trainer.trained if name == other] for other in ("1", BASELINE))
    assert own == baseline


def test_a_small_gain_needs_the_last_look(make: Make) -> None:
    trainer = Trainer({"1": 0.985}, noise=0.02)
    [one] = make(trainer).compare([1], [])
    assert len(one.replicates) == 12
    assert one.error_rate == pytest.approx(error_rate(0) * (1 - LOOK_SHARES[0]))


def test_a_trial_that_looks_no_better_is_stopped_and_the_next_compared(make: Make) -> None:
    trainer = Trainer({"1": 1.1, "2": 0.9})
    one, other = make(trainer).compare([1, 2], [])
    assert (one.trial, one.status, one.better, len(one.replicates)) == (1, "stopped", False, 6)
    assert (other.trial, other.better) == (2, True)
    assert other.error_rate == pytest.approx(error_rate(1) * LOOK_SHARES[0])
    # The baseline is trained once.
    assert len(trainer.trained) == 6 * 3


def test_a_complete_comparison_ends_the_race(make: Make) -> None:
    trainer = Trainer({"1": 0.985, "2": 0.5}, noise=0.02)
    assert [one.trial for one in make(trainer).compare([1, 2], [])] == [1]


def test_a_trial_that_fails_is_followed_by_the_next(make: Make) -> None:
    trainer = Trainer({"2": 0.9}, failing={"1"})
    one, other = make(trainer).compare([1, 2], [])
    assert (one.status, one.better) == ("failed", False)
    # The failed one has used nothing of the error rate.
    assert other.error_rate == pytest.approx(error_rate(0) * LOOK_SHARES[0])


def test_a_baseline_that_fails_ends_the_race(make: Make) -> None:
    trainer = Trainer({"1": 0.9, "2": 0.9}, failing={BASELINE})
    assert [one.status for one in make(trainer).compare([1, 2], [])] == ["failed"]


@pytest.mark.parametrize(("deadline", "planned"), [(120.0, 3), (110.0, 3), (250.0, 6), (1000.0, 25)])
def test_the_time_decides_the_number_of_seeds(make: Make, deadline: float, planned: int) -> None:
    contest = make(Trainer({"1": 0.9}), deadline)
    contest.compare([1], [])
    assert contest.listener.compared == [(1, planned)]  # type: ignore[attr-defined]


def test_with_too_little_time_nothing_is_trained(make: Make) -> None:
    trainer = Trainer({"1": 0.9})
    assert make(trainer, 100.0).compare([1], []) == []
    assert trainer.trained == []


class Slow(Trainer):
    """Trainings take three times as long as estimated."""

    def seconds(self, pairs: Iterable[Pair]) -> float:
        return super().seconds(pairs) / 3


def test_what_the_deadline_cuts_off_is_compared_with_whole_seeds(make: Make) -> None:
    trainer = Slow({"1": 0.96}, noise=0.05)
    [one] = make(trainer, 200.0).compare([1], [])
    # 22 trainings fit into 220 seconds: five seeds of four trainings each.
    assert (len(trainer.trained), len(one.replicates)) == (22, 10)
    assert one.error_rate == pytest.approx(error_rate(0) * (1 - LOOK_SHARES[0]))


class Fast(Trainer):
    """Trainings are expected to take three times as long as they do, until they are measured."""

    def seconds(self, pairs: Iterable[Pair]) -> float:
        return super().seconds(pairs) * (1 if self.trained else 3)


def test_time_that_is_left_adds_seeds(make: Make) -> None:
    trainer = Fast({"1": 0.96}, noise=0.05)
    contest = make(trainer, 480.0)
    [one] = contest.compare([1], [])
    assert contest.listener.compared == [(1, 4)]  # type: ignore[attr-defined]
    assert len(one.replicates) == 2 * 12
    assert one.error_rate == pytest.approx(error_rate(0) * (1 - sum(LOOK_SHARES[:2])))


def test_what_is_cut_off_before_the_fewest_seeds_is_not_compared(make: Make) -> None:
    assert make(Slow({"1": 0.9}), 60.0).compare([1], []) == []


def test_a_second_call_trains_nothing_again(make: Make) -> None:
    trainer = Trainer({"1": 0.999}, noise=0.02)
    before = make(trainer).compare([1], [])
    trained = list(trainer.trained)
    assert make(trainer).compare([1], before) == before
    assert trainer.trained == trained


def test_a_later_call_with_more_time_adds_replicates(make: Make) -> None:
    trainer = Trainer({"1": 0.98}, noise=0.03)
    before = make(trainer).compare([1], [])
    old, new = make(trainer, trainer.now + 1000).compare([1], before)
    assert old == before[0]
    assert len(new.replicates) > len(old.replicates)
    assert new.error_rate < error_rate(1)


def test_a_stopped_trial_is_not_compared_again(make: Make) -> None:
    trainer = Trainer({"1": 1.1})
    before = make(trainer).compare([1], [])
    assert make(trainer, trainer.now + 1000).compare([1], before) == before


def test_a_winner_is_not_compared_again(make: Make) -> None:
    trainer = Trainer({"1": 0.9, "2": 0.8})
    before = make(trainer).compare([1], [])
    assert make(trainer, trainer.now + 1000).compare([1, 2], before) == before


def test_the_time_that_is_needed_grows_with_the_replicates(make: Make) -> None:
    trainer = Trainer({"1": 0.999}, noise=0.03)
    contest = make(trainer)
    [one] = contest.compare([1], [])
    more = one.model_copy(update={"needed": len(one.replicates) + 10, "better": False})
    assert contest.more_seconds(more) == pytest.approx(10 * 2 * COST)
    assert contest.more_seconds(one.model_copy(update={"needed": None})) is None


# Whole races in which no trial is better.


@pytest.mark.parametrize("deadline", [None, 400.0, 1500.0])
def test_few_races_confirm_a_trial_that_is_no_better(make: Make, deadline: float | None) -> None:
    races, confirmed = 400, 0
    for number in range(races):
        trainer = Shifted({}, noise=0.04, start=1000 * number)
        contest = make(trainer, deadline)
        search = np.random.default_rng(number).normal(1, 0.04, 8)
        screened = contest.screen(found(*search))
        compared: list[Comparison] = contest.compare([one.trial for one in screened], [])
        confirmed += any(one.better for one in compared)
    assert confirmed / races <= 0.05


class Shifted(Trainer):
    """Another draw of all noise per start."""

    def __init__(self, losses: dict[str, float], noise: float, start: int) -> None:
        super().__init__(losses, noise)
        self.start = start

    def _result(self, name: str, replicate: Replicate) -> ReplicateResult:
        return super()._result(name, Replicate(replicate.seed + self.start, replicate.fold))
