from pathlib import Path

import numpy as np
import pytest

from kit import metrics
from kit.config import KNearest
from kit.members import ALL_ROWS, Member, MemberResult
from kit.training.job import Job
from kit.training.member import train_member

ROWS, TEST_ROWS, CLASSES = 24, 7, 3
LABELS = np.arange(ROWS, dtype=np.uint8) % CLASSES
HELD_OUT = np.arange(ROWS) % 4 == 1

Told = list[tuple[int, float, float]]


@pytest.fixture
def told() -> Told:
    return []


@pytest.fixture
def result(tmp_path: Path, told: Told) -> MemberResult:
    """Return what 1-nearest-neighbour makes of images that are nothing but their label, but for the last."""
    images = np.repeat(LABELS, 16).reshape(ROWS, 4, 4) * np.uint8(100)
    images[21] = 100  # Label 0 looks like label 1.
    np.save(tmp_path / "train_images.npy", images)
    np.save(tmp_path / "train_labels.npy", LABELS)
    np.save(tmp_path / "test_images.npy", images[:TEST_ROWS])
    model = KNearest(kind="knn", neighbours=1)
    job = Job(Member("knn", 1, 0), model, (4, 4), CLASSES, "data", TEST_ROWS, HELD_OUT, "none", "float32")
    return train_member(job, tmp_path, lambda *figures: told.append(figures), 0.0)


def test_a_baseline_predicts_the_rows_it_has_not_seen(result: MemberResult) -> None:
    assert result.val_rows.tolist() == [1, 5, 9, 13, 17, 21]
    assert result.val_probs.argmax(axis=1).tolist() == [1, 2, 0, 1, 2, 1]
    assert result.test_probs.argmax(axis=1).tolist() == LABELS[:TEST_ROWS].tolist()
    assert result.network is None


def test_a_baseline_on_all_rows_predicts_test_rows_alone(result: MemberResult, tmp_path: Path) -> None:
    told: Told = []
    held_out = np.zeros(ROWS, np.bool_)
    model = KNearest(kind="knn", neighbours=1)
    job = Job(
        Member("knn", ALL_ROWS, 0), model, (4, 4), CLASSES, "data", TEST_ROWS, held_out, "none", "float32"
    )
    alone = train_member(job, tmp_path, lambda *figures: told.append(figures), 0.0)
    assert (alone.val_rows.shape, alone.val_probs.shape) == ((0,), (0, CLASSES))
    np.testing.assert_array_equal(alone.test_probs, result.test_probs)
    assert told == []


def test_its_training_accuracy_is_on_the_rows_it_has_seen(result: MemberResult) -> None:
    assert result.history["train_accuracy"] == 1


def test_it_tells_of_its_only_epoch(result: MemberResult, told: Told) -> None:
    loss = metrics.log_loss(result.val_probs, LABELS[HELD_OUT])
    assert told == [(1, loss, 5 / 6)]


def test_the_times_of_start_and_training_are_kept(result: MemberResult) -> None:
    assert 0 < result.history["seconds"] < 60
    # The process is said to have begun in 1970.
    assert result.history["startup_seconds"] > 1e9
