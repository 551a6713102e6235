import time
from pathlib import Path

import numpy as np
import pytest

from kit import metrics
from kit.config import KNearest
from kit.members import ALL_ROWS, Member, MemberResult
from kit.training.job import Job
from kit.training.member import Outcome, Report, train_members

ROWS, TEST_ROWS, CLASSES = 24, 7, 3
LABELS = np.arange(ROWS, dtype=np.uint8) % CLASSES
HELD_OUT = np.arange(ROWS) % 4 == 1

Epochs = list[tuple[int, float, float]]


def train(job: Job, folder: Path, epochs: Epochs) -> MemberResult:
    """Train one job; `epochs` receives its epochs."""
    outcomes: list[Outcome] = []
    report = Report(lambda *figures: epochs.append(figures))
    train_members([job], folder, [report], 0.0, lambda _, outcome: outcomes.append(outcome))
    [outcome] = outcomes
    assert isinstance(outcome, MemberResult)
    return outcome


@pytest.fixture
def epochs() -> Epochs:
    return []


@pytest.fixture
def result(tmp_path: Path, epochs: Epochs) -> MemberResult:
    """Return the result of 1-nearest-neighbour on images that show their label, except for the last one."""
    images = np.repeat(LABELS, 16).reshape(ROWS, 4, 4, 1) * np.uint8(100)
    images[21] = 100  # Label 0 looks like label 1.
    np.save(tmp_path / "train_images.npy", images)
    np.save(tmp_path / "train_labels.npy", LABELS)
    np.save(tmp_path / "test_images.npy", images[:TEST_ROWS])
    model = KNearest(kind="knn", neighbours=1)
    job = Job(
        Member("knn", 1, 0),
        model,
        (4, 4, 1),
        CLASSES,
        "data",
        TEST_ROWS,
        HELD_OUT,
        "none",
        "float32",
        "accuracy",
    )
    return train(job, tmp_path, epochs)


def test_a_classical_model_predicts_the_held_out_rows(result: MemberResult) -> None:
    assert result.val_rows.tolist() == [1, 5, 9, 13, 17, 21]
    assert result.val_probs.argmax(axis=1).tolist() == [1, 2, 0, 1, 2, 1]
    assert result.test_probs.argmax(axis=1).tolist() == LABELS[:TEST_ROWS].tolist()
    assert result.network is None


def test_a_classical_model_on_all_rows_predicts_only_test_rows(result: MemberResult, tmp_path: Path) -> None:
    epochs: Epochs = []
    held_out = np.zeros(ROWS, np.bool_)
    model = KNearest(kind="knn", neighbours=1)
    member = Member("knn", ALL_ROWS, 0)
    job = Job(member, model, (4, 4, 1), CLASSES, "data", TEST_ROWS, held_out, "none", "float32", "accuracy")
    alone = train(job, tmp_path, epochs)
    assert (alone.val_rows.shape, alone.val_probs.shape) == ((0,), (0, CLASSES))
    np.testing.assert_array_equal(alone.test_probs, result.test_probs)
    assert epochs == []


def test_training_accuracy_is_that_of_the_training_rows(result: MemberResult) -> None:
    assert result.history.train_score == 1


def test_on_epoch_receives_the_only_epoch(result: MemberResult, epochs: Epochs) -> None:
    loss = metrics.log_loss(result.val_probs, LABELS[HELD_OUT])
    assert epochs == [(1, loss, 5 / 6)]


def test_the_history_has_the_times_of_startup_and_training(result: MemberResult) -> None:
    assert result.history.seconds
    # The start passed to train_members is 0.
    assert 0 < result.history.startup_seconds < time.monotonic()


def test_a_clock_that_jumps_does_not_change_the_times(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    jumps = iter([1e9, -1e9] * 100)
    monkeypatch.setattr(time, "time", lambda: next(jumps))
    started = time.monotonic()
    history = request.getfixturevalue("result").history
    passed = time.monotonic() - started
    assert 0 < history.seconds < passed
