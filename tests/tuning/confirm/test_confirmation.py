"""Confirmations with stand-in workers."""

import itertools
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import BaseDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from kit.config import IntRange, KNearest, Source, load
from kit.data.dataset import Dataset
from kit.data.folds import make_folds
from kit.errors import InterruptedRunError, KitError
from kit.members import PARSING, MemberResult
from kit.records import Confirmation, History, Replicate, ReplicateResult
from kit.training.job import Job
from kit.training.launch.base import Event
from kit.tuning.confirm.candidates import candidates, first_rounds, replicate_costs
from kit.tuning.confirm.confirmation import (
    ATTRIBUTE,
    confirm,
    fresh_seeds,
    fresh_shuffle,
    stored_confirmation,
)
from kit.tuning.space import Parameter, Space
from tests import tasks
from tests.launchers import CPU, FakeLauncher

FOLDS, ROWS, CLASSES = 4, 80, 10
MINE = """
competition: {image_shape: [4, 4]}
folds: {count: 4}
seeds: [0, 2]
models: {knn: {kind: knn, neighbours: 9}}
"""
Trials = list[tuple[int, float | None]]
NOISE: Mapping[tuple[int, int], float] = dict(
    zip(itertools.product(range(10), range(FOLDS)), np.random.default_rng(0).normal(0, 0.01, 40), strict=True)
)


class Knob(Space):
    """A search space of one parameter."""

    def changes(self, params: Mapping[str, Any]) -> list[str]:
        return [f"models.knn.neighbours={params['n']}"]


SPACE = Knob((Parameter("n", IntRange(kind="int", low=1, high=1000), {}),), {}, False)


class Recorder:
    """A listener that records events, and may interrupt."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.seen: list[tuple[int, int]] = []
        self.finished: list[tuple[str, Replicate]] = []
        self.stop_at = stop_at

    def replicate_acts(self, name: str, replicate: Replicate, event: Event | None) -> None:
        if event is None:
            self.finished.append((name, replicate))

    def confirming(self, done: int, total: int) -> None:
        self.seen.append((done, total))
        if done == self.stop_at:
            raise KeyboardInterrupt


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


class Workers:
    """What workers do: the loss is neighbours / 10, plus noise of the replicate, plus a little."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.failing: dict[int, str] = {}

    def __call__(self, job: Job, folder: Path, _: object) -> MemberResult:
        self.jobs.append(job)
        assert isinstance(job.model, KNearest)
        n, (seed, fold) = job.model.neighbours, (job.member.seed, job.member.fold)
        if n in self.failing:
            raise KitError(self.failing[n])
        with PARSING:
            labels, rows = np.load(folder / "train_labels.npy"), np.flatnonzero(job.held_out)
        probs = np.full((len(rows), CLASSES), 0.001, np.float32)
        probs[np.arange(len(rows)), labels[rows]] = math.exp(-loss(n, seed, fold))
        return MemberResult(rows, probs, probs[:1], History(seconds=2.0, startup_seconds=1.0))

    def trained(self) -> list[tuple[int, int, int]]:
        """Return neighbours, seed and fold of each job, sorted."""
        return sorted((job.model.neighbours, job.member.seed, job.member.fold) for job in self.jobs)  # type: ignore[union-attr]  # all are KNearest


def loss(n: int, seed: int, fold: int) -> float:
    return n / 10 + NOISE[seed, fold] + NOISE[(seed * n) % 10, fold] / 10


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
def dataset(workdir: Path) -> Dataset:
    (workdir / "configs").mkdir()
    (workdir / "configs/mine.yaml").write_text(MINE)
    images = np.random.default_rng(0).integers(0, 256, (ROWS + 5, 4, 4, 1)).astype(np.uint8)
    labels = (np.arange(ROWS) % CLASSES).astype(np.uint8)
    arrays: dict[str, Any] = {
        "train_images": images[:ROWS],
        "train_labels": labels,
        "test_images": images[ROWS:],
    }
    for name, array in arrays.items():
        np.save(workdir / f"{name}.npy", array)
    return Dataset(
        **arrays,
        task=tasks.make(image_shape=[4, 4], classes=CLASSES),
        fingerprint="",
        sample=False,
        source="",
        warnings=(),
        folder=workdir,
    )


@pytest.fixture
def workers() -> Workers:
    return Workers()


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
    assert [trial.number for trial in candidates(study, SPACE)] == [3, 4, 1]
    assert [trial.number for trial in candidates(study, SPACE, 9)] == [3, 4, 1, 7]


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
    assert needed(study, 2) == []


