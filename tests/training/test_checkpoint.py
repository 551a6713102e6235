import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

from kit.config import Augmentation, Cnn, Network, Pretrained, ResNet, Stage, Training
from kit.config.networks import TrainingPhase
from kit.members import Member, MemberResult
from kit.training.checkpoint import (
    Checkpoints,
    SavedTraining,
    UnusableCheckpointError,
    continued,
    digest,
    finished_epochs,
    saved_training,
)
from kit.training.epochs import run_alone
from kit.training.job import Job, PseudoLabels
from kit.training.network import prepared, train_network

ROWS, TEST_ROWS, SIDE, CLASSES = 90, 13, 8, 3
LABELS = np.arange(ROWS, dtype=np.uint8) % CLASSES
RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 150, (ROWS, SIDE, SIDE, 1), np.uint8) + LABELS[:, None, None, None] * np.uint8(40)
TEST_IMAGES = IMAGES[:TEST_ROWS, ::-1]
HELD_OUT = np.arange(ROWS) % 4 == 1
PLAIN = Cnn(stages=(Stage(filters=4, stride=2),), training=Training(epochs=2, batch_size=16))
RICH = Cnn(
    stages=(Stage(filters=4, stride=2), Stage(filters=4, dropout=0.2)),
    head=(8,),
    batch_norm="after_activation",
    dropout=0.2,
    l2=1e-4,
    deskew=True,
    augmentation=Augmentation(shift=0.1, rotation=10, elastic=0.5, cutout=0.2, brightness=0.1, tta=True),
    training=Training(epochs=2, batch_size=16, optimizer="muon", ema=0.5, label_smoothing=0.05),
)


def make_job(spec: Network = PLAIN, **changes: Any) -> Job:
    job = Job(
        Member("cnn", 1, 0),
        spec,
        (SIDE, SIDE, 1),
        CLASSES,
        "data",
        TEST_ROWS,
        HELD_OUT,
        "tensorflow",
        "float32",
        "accuracy",
        checkpoint_seconds=0.0,
    )
    return replace(job, **changes)


def with_training(spec: Cnn, **changes: Any) -> Cnn:
    return spec.model_copy(update={"training": spec.training.model_copy(update=changes)})


