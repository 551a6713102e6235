"""One trial: training, stored figures, and early ends. Stand-in workers, except for one test."""

import math
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from kit.config import Choices, FloatRange, IntRange, Source
from kit.data.dataset import Dataset
from kit.metrics.auc import Auc
from kit.training.launch.base import Device, Progress
from kit.training.launch.local import LocalLauncher
from kit.tuning import trial as trial_module
from kit.tuning.space import Parameter, Space
from kit.tuning.study import SharedStudy
from kit.tuning.trial import Objective, TrialSlot
from tests.launchers import CPU
from tests.tuning.conftest import FOLDS, NETWORK, ROWS, alive

RATE = "models.cnn.training.learning_rate"
RATES = Space((Parameter(RATE, FloatRange(kind="float", low=0.001, high=1.0), {}),), {RATE: 0.01}, False)
CHOICE = Parameter(RATE, Choices(kind="categorical", choices=(0.01, 0.02)), {})
# The losses of each fold's epochs are multiples of the learning rate.
TRAIN = "train([rate * (5 - epoch + fold / 10) for epoch in range(1, 5)])"

Install = Callable[..., None]
Run = Callable[..., Any]


@pytest.fixture
def slot(launcher: LocalLauncher) -> TrialSlot:
    return TrialSlot(launcher, CPU, lambda *_: None)


@pytest.fixture
def run(open_study: Callable[..., SharedStudy], dataset: Dataset, folds: Any, slot: TrialSlot) -> Run:
    """Return a function that runs a trial for each of the learning rates, None for one that Optuna chooses.

    It returns the trials.
    """

    def run_them(
        *rates: float | None, space: Space = RATES, slot: TrialSlot = slot, **tune: Any
    ) -> list[Any]:
        changes = [f"tune.{key}={value}" for key, value in tune.items()]
        shared = open_study(space, **tune)
        objective = Objective(Source.read("tiny", changes), space, dataset, folds)
        for rate in rates:
            if rate is not None:
                shared.study.enqueue_trial({RATE: rate})
        trials = [shared.claim(lambda trial: objective(trial, slot), None) for _ in rates]
        slot.close()
        return trials

    return run_them


def trained(workdir: Path) -> list[str]:
    return (workdir / "trained").read_text().splitlines()


def workers(workdir: Path) -> list[int]:
    return [int(path.stem) for path in workdir.glob("*.pid")]


def test_a_search_trains_the_configuration_that_it_read(
    worker: Install, open_study: Callable[..., SharedStudy], dataset: Dataset, folds: Any, slot: TrialSlot
) -> None:
    worker(TRAIN)
    objective = Objective(Source.read("tiny"), RATES, dataset, folds)
    Path("configs/tiny.yaml").write_text("models: {knn: {kind: knn}}")
    trial = open_study(RATES).claim(lambda trial: objective(trial, slot), None)
    assert trial
    assert trial.state == TrialState.COMPLETE


def test_one_worker_trains_the_first_folds_with_the_first_seed(
    worker: Install, run: Run, workdir: Path
) -> None:
    worker(TRAIN)
    run(None, folds=3)
    assert trained(workdir) == ["cnn 0 7", "cnn 1 7", "cnn 2 7"]
    assert len(workers(workdir)) == 1


def test_no_more_folds_are_trained_than_there_are(worker: Install, run: Run, workdir: Path) -> None:
    worker(TRAIN)
    run(None, folds=9)
    assert len(trained(workdir)) == FOLDS


def test_the_value_is_the_log_loss_of_all_rows_held_out(worker: Install, run: Run, dataset: Dataset) -> None:
    worker(TRAIN)
    [trial] = run(None, folds=2)
    zeros = np.mean(dataset.train_labels[np.arange(ROWS) % FOLDS < 2] == 0)
    assert trial.value == pytest.approx(-zeros * math.log(0.4) - (1 - zeros) * math.log(0.6), abs=1e-6)
    assert trial.user_attrs["score"] == pytest.approx(1 - zeros)
    assert trial.user_attrs["seconds"] == [2.0, 3.0]
    assert trial.user_attrs["startup"] == 1.0
    assert np.mean(trial.user_attrs["loss_folds"]) == pytest.approx(trial.value)