def test_everything_is_better_than_a_baseline_that_failed() -> None:
    assert [trial.number for trial in candidates(new_study([(9, None), (1, 0.4), (2, 0.3)]), SPACE)] == [2, 1]


def test_pruned_trials_are_no_candidates() -> None:
    study = new_study([(9, 0.5)])
    trial = study.ask({"n": IntDistribution(1, 1000)})
    trial.report(0.1, 1)
    study.tell(trial, state=TrialState.PRUNED)
    assert candidates(study, SPACE) == []


def test_seeds_and_folds_are_others_than_those_of_the_search(dataset: Dataset) -> None:  # noqa: ARG001 - "mine"
    assert fresh_seeds([0, 2], 3) == [1, 3, 4]
    assert fresh_shuffle(load("mine", ["folds.seed=5"])) == 6
    assert fresh_shuffle(load("mine", ["folds.seed=5", "folds.reshuffle=true", "seeds=[3, 0]"])) == 9


def test_needed_seconds_come_from_the_trials(dataset: Dataset) -> None:  # noqa: ARG001 - "mine"
    study = new_study([])
    assert needed(study, 2) == []
    add(study, [(9, 0.5)], baseline=True, seconds=[8.0, 10.0], startup=1.0)
    # Nine seconds a fold, and one to start; three seeds of it and of each candidate, two at once.
    assert needed(study, 2) == [30, 50, 60]
    add(study, [(1, 0.4)], seconds=[19.0, 19.0], startup=1.0)
    assert needed(study, 1) == [3 * (10 + 20), 3 * (10 + 20 + 20), 3 * (10 + 20 + 20 + 20)]
    assert needed(study, 1, "models.other={kind: knn}")[0] == 3 * (11 + 21)


def test_more_folds_than_in_the_search_take_longer(dataset: Dataset) -> None:  # noqa: ARG001 - "mine"
    study = new_study([])
    add(study, [(9, 0.5)], baseline=True, seconds=[9.0], startup=1.0)
    # Trained on two thirds of the rows instead of half of them.
    assert needed(study, 1, "folds.count=2")[0] == pytest.approx(3 * 2 * (1 + 9 * 4 / 3))


def test_a_replicate_takes_longer_than_a_trial_with_a_share_of_the_work(dataset: Dataset) -> None:  # noqa: ARG001 - "mine"
    study = new_study([])
    add(study, [(9, 0.5)], baseline=True, seconds=[9.0], startup=1.0, share=0.25)
    assert needed(study, 1)[0] == pytest.approx(3 * 2 * (1 + 36))


def needed(study: optuna.Study, jobs: int, *changes: str) -> list[float]:
    config = load("mine", list(changes))
    return first_rounds(replicate_costs(study, config, SPACE), config, jobs)


def test_a_real_gain_is_confirmed(confirmed: Confirm, workers: Workers) -> None:
    study = new_study([(9, 0.9), (8, 0.8), (9, 0.85), (5, 0.5), (7, 0.7)])
    report = confirmed(study)
    assert (report.status, report.winner) == ("confirmed", 3)
    assert (report.seeds, report.folds_seed) == ((1, 3, 4), 1)
    replicates = [(1, 0), (3, 1), (4, 2), (1, 3), (3, 0), (4, 1)]
    assert report.replicates == tuple(replicates)
    assert report.baseline_losses == pytest.approx(
        [loss(9, *replicate) for replicate in replicates], rel=1e-5
    )
    best = report.comparisons[0]
    # Two replicates hold the first fold out, two the second.
    of = {tuple(replicate): loss(5, *replicate) - loss(9, *replicate) for replicate in replicates}
    by_fold = [np.mean([value for (_, other), value in of.items() if other == fold]) for fold in range(FOLDS)]
    assert best.losses == pytest.approx([loss(5, *replicate) for replicate in replicates], rel=1e-5)
    assert best.mean == pytest.approx(np.mean(by_fold), rel=1e-5)
    assert best.low is not None
    assert best.mean is not None
    assert best.high is not None
    assert best.low < best.mean < best.high < 0
    assert [one.trial for one in report.comparisons] == [3, 4, 1]
    assert (report.level, report.corrected_for, report.failed) == (0.05, 3, {})
    assert workers.trained() == sorted((n, *replicate) for n in (9, 5, 7, 8) for replicate in replicates)