def train(job: Job) -> tuple[MemberResult, dict[int, bytes], list[int]]:
    """Train `job`; return the result, the checkpoint of each epoch, and the epochs that were trained."""
    checkpoints: dict[int, bytes] = {}
    trained: list[int] = []
    images, test_images = (
        np.kron(one, np.ones((1, job.shape[0] // SIDE, job.shape[0] // SIDE, 1), np.uint8))
        for one in (IMAGES, TEST_IMAGES)
    )
    spec: Any = job.model
    images, test_images = prepared(spec, images, test_images)
    training = train_network(
        job,
        images,
        LABELS,
        test_images,
        lambda epoch, *_: trained.append(epoch),
        on_checkpoint=checkpoints.__setitem__,
    )
    result = run_alone(training)
    return result, checkpoints, trained


def weights(result: MemberResult) -> bytes:
    with zipfile.ZipFile(io.BytesIO(result.network or b"")) as file:
        return file.read("model.weights.h5")


def assert_same(one: MemberResult, other: MemberResult) -> None:
    """Check that two results are the same in every bit, except for times."""
    for name in ("val_rows", "val_probs", "test_probs", "val_probs_tta", "test_probs_tta"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    for name in ("loss", "accuracy", "val_loss", "val_score"):
        assert getattr(one.history.epochs, name) == getattr(other.history.epochs, name), name
    assert one.history.train_score == other.history.train_score
    assert weights(one) == weights(other)


JOBS: dict[str, Callable[[], Job]] = {
    "adam": lambda: make_job(PLAIN),
    "adamw": lambda: make_job(with_training(PLAIN, optimizer="adamw", weight_decay=0.01)),
    "sgd": lambda: make_job(with_training(PLAIN, optimizer="sgd", schedule="exponential", ema=0.5)),
    "muon, augmentation, dropout, deskew, EMA": lambda: make_job(RICH),
    "bfloat16": lambda: make_job(RICH, precision="bfloat16"),
    "residual": lambda: make_job(
        ResNet(kind="resnet", filters=(4, 4), training=Training(epochs=2, batch_size=16, ema=0.5))
    ),
    "pseudo-labels": lambda: make_job(
        PLAIN,
        teachers=(Member("teacher", 1, 0),),
        pseudo_labels=PseudoLabels(
            np.full((int(HELD_OUT.sum()), CLASSES), 1 / CLASSES, np.float32),
            np.full((TEST_ROWS, CLASSES), 1 / CLASSES, np.float32),
        ),
    ),
    "no held-out rows": lambda: make_job(PLAIN, held_out=np.zeros(ROWS, np.bool_)),
    "second random numbers": lambda: make_job(PLAIN, seed_offset=1),
}


def check_every_epoch(job: Job) -> None:
    """Check that a training that continues after any of its epochs ends as one without interruption."""
    whole, checkpoints, trained = train(job)
    assert trained == list(checkpoints) == list(range(1, job.epochs + 1))
    for epoch, content in checkpoints.items():
        result, later, trained = train(replace(job, checkpoint=content))
        assert trained == list(later) == list(range(epoch + 1, job.epochs + 1))
        assert_same(result, whole)


@pytest.mark.slow
@pytest.mark.parametrize("name", JOBS)
def test_a_training_that_continues_ends_with_the_same_bits(name: str) -> None:
    check_every_epoch(JOBS[name]())


@pytest.mark.slow
def test_a_training_continues_in_each_of_its_phases_and_between_them(monkeypatch: pytest.MonkeyPatch) -> None:
    phases = TrainingPhase(2), TrainingPhase(2, 0.1)
    monkeypatch.setattr(Cnn, "phases", property(lambda _: phases))
    check_every_epoch(make_job(with_training(PLAIN, ema=0.5, optimizer="sgd")))


@pytest.mark.slow
def test_a_pretrained_network_continues_when_its_layers_are_no_longer_frozen(tmp_path: Path) -> None:
    path = tmp_path / "small.weights.h5"
    small = keras.applications.MobileNetV3Small(weights=None, include_top=False, input_shape=(32, 32, 3))
    small.save_weights(path)
    training = Training(epochs=1, batch_size=32)
    spec = Pretrained(
        kind="pretrained", name="MobileNetV3Small", weights=str(path), frozen_epochs=1, training=training
    )
    job = make_job(spec, shape=(32, 32, 1))
    whole, checkpoints, _ = train(job)
    result, _, trained = train(replace(job, checkpoint=checkpoints[1]))
    assert trained == [2]
    assert_same(result, whole)


def saved(job: Job, **changes: Any) -> SavedTraining:
    one = SavedTraining(
        job=digest(job),
        seed_offset=job.seed_offset,
        epochs=np.array([[0.5, 0.25, np.nan, np.nan, 2.0]] * 2),
        starts=(0, 1),
        seconds=12.5,
        model=[np.arange(6, dtype=np.float32).reshape(2, 3), np.array([7, 2**32 - 1], np.uint32)],
        optimizer=[np.array(3, np.int32)],
        random=[np.arange(4, dtype=np.uint8)],
    )
    return replace(one, **changes)


def test_a_checkpoint_comes_back_bit_for_bit() -> None:
    one = saved(make_job())
    back = SavedTraining.from_bytes(one.to_bytes())
    assert (back.job, back.seed_offset, back.starts, back.seconds) == (one.job, 0, (0, 1), 12.5)
    np.testing.assert_array_equal(back.epochs, one.epochs)
    for part in ("model", "optimizer", "random"):
        for array, expected in zip(getattr(back, part), getattr(one, part), strict=True):
            np.testing.assert_array_equal(array, expected, strict=True)


@pytest.mark.parametrize("seed", range(20))
def test_every_damage_of_a_checkpoint_is_detected(seed: int) -> None:
    content = bytearray(saved(make_job()).to_bytes())
    place = int(np.random.default_rng(seed).integers(8 * len(content)))
    content[place // 8] ^= 1 << place % 8
    with pytest.raises(UnusableCheckpointError, match="it is damaged"):
        SavedTraining.from_bytes(bytes(content))


@pytest.mark.parametrize("size", [0, 10, 32, 500])
def test_a_truncated_checkpoint_is_detected(size: int) -> None:
    with pytest.raises(UnusableCheckpointError, match="it is damaged"):
        continued(make_job(), saved(make_job()).to_bytes()[:size])


@pytest.mark.parametrize("file", [b"", b"text", pytest.param(saved(make_job()).to_bytes()[40:], id="cut")])
def test_a_checkpoint_of_another_form_is_not_used(file: bytes) -> None:
    with pytest.raises(UnusableCheckpointError, match="another version of kit wrote it"):
        SavedTraining.from_bytes(sha256(file).digest() + file)


def test_a_checkpoint_without_a_part_is_not_used() -> None:
    buffer = io.BytesIO()
    np.savez(buffer, about=np.zeros(2, np.uint8))
    file = buffer.getvalue()
    with pytest.raises(UnusableCheckpointError, match="another version of kit wrote it"):
        SavedTraining.from_bytes(sha256(file).digest() + file)


OTHERS: dict[str, dict[str, Any]] = {
    "model": {"model": with_training(PLAIN, learning_rate=0.5)},
    "held-out rows": {"held_out": ~HELD_OUT},
    "data": {"data": "other"},
    "precision": {"precision": "bfloat16"},
    "test rows": {"test_rows": 3},
    "member": {"member": Member("cnn", 2, 0)},
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_checkpoint_of_another_job_is_not_used(name: str) -> None:
    content = saved(make_job()).to_bytes()
    other = make_job(**OTHERS[name])
    with pytest.raises(UnusableCheckpointError, match="another configuration, data set or version"):
        continued(other, content)
    assert saved_training(replace(other, checkpoint=content)) is None


def test_a_checkpoint_of_other_library_versions_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    content = saved(make_job()).to_bytes()
    monkeypatch.setattr("kit.training.checkpoint.versions", lambda: {"keras": "3.99"})
    with pytest.raises(UnusableCheckpointError, match="version of a library"):
        continued(make_job(), content)


def test_a_job_continues_with_the_random_numbers_of_its_checkpoint() -> None:
    reseeded = make_job(seed_offset=1)
    job = continued(make_job(), saved(reseeded).to_bytes())
    assert (job.seed_offset, job.random_seed) == (1, reseeded.random_seed)
    assert saved_training(job)


def test_how_often_checkpoints_are_sent_does_not_matter_to_a_checkpoint() -> None:
    job = continued(make_job(checkpoint_seconds=None), saved(make_job(checkpoint_seconds=5.0)).to_bytes())
    assert finished_epochs(job) == 2
    assert finished_epochs(make_job()) == 0


class Timed:
    """Offers a checkpoint at each moment that a test wants; sending one takes `cost` seconds."""

    def __init__(
        self, seconds: float | None, cost: float = 0.0, continues: SavedTraining | None = None
    ) -> None:
        self.now, self.cost, self.sent = 100.0, cost, dict[float, SavedTraining]()
        job = make_job(checkpoint_seconds=seconds)
        self.checkpoints = Checkpoints(job, continues, self.receive, clock=lambda: self.now)

    def receive(self, epoch: int, content: bytes) -> None:
        self.sent[self.now - 100] = SavedTraining.from_bytes(content)
        assert len(self.sent[self.now - 100].epochs) == epoch
        self.now += self.cost

    def offered(self, *moments: float) -> list[float]:
        """Return the moments, among those of ended epochs, at which a checkpoint was sent."""
        nothing: Any = SimpleNamespace(
            model=SimpleNamespace(variables=[]), optimizer=SimpleNamespace(variables=[])
        )
        for number, moment in enumerate(moments, 1):
            self.now = max(self.now, 100 + moment)
            self.checkpoints.offer(nothing, [(0.0,) * 5] * number)
        return list(self.sent)


def test_checkpoints_are_as_far_apart_as_the_job_says() -> None:
    assert Timed(30.0).offered(10, 29, 31, 45, 60, 61, 91) == [31, 61, 91]


def test_costly_checkpoints_are_rarer() -> None:
    # 2 s each: the next one comes after 200 s.
    assert Timed(30.0, cost=2.0).offered(30, 62, 231, 233, 300, 436) == [30, 233, 436]


def test_a_job_without_an_interval_sends_none() -> None:
    assert Timed(None).offered(100, 1000) == []


def test_an_interval_of_0_means_after_every_epoch() -> None:
    assert Timed(0.0, cost=2.0).offered(1, 4, 7) == [1, 4, 7]


def test_a_checkpoint_counts_the_seconds_and_starts_of_all_workers() -> None:
    timed = Timed(0.0, continues=saved(make_job()))
    timed.offered(8)
    [one] = timed.sent.values()
    assert (one.seconds, one.starts) == (12.5 + 8, (0, 1, 2))