def test_a_trial_may_be_shorter_and_use_fewer_rows(worker: Install, run: Run, workdir: Path) -> None:
    epochs, unused = 'job["model"]["training"]["epochs"]', "len(blobs[1])"
    worker(f"(seen / 'job').write_text(f'{{{epochs}}} {{{unused}}}'); {TRAIN}")
    [trial] = run(0.01, rows=15, epoch_share=0.5)
    # 4 epochs, and 40 rows as bits.
    assert (workdir / "job").read_text() == "2 5"
    assert trial.user_attrs["share"] == 0.25


def test_models_are_combined_by_the_mean_of_their_probabilities(
    worker: Install, run: Run, workdir: Path, dataset: Dataset, folds: Any
) -> None:
    network = "{stages: [{filters: 2}], training: {epochs: 4}}"
    worker(TRAIN, f"models: {{cnn: {network}, other: {network}}}\n")
    [trial] = run(None, folds=2)
    assert trained(workdir) == ["cnn 0 7", "other 0 7", "cnn 1 7", "other 1 7"]
    # 0.4 and 0.1 in fold 0, 0.4 and 0.2 in fold 1.
    first = np.select([folds == 0, folds == 1], [0.25, 0.3])[folds < 2]
    of_label = np.where(dataset.train_labels[folds < 2] == 0, first, 1 - first)
    assert trial.value == pytest.approx(-np.log(of_label).mean(), abs=1e-6)
    assert trial.user_attrs["seconds"] == [4.0, 6.0]
    assert sorted(trial.intermediate_values) == [100, 200]


def test_epochs_are_reported_in_tenths_of_a_fold(worker: Install, run: Run) -> None:
    worker(TRAIN)
    [trial] = run(0.01, folds=2)
    fold = trial.user_attrs["loss_folds"][0]
    reported = trial.intermediate_values
    assert list(reported) == [20, 50, 70, 100, 120, 150, 170, 200]
    assert [reported[step] for step in (20, 100)] == pytest.approx([0.04, 0.01])
    assert reported[150] == pytest.approx((fold + 0.031) / 2)


def test_with_another_metric_folds_are_reported_instead_of_epochs(
    worker: Install, run: Run, dataset: Dataset
) -> None:
    worker(TRAIN)
    [trial] = run(None, folds=2, metric="accuracy")
    ones = np.mean(dataset.train_labels[np.arange(ROWS) % FOLDS < 2] == 1)
    assert trial.value == pytest.approx(1 - ones)
    assert trial.user_attrs["score"] == pytest.approx(ones)
    assert trial.intermediate_values == pytest.approx({100: 0.5, 200: 0.5})