def test_all_train_the_same_rows_with_the_same_random_numbers(
    confirmed: Confirm, workers: Workers, dataset: Dataset
) -> None:
    confirmed(new_study([(9, 0.9), (8, 0.8)]), ("folds.seed=5",))
    folds = make_folds(dataset.train_images, dataset.train_labels, FOLDS, 6)
    seeds: dict[tuple[int, int], set[int]] = {}
    for job in workers.jobs:
        np.testing.assert_array_equal(job.held_out, folds == job.member.fold)
        seeds.setdefault((job.member.seed, job.member.fold), set()).add(job.random_seed)
    assert [len(one) for one in seeds.values()] == [1] * 6


def test_nothing_is_better_where_nothing_differs_much(confirmed: Confirm) -> None:
    report = confirmed(new_study([(9, 0.9), (9, 0.8)]))
    assert (report.status, report.winner, report.comparisons[0].better) == (
        "none better",
        None,
        False,
    )
    assert report.comparisons[0].high == 0


def test_progress_counts_what_is_planned(confirmed: Confirm) -> None:
    record = Recorder()
    confirmed(new_study([(9, 0.9), (8, 0.8)]), listener=record)
    assert record.seen[:8] == [*((done, 6) for done in range(7)), (6, 8)]
    assert record.seen[-1] == (12, 12)


def test_with_time_left_every_replicate_is_trained(confirmed: Confirm, workers: Workers) -> None:
    report = confirmed(new_study([(9, 0.9), (8, 0.8)]), deadline=time.monotonic() + 1000)
    assert len(report.replicates) == 3 * FOLDS
    assert len(workers.jobs) == 2 * 3 * FOLDS


def test_two_folds_are_too_few_for_a_confirmation(confirmed: Confirm, workers: Workers) -> None:
    confirmed(new_study([(9, 0.9), (8, 0.8)]), ("folds.count=2",))
    assert {job.member.fold: int(job.held_out.sum()) for job in workers.jobs} == {0: 27, 1: 27, 2: 26}


def test_rounds_end_when_another_would_be_late(confirmed: Confirm) -> None:
    # A round of two members that take three seconds each, by what they say, does not fit into two.
    report = confirmed(new_study([(9, 0.9), (8, 0.8)]), deadline=time.monotonic() + 2)
    assert len(report.replicates) == 3


def test_many_cores_train_several_replicates_in_parallel(confirmed: Confirm) -> None:
    record = Recorder()
    confirmed(new_study([(9, 0.9), (8, 0.8)]), listener=record, jobs=6)
    assert sorted({total for _, total in record.seen}) == [6, 12]


def test_without_time_nothing_is_trained_nor_kept(confirmed: Confirm, workers: Workers) -> None:
    study = new_study([])
    add(study, [(9, 0.9), (8, 0.8)], baseline=True, seconds=[10.0], startup=0.0)
    report = confirmed(study, deadline=time.monotonic() + 20)
    assert (report.status, report.comparisons, report.needed_seconds) == ("no time", (), 30)
    assert report.enough_seconds == pytest.approx(60 / 0.6)
    assert workers.jobs == []
    assert study.user_attrs == {}
    # Two configurations of 30 seconds each, two at once, are expected a little late; that is let pass.
    assert confirmed(study, deadline=time.monotonic() + 28).status == "confirmed"


def test_with_little_time_the_best_candidate_alone_is_confirmed(confirmed: Confirm, workers: Workers) -> None:
    study = new_study([])
    add(study, [(9, 0.9), (8, 0.8), (5, 0.5)], baseline=True, seconds=[10.0], startup=0.0)
    report = confirmed(study, deadline=time.monotonic() + 35)
    assert [one.trial for one in report.comparisons] == [2]
    assert (report.left_out, report.corrected_for) == (1, 3)
    assert {n for n, _, _ in workers.trained()} == {9, 5}


def test_a_candidate_that_was_left_out_is_confirmed_later(confirmed: Confirm, workers: Workers) -> None:
    study = new_study([])
    add(study, [(9, 0.9), (8, 0.8), (5, 0.5)], baseline=True, seconds=[10.0], startup=0.0)
    before = confirmed(study, deadline=time.monotonic() + 35)
    # Without more time, the earlier result stays.
    again = confirmed(study, deadline=time.monotonic() - 1)
    assert (again.comparisons, again.replicates) == (before.comparisons, before.replicates)
    workers.jobs.clear()
    report = confirmed(study)
    assert [one.trial for one in report.comparisons] == [2, 1]
    assert {n for n, _, _ in workers.trained()} == {8}


