"""Confirmations with stand-in workers."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import BaseDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from kit.config import IntRange, Source, load
from kit.data.dataset import Dataset
from kit.data.folds import make_folds
from kit.errors import InterruptedRunError
from kit.records import Confirmation, Replicate, ReplicateResult
from kit.training.launch.base import Event
from kit.tuning.confirm.candidates import candidates, replicate_costs, shortest
from kit.tuning.confirm.confirmation import (
    ATTRIBUTE,
    confirm,
    fresh_seeds,
    stored_confirmation,
)
from kit.tuning.confirm.replicates import PREFIX
from kit.tuning.space import Parameter, Space
from kit.tuning.warm_start import SEEDS_ELSEWHERE
from tests.launchers import CPU, FakeLauncher
from tests.tuning.confirm.conftest import FOLDS, Workers, loss

Trials = list[tuple[int, float | None]]


class Knob(Space):
    """A search space of one parameter."""

    def changes(self, params: Mapping[str, Any]) -> list[str]:
        return [f"models.knn.neighbours={params['n']}"]


SPACE = Knob((Parameter("n", IntRange(kind="int", low=1, high=1000), {}),), {}, False)


class Recorder:
    """A listener that records events, and may interrupt."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.seen: list[tuple[int, int]] = []
        self.rounds: list[list[int]] = []
        self.compared: list[int] = []
        self.finished: list[tuple[str, Replicate]] = []
        self.stop_at = stop_at

    def replicate_acts(self, name: str, replicate: Replicate, event: Event | None) -> None:
        if event is None:
            self.finished.append((name, replicate))

    def confirming(self, done: int, total: int) -> None:
        self.seen.append((done, total))
        if done == self.stop_at:
            raise KeyboardInterrupt

    def screening(self, trials: Sequence[int]) -> None:
        self.rounds.append(sorted(trials))

    def comparing(self, trial: int, seeds: int) -> None:
        del seeds
        self.compared.append(trial)


class Clock:
    """The time that `time.monotonic` returns."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Ticking(Recorder):
    """A listener for one worker at a time: each training takes some seconds of a clock."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        super().__init__()
        self.clock, self.seconds = clock, seconds

    def confirming(self, done: int, total: int) -> None:
        self.clock.now += self.seconds * (done - (self.seen[-1][0] if self.seen else done))
        super().confirming(done, total)