def test_a_metric_that_is_not_a_number_fails_the_trial(worker: Install, run: Run) -> None:
    worker(TRAIN, NETWORK.replace("epochs: 4", "epochs: 4, batch_size: 8"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Auc, "value", lambda *_: math.nan)
        [trial] = run(None, metric="auc")
    assert (trial.state, trial.user_attrs["failed"]) == (TrialState.FAIL, "the AUC is nan")


def test_epochs_that_share_a_tenth_are_reported_once(worker: Install, run: Run) -> None:
    worker("train([rate] * 300)", "models: {cnn: {stages: [{filters: 2}], training: {epochs: 300}}}\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        [trial] = run(None, folds=1)
    assert list(trial.intermediate_values) == list(range(0, 101, 10))


def test_the_slot_receives_each_epoch(worker: Install, run: Run, launcher: LocalLauncher) -> None:
    events: list[Any] = []
    worker(TRAIN)
    run(0.01, folds=2, slot=TrialSlot(launcher, CPU, lambda *given: events.append(given)))
    events = [given for given in events if isinstance(given[1], Progress)]
    assert [(number, one.member.fold, one.epoch, one.epochs) for number, one in events] == [
        (0, fold, epoch, 4) for fold in (0, 1) for epoch in (1, 2, 3, 4)
    ]


def test_halving_prunes_a_bad_trial(worker: Install, run: Run, workdir: Path) -> None:
    worker(TRAIN)
    first, better, worse = run(None, 0.005, 0.05, folds=2, pruner="halving")
    assert first.state == better.state == TrialState.COMPLETE
    assert worse.state == TrialState.PRUNED
    assert max(worse.intermediate_values) == 50
    assert not any(alive(pid) for pid in workers(workdir))


def test_the_median_rule_prunes_a_bad_trial(worker: Install, run: Run, workdir: Path) -> None:
    worker(TRAIN)
    *others, worse = run(None, 0.02, 0.03, 0.04, 0.05, 0.035, folds=1, pruner="median")
    assert {trial.state for trial in others} == {TrialState.COMPLETE}
    assert worse.state == TrialState.PRUNED
    assert max(worse.intermediate_values) == 50
    assert not any(alive(pid) for pid in workers(workdir))


def test_wilcoxon_prunes_a_trial_whose_folds_are_worse(worker: Install, run: Run, workdir: Path) -> None:
    worker("name = 'other' if rate > 0.03 else name\n" + TRAIN)
    first, worse = run(None, 0.05, folds=4, pruner="wilcoxon")
    assert first.state == TrialState.COMPLETE
    assert list(first.intermediate_values) == [0, 1, 2, 3]
    assert list(first.intermediate_values.values()) == first.user_attrs["loss_folds"]
    assert worse.state == TrialState.PRUNED
    assert list(worse.intermediate_values) == [0, 1, 2]
    assert worse.user_attrs["seconds"] == [2.0, 3.0, 4.0]
    assert not any(alive(pid) for pid in workers(workdir))


def test_the_baseline_is_never_pruned(worker: Install, open_study: Any, run: Run) -> None:
    shared = open_study(RATES, pruner="halving", folds=2)
    shared.study.add_trial(
        optuna.create_trial(
            value=0.0,
            params={RATE: 0.005},
            distributions={RATE: optuna.distributions.FloatDistribution(0.001, 1.0)},
            system_attrs={"completed_rung_0": 0.0, "completed_rung_1": 0.0},
        )
    )
    worker(TRAIN)
    [trial] = run(None, pruner="halving", folds=2)
    assert trial.user_attrs["baseline"]
    assert trial.state == TrialState.COMPLETE
    assert trial.system_attrs["completed_rung_0"] == pytest.approx(0.03)


def test_a_repeated_trial_is_copied(worker: Install, run: Run, workdir: Path) -> None:
    space = Space((CHOICE,), {RATE: 0.01}, False)
    worker(TRAIN)
    first, again = run(None, 0.01, folds=2, space=space)
    own = {"baseline", "took"}
    copied = {key: value for key, value in first.user_attrs.items() if key not in own}
    assert {key: value for key, value in again.user_attrs.items() if key not in own} == copied | {
        "repeat_of": 0
    }
    assert (again.value, again.intermediate_values) == (first.value, first.intermediate_values)
    assert len(workers(workdir)) == 1


def test_a_repeat_of_a_stopped_trial_is_stopped_at_once(worker: Install, run: Run, workdir: Path) -> None:
    space = Space((CHOICE,), {RATE: 0.01}, False)
    worker(TRAIN)
    _, stopped, again = run(None, 0.02, 0.02, folds=2, space=space, pruner="halving")
    assert stopped.state == again.state == TrialState.PRUNED
    assert again.user_attrs["repeat_of"] == 1
    assert again.value == stopped.value
    # Pruning ended the worker; the repeat started no other.
    assert len(workers(workdir)) == 1


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (
            "fail('it diverged in epoch 1: the loss is nan')",
            "cnn-f0-s7: it diverged in epoch 1: the loss is nan",
        ),
        ("train([0.5, float('nan')])", "cnn-f0-s7: the loss is nan"),
        (
            "os.kill(os.getpid(), signal.SIGKILL)",
            "cnn-f0-s7: its worker was killed (signal 9), but not by the kernel for lack of memory",
        ),
        ("sys.exit('no memory')", "cnn-f0-s7: its worker ended with code 1 (no memory)"),
    ],
)
def test_a_failed_trial_says_why(worker: Install, run: Run, workdir: Path, code: str, reason: str) -> None:
    worker(f"if rate > 0.015:\n    {code}\n{TRAIN}")
    good, bad, next_one = run(None, 0.02, 0.005, folds=1)
    assert good.state == next_one.state == TrialState.COMPLETE
    assert (bad.state, bad.user_attrs["failed"]) == (TrialState.FAIL, reason)
    assert not any(alive(pid) for pid in workers(workdir))


def test_an_invalid_configuration_is_a_failed_trial(worker: Install, run: Run) -> None:
    worker(TRAIN)
    key = "models.cnn.training.epochs"
    space = Space((Parameter(key, IntRange(kind="int", low=0, high=1), {}),), {key: 0}, False)
    [trial] = run(None, space=space)
    assert trial.state == TrialState.FAIL
    assert key in trial.user_attrs["failed"]
    assert "\n" not in trial.user_attrs["failed"]