def test_what_is_unfinished_at_the_deadline_is_not_compared(confirmed: Confirm, clock: Clock) -> None:
    study = new_study([(9, 0.9), (8, 0.8), (5, 0.5)])
    # Expected to take no time; each training takes 10 seconds.
    report = confirmed(study, deadline=clock.now + 60, listener=Ticking(clock, 10), jobs=1)
    assert [one.trial for one in report.comparisons] == [2]
    assert (report.status, report.left_out) == ("confirmed", 1)
    assert len(report.replicates) == 3
    assert clock.now <= 60 * 1.1 + 10
    stored = [key for key in study.user_attrs if key.startswith("confirm/")]
    assert len(stored) == 7


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
    assert len([key for key in new_study([], url).user_attrs if key.startswith("confirm/")]) == 3
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


@pytest.mark.parametrize("change", [{"version": 1}, {"version": 3}, {"comparisons": "none"}])
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
        ReplicateResult.model_validate(study.user_attrs[f"confirm/{name}/1/0"]) for name in ("baseline", "1")
    )
    assert good.loss == pytest.approx(loss(9, 1, 0), rel=1e-5)
    assert (good.seconds, good.failed) == (3.0, None)
    assert (bad.loss, bad.failed) == (None, "it diverged")


def test_the_metric_of_the_configuration_decides(confirmed: Confirm, workers: Workers) -> None:  # noqa: ARG001
    report = confirmed(new_study([(9, 0.9), (8, 0.8)]), ("tune.metric=accuracy",))
    # The label is always the most probable class, or never.
    assert set(report.baseline_losses) <= {0.0, 1.0}
    assert report.status == "none better"


def test_new_candidates_are_corrected_for_with_those_before(confirmed: Confirm, workers: Workers) -> None:
    study = new_study([(9, 0.9), (8, 0.8), (7, 0.7), (6, 0.6)])
    confirmed(study)
    workers.jobs.clear()
    add(study, [(2, 0.2), (3, 0.3)])
    report = confirmed(study)
    assert [one.trial for one in report.comparisons] == [4, 5, 3]
    assert report.corrected_for == 5
    assert {n for n, _, _ in workers.trained()} == {2, 3}


def test_the_previous_winner_competes_with_new_candidates(confirmed: Confirm, workers: Workers) -> None:
    study = new_study([(9, 0.9), (2, 0.8)])
    assert confirmed(study).winner == 1
    workers.jobs.clear()
    # Three that look better, and are not.
    add(study, [(6, 0.1), (7, 0.2), (8, 0.3)])
    report = confirmed(study)
    assert [one.trial for one in report.comparisons] == [1, 2, 3, 4]
    assert (report.winner, report.corrected_for) == (1, 4)
    assert {n for n, _, _ in workers.trained()} == {6, 7, 8}
    workers.jobs.clear()
    assert confirmed(study) == report
    assert workers.jobs == []


def test_a_failed_training_ends_the_hopes_of_its_trial(confirmed: Confirm, workers: Workers) -> None:
    workers.failing[5] = "it diverged"
    report = confirmed(new_study([(9, 0.9), (5, 0.5), (7, 0.7)]))
    assert report.winner == 2
    assert report.failed == {"1": "it diverged"}
    failed = report.comparisons[0]
    assert (failed.losses, failed.mean, failed.better) == ((None,) * 6, None, False)
    assert len([n for n, _, _ in workers.trained() if n == 5]) == 3


def test_nothing_is_better_than_a_baseline_that_fails(confirmed: Confirm, workers: Workers) -> None:
    workers.failing[9] = "it diverged"
    report = confirmed(new_study([(9, None), (5, 0.5)]))
    assert (report.status, report.failed) == ("none better", {"baseline": "it diverged"})
    assert report.baseline_losses == (None,) * 3


def test_the_probabilities_of_several_models_are_averaged(confirmed: Confirm, workers: Workers) -> None:
    report = confirmed(new_study([(9, 0.9), (8, 0.8)]), ("models.other={kind: knn, neighbours: 2}",))
    both = [
        -math.log((math.exp(-loss(9, *replicate)) + math.exp(-loss(2, *replicate))) / 2)
        for replicate in report.replicates
    ]
    assert report.baseline_losses == pytest.approx(both, rel=1e-5)
    assert len(workers.jobs) == 2 * 2 * 6