def new_study(trials: Trials, storage: str | None = None) -> optuna.Study:
    """Return a study of trials (neighbours, value); the first is the baseline."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(storage=storage, study_name="s", load_if_exists=True)
    add(study, trials, baseline=True)
    return study


def add(study: optuna.Study, trials: Trials, *, baseline: bool = False, **attrs: Any) -> None:
    for n, value in trials:
        study.add_trial(
            create_trial(
                state=TrialState.FAIL if value is None else TrialState.COMPLETE,
                value=value,
                params={"n": n},
                distributions={"n": IntDistribution(1, 1000)},
                user_attrs=({"baseline": True} if baseline and not study.trials else {}) | attrs,
            )
        )


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock)
    return clock


Confirm = Callable[..., Confirmation]


@pytest.fixture
def confirmed(dataset: Dataset, workers: Workers) -> Confirm:
    def run(
        study: optuna.Study,
        changes: tuple[str, ...] = (),
        deadline: float | None = None,
        listener: Recorder | None = None,
        jobs: int = 2,
    ) -> Confirmation:
        return confirm(
            study,
            Source.read("mine", changes),
            SPACE,
            dataset=dataset,
            launcher=FakeLauncher(workers),
            devices=[CPU] * jobs,
            deadline=deadline,
            listener=listener or Recorder(),
        )

    return run


def test_candidates_are_the_best_distinct_trials_below_the_baseline() -> None:
    study = new_study([(9, 0.5), (1, 0.4), (2, 0.6), (3, 0.2), (4, 0.3), (3, 0.2), (5, None), (6, 0.45)])
    add(study, [(7, 0.1)], repeat_of=0)
    assert [trial.number for trial in candidates(study, SPACE, 3)] == [3, 4, 1]
    assert [trial.number for trial in candidates(study, SPACE)] == [3, 4, 1, 7]


def test_trials_of_another_program_are_candidates_where_the_space_has_them() -> None:
    study = new_study([(9, 0.5), (1, 0.4)])
    add(study, [(3, -math.inf), (4, 0.3)])
    for params in ({"x": 1}, {"n": 5000}, {"n": 2, "x": 1}):
        distributions: dict[str, BaseDistribution] = {key: IntDistribution(0, 9999) for key in params}
        study.add_trial(create_trial(value=0.2, params=params, distributions=distributions))
    assert [trial.number for trial in candidates(study, SPACE)] == [3, 1]


def test_what_another_program_noted_of_its_trial_is_no_cost(dataset: Dataset) -> None:  # noqa: ARG001 - "mine"
    study = optuna.create_study()
    add(study, [(9, 0.5)], seconds=["soon"], baseline=True)
    add(study, [(1, 0.4)], seconds=12.5)
    assert needed(study, 2) is None


def test_everything_is_better_than_a_baseline_that_failed() -> None:
    assert [trial.number for trial in candidates(new_study([(9, None), (1, 0.4), (2, 0.3)]), SPACE)] == [2, 1]


def test_pruned_trials_are_no_candidates() -> None:
    study = new_study([(9, 0.5)])
    trial = study.ask({"n": IntDistribution(1, 1000)})
    trial.report(0.1, 1)
    study.tell(trial, state=TrialState.PRUNED)
    assert candidates(study, SPACE) == []


def test_seeds_are_others_than_those_of_the_search() -> None:
    assert fresh_seeds([0, 2], 3) == [1, 3, 4]


def test_needed_seconds_come_from_the_trials(dataset: Dataset) -> None:  # noqa: ARG001 - "mine"
    study = new_study([])
    assert needed(study, 2) is None
    add(study, [(9, 0.5)], baseline=True, seconds=[8.0, 10.0], startup=1.0)
    # Nine seconds a fold; three seeds and two folds of it and of a candidate, two at once, so that a worker
    # trains six and starts once.
    assert needed(study, 2) == pytest.approx(3 * 2 * (9 + 1 / 6))
    add(study, [(1, 0.4)], seconds=[19.0, 19.0], startup=1.0)
    assert needed(study, 1) == pytest.approx(3 * 2 * (9 + 19 + 2 / 8))
    assert needed(study, 1, "models.other={kind: knn}") == pytest.approx(3 * 2 * (9 + 19 + 4 / 8))
    assert needed(study, 1, "tune.split=4") == pytest.approx(3 * 4 * (9 + 19 + 2 / 8))


def test_workers_that_train_one_replicate_start_for_it_alone(dataset: Dataset) -> None:  # noqa: ARG001 - "mine"
    study = new_study([])
    add(study, [(9, 0.5)], baseline=True, seconds=[9.0], startup=1.0)
    assert needed(study, 12) == pytest.approx(10)


def test_a_replicate_takes_longer_than_a_trial_with_a_share_of_the_work(dataset: Dataset) -> None:  # noqa: ARG001 - "mine"
    study = new_study([])
    add(study, [(9, 0.5)], baseline=True, seconds=[9.0], startup=0.0, share=0.25)
    assert needed(study, 1) == pytest.approx(3 * 2 * 2 * 36)


def needed(study: optuna.Study, jobs: int, *changes: str) -> float | None:
    config = load("mine", list(changes))
    return shortest(replicate_costs(study, config, SPACE, jobs), config, jobs)


def test_a_real_gain_is_confirmed(confirmed: Confirm, workers: Workers) -> None:
    report = confirmed(new_study([(9, 0.9), (8, 0.8), (9, 0.85), (5, 0.5), (7, 0.7)]))
    assert (report.status, report.winner, report.failed, report.left_out) == ("confirmed", 3, {}, 0)
    assert (report.folds, report.level) == (2, 0.05)
    # Three of the screening and three of the comparison: neither 0 nor 2, which the search used.
    assert (report.seeds, report.shuffle) == ((1, 3, 4, 5, 6, 7), 8)
    assert [(one.trial, len(one.losses)) for one in report.screened] == [(3, 2), (4, 2), (1, 1), (2, 1)]
    [best] = report.comparisons
    replicates = [(seed, fold) for seed in (5, 6, 7) for fold in (0, 1)]
    assert best.replicates == tuple(replicates)
    assert best.losses == pytest.approx([loss(5, *one) for one in replicates], rel=1e-5)
    assert best.baseline_losses == pytest.approx([loss(9, *one) for one in replicates], rel=1e-5)
    differences = [loss(5, *one) - loss(9, *one) for one in replicates]
    assert best.mean == pytest.approx(np.mean(differences), rel=1e-5)
    rounds = [(n, 1, 0) for n in (5, 7, 8, 9)] + [(n, 3, 1) for n in (5, 7)]
    assert workers.trained() == sorted(rounds + [(n, *one) for n in (9, 5) for one in replicates])


def test_seeds_of_an_earlier_study_are_not_used(confirmed: Confirm) -> None:
    study = new_study([(9, 0.9), (5, 0.5)])
    study.set_user_attr(SEEDS_ELSEWHERE, [3, 5, 6])
    assert confirmed(study).seeds == (1, 4, 7, 8, 9, 10)


def test_all_train_the_same_rows_with_the_same_random_numbers(
    confirmed: Confirm, workers: Workers, dataset: Dataset
) -> None:
    confirmed(new_study([(9, 0.9), (8, 0.8)]), ("folds.seed=5",))
    seeds: dict[tuple[int, int], set[int]] = {}
    for job in workers.jobs:
        # Each seed has its own shuffle.
        folds = make_folds(dataset.train_images, dataset.train_labels, FOLDS, 5 + job.member.seed)
        np.testing.assert_array_equal(job.held_out, folds == job.member.fold)
        seeds.setdefault((job.member.seed, job.member.fold), set()).add(job.random_seed)
    assert [len(one) for one in seeds.values()] == [1] * 6


def test_after_an_epoch_nothing_is_predicted(confirmed: Confirm, workers: Workers) -> None:
    confirmed(new_study([(9, 0.9), (8, 0.8)]))
    assert {job.watched for job in workers.jobs} == {0}


def test_nothing_is_better_where_nothing_differs_much(confirmed: Confirm) -> None:
    report = confirmed(new_study([(9, 0.9), (9, 0.8)]))
    assert (report.status, report.winner) == ("none better", None)
    [one] = report.comparisons
    assert (one.mean, one.high, one.better, one.status) == (0, 0, False, "stopped")
    assert report.more_seconds is None


def test_progress_counts_each_round_and_look(confirmed: Confirm) -> None:
    record = Recorder()
    confirmed(new_study([(9, 0.9), (8, 0.8), (7, 0.7)]), listener=record)
    assert (record.rounds, record.compared) == ([[1, 2]], [2])
    assert record.seen == [*((done, 2) for done in range(3)), *((done, 12) for done in range(13))]


def test_the_split_of_the_configuration_is_used(confirmed: Confirm, workers: Workers) -> None:
    report = confirmed(new_study([(9, 0.9), (8, 0.8)]), ("tune.split=null",))
    assert report.folds == 4
    assert {job.member.fold: int(job.held_out.sum()) for job in workers.jobs} == dict.fromkeys(range(4), 20)


def test_without_time_nothing_is_trained_nor_kept(confirmed: Confirm, workers: Workers) -> None:
    study = new_study([])
    add(study, [(9, 0.9), (8, 0.8)], baseline=True, seconds=[10.0], startup=0.0)
    report = confirmed(study, deadline=time.monotonic() + 40)
    assert (report.status, report.comparisons, report.needed_seconds) == ("no time", (), 60)
    assert report.enough_seconds == pytest.approx(60 / 0.6)
    assert report.left_out == 1
    assert workers.jobs == []
    assert study.user_attrs == {}


def test_a_comparison_may_be_expected_a_little_late(confirmed: Confirm) -> None:
    study = new_study([])
    add(study, [(9, 0.9), (8, 0.8)], baseline=True, seconds=[10.0], startup=0.0)
    assert confirmed(study, deadline=time.monotonic() + 56).status == "confirmed"


def test_with_little_time_the_best_candidate_alone_is_confirmed(confirmed: Confirm, workers: Workers) -> None:
    study = new_study([])
    add(study, [(9, 0.9), (8, 0.8), (5, 0.5)], baseline=True, seconds=[10.0], startup=0.0)
    report = confirmed(study, deadline=time.monotonic() + 60)
    assert [one.trial for one in report.comparisons] == [2]
    assert report.left_out == 1
    assert {n for n, _, _ in workers.trained()} == {9, 5}


def test_without_more_time_the_earlier_result_stays(confirmed: Confirm) -> None:
    study = new_study([])
    add(study, [(9, 0.9), (8, 0.8), (5, 0.5)], baseline=True, seconds=[10.0], startup=0.0)
    before = confirmed(study, deadline=time.monotonic() + 60)
    assert confirmed(study, deadline=time.monotonic() - 1) == before


def test_what_is_unfinished_at_the_deadline_is_not_compared(confirmed: Confirm, clock: Clock) -> None:
    study = new_study([(9, 0.9), (5, 0.5)])
    # Expected to take no time; each training takes 10 seconds.
    report = confirmed(study, deadline=clock.now + 140, listener=Ticking(clock, 10), jobs=1)
    assert (report.status, len(report.comparisons[0].replicates)) == ("confirmed", 6)
    assert clock.now <= 140 * 1.1 + 10


def test_a_confirmation_that_is_cut_off_too_early_compares_nothing(confirmed: Confirm, clock: Clock) -> None:
    study = new_study([(9, 0.9), (8, 0.8)])
    report = confirmed(study, deadline=clock.now + 30, listener=Ticking(clock, 10), jobs=1)
    assert (report.status, report.comparisons) == ("no time", ())
    assert len(study.user_attrs) == 4


def test_without_a_candidate_nothing_is_trained(confirmed: Confirm, workers: Workers) -> None:
    assert confirmed(new_study([(9, 0.5), (8, 0.8)])).status == "no candidate"
    assert workers.jobs == []


def test_an_interrupted_confirmation_resumes(confirmed: Confirm, workers: Workers, workdir: Path) -> None:
    trials: Trials = [(9, 0.9), (8, 0.8)]
    url = f"sqlite:///{workdir}/study.db"
    with pytest.raises(InterruptedRunError, match="finished trainings are stored"):
        confirmed(new_study(trials, url), listener=Recorder(stop_at=3))
    assert len([key for key in new_study([], url).user_attrs if key.startswith(PREFIX)]) == 3
    workers.jobs.clear()
    report = confirmed(new_study([], url))
    assert len(workers.jobs) == 12 - 3
    workers.jobs.clear()
    again = confirmed(new_study(trials))
    assert report.model_copy(update={"seconds": 0}) == again.model_copy(update={"seconds": 0})


def test_a_finished_confirmation_is_read_back(confirmed: Confirm, workers: Workers) -> None:
    study = new_study([(9, 0.9), (8, 0.8)])
    report = confirmed(study)
    workers.jobs.clear()
    assert confirmed(study, deadline=time.monotonic() + 1000) == report
    assert confirmed(study, deadline=time.monotonic() - 1000) == report
    assert workers.jobs == []


@pytest.mark.parametrize("change", [{"version": 2}, {"version": 4}, {"comparisons": "none"}])
def test_a_confirmation_of_another_version_counts_as_not_made(
    confirmed: Confirm, workers: Workers, change: dict[str, Any]
) -> None:
    study = new_study([(9, 0.9), (8, 0.8)])
    report = confirmed(study)
    assert stored_confirmation(study) == report
    study.set_user_attr(ATTRIBUTE, study.user_attrs[ATTRIBUTE] | change)
    assert stored_confirmation(study) is None
    workers.jobs.clear()
    assert confirmed(study).comparisons == report.comparisons
    # Its results are still valid.
    assert workers.jobs == []


def test_each_result_is_stored_as_a_record(confirmed: Confirm, workers: Workers) -> None:
    workers.failing[8] = "it diverged"
    study = new_study([(9, 0.9), (8, 0.8)])
    confirmed(study)
    good, bad = (
        ReplicateResult.model_validate(study.user_attrs[f"{PREFIX}{name}/5/0"]) for name in ("baseline", "1")
    )
    assert good.loss == pytest.approx(loss(9, 5, 0), rel=1e-5)
    assert np.mean(good.blocks) == pytest.approx(good.loss, rel=1e-5)
    assert (good.seconds, good.failed) == (3.0, None)
    assert (bad.loss, bad.failed) == (None, "it diverged")


def test_the_metric_of_the_configuration_decides(confirmed: Confirm, workers: Workers) -> None:  # noqa: ARG001
    report = confirmed(new_study([(9, 0.9), (8, 0.8)]), ("tune.metric=accuracy",))
    # The label is always the most probable class, or never.
    assert set(report.comparisons[0].baseline_losses) <= {0.0, 1.0}
    assert report.status == "none better"


def test_better_trials_of_a_later_call_are_compared(confirmed: Confirm, workers: Workers) -> None:
    study = new_study([(9, 0.9), (9, 0.8)])
    assert confirmed(study).winner is None
    workers.jobs.clear()
    add(study, [(2, 0.2), (3, 0.3)])
    report = confirmed(study)
    assert ([one.trial for one in report.comparisons], report.winner) == ([1, 2], 2)
    # The baseline is not trained again: its replicates are those of before.
    assert {n for n, seed, _ in workers.trained() if seed >= 5} == {2}


def test_the_previous_winner_competes_with_new_candidates(confirmed: Confirm, workers: Workers) -> None:
    study = new_study([(9, 0.9), (2, 0.8)])
    assert confirmed(study).winner == 1
    workers.jobs.clear()
    # They look better, and are not.
    add(study, [(6 + n, 0.5 + n / 100) for n in range(8)])
    report = confirmed(study)
    assert report.screened[0].trial == 1
    assert ([one.trial for one in report.comparisons], report.winner) == ([1], 1)
    workers.jobs.clear()
    assert confirmed(study) == report
    assert workers.jobs == []


def test_a_failed_training_ends_the_hopes_of_its_trial(confirmed: Confirm, workers: Workers) -> None:
    workers.failing[5] = "it diverged"
    report = confirmed(new_study([(9, 0.9), (5, 0.5), (7, 0.7)]))
    assert report.winner == 2
    assert report.failed == {"1": "it diverged"}
    assert len([n for n, _, _ in workers.trained() if n == 5]) == 1


def test_nothing_is_better_than_a_baseline_that_fails(confirmed: Confirm, workers: Workers) -> None:
    workers.failing[9] = "it diverged"
    report = confirmed(new_study([(9, None), (5, 0.5)]))
    assert (report.status, report.failed) == ("none better", {"baseline": "it diverged"})
    assert report.comparisons[0].status == "failed"


def test_the_probabilities_of_several_models_are_averaged(confirmed: Confirm, workers: Workers) -> None:
    report = confirmed(new_study([(9, 0.9), (8, 0.8)]), ("models.other={kind: knn, neighbours: 2}",))
    [one] = report.comparisons
    both = [
        -math.log((math.exp(-loss(9, *replicate)) + math.exp(-loss(2, *replicate))) / 2)
        for replicate in one.replicates
    ]
    assert one.baseline_losses == pytest.approx(both, rel=1e-5)
    assert len(workers.jobs) == 2 * 2 * len(one.replicates)