@pytest.mark.parametrize(("per_worker", "started"), [(1, 3), (2, 2), (8, 1)])
def test_a_worker_trains_its_number_of_trials(  # noqa: PLR0917 - fixtures
    worker: Install,
    run: Run,
    workdir: Path,
    monkeypatch: pytest.MonkeyPatch,
    per_worker: int,
    started: int,
) -> None:
    monkeypatch.setattr(trial_module, "TRIALS_PER_WORKER", per_worker)
    worker(TRAIN)
    first, *others = run(None, 0.02, 0.03, folds=1)
    assert len(workers(workdir)) == started
    # Only the first trial of a worker measures the start-up.
    assert first.user_attrs["startup"] == 0.5
    assert sum("startup" in one.user_attrs for one in others) == started - 1
    assert not any(alive(pid) for pid in workers(workdir))


def test_after_a_failed_trial_another_worker_trains(worker: Install, run: Run, workdir: Path) -> None:
    worker(f"fail('no') if rate == 0.02 else {TRAIN}")
    assert [one.state.name for one in run(None, 0.02, 0.03, folds=1)] == ["COMPLETE", "FAIL", "COMPLETE"]
    assert len(workers(workdir)) == 2


def test_a_stopped_slot_ends_the_trial_at_once(
    worker: Install, run: Run, workdir: Path, slot: TrialSlot
) -> None:
    worker("send({'epoch': 1, 'val_loss': 0.5, 'val_score': 0.5})\ntime.sleep(3600)")
    slot.on_progress = lambda *_: threading.Timer(0.05, slot.stop, ["time limit reached"]).start()
    [trial] = run(None, folds=1)
    assert trial.user_attrs["failed"] == "time limit reached"
    assert not any(alive(pid) for pid in workers(workdir))
    slot.stop("interrupted")
    assert slot.stopped == "time limit reached"


def test_a_slot_that_is_stopped_already_trains_nothing(
    worker: Install, run: Run, workdir: Path, slot: TrialSlot
) -> None:
    worker("time.sleep(0.5)\n" + TRAIN)
    slot.stop("interrupted")
    [trial] = run(None, folds=1)
    assert trial.user_attrs["failed"] == "interrupted"
    assert not (workdir / "trained").exists()


def test_a_lost_worker_is_replaced_once(worker: Install, run: Run, workdir: Path) -> None:
    die_once = (
        "if fold == 1 and not (seen / 'once').exists():",
        "    (seen / 'once').touch()",
        "    send({'epoch': 1, 'val_loss': 4.1 * rate, 'val_score': 0.5})",
        "    os.kill(os.getpid(), signal.SIGKILL)",
    )
    worker("\n".join([*die_once, TRAIN]))
    with warnings.catch_warnings():
        # Optuna warns about a step that is reported twice.
        warnings.simplefilter("error", UserWarning)
        [trial] = run(0.01, folds=2)
    assert trial.state == TrialState.COMPLETE
    assert trained(workdir) == ["cnn 0 7", "cnn 1 7"]
    assert list(trial.intermediate_values) == [20, 50, 70, 100, 120, 150, 170, 200]
    assert len(workers(workdir)) == 2


def test_few_test_rows_are_predicted(
    worker: Install, run: Run, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker("fail(str(job['test_rows']))")
    [every] = run(None)
    monkeypatch.setattr("kit.tuning.trial.TEST_ROWS", 3)
    [few] = run(0.02)
    rows = [one.user_attrs["failed"].removeprefix("cnn-f0-s7: ") for one in (every, few)]
    assert rows == [str(len(dataset.test_images)), "3"]


def test_a_real_worker_agrees(worker: Install, run: Run) -> None:
    worker("", "models: {knn: {kind: knn}}\n")
    slot = TrialSlot(LocalLauncher(), Device("core"), lambda *_: None)
    key = "models.knn.neighbours"
    space = Space((Parameter(key, IntRange(kind="int", low=1, high=3), {}),), {key: 1}, False)
    [one] = run(None, space=space, slot=slot, folds=2)
    # The first pixel gives the label.
    assert one.value == pytest.approx(0.0, abs=1e-6)
    assert one.user_attrs["score"] == 1.0
    assert list(one.intermediate_values) == [100, 200]
