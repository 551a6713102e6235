import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from kit.config import Augmentation, Cnn, Network, ResNet, Stage, Training
from kit.members import Member, MemberResult
from kit.training.job import Job, PseudoLabels
from kit.training.network import train_network

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
    result = train_network(
        job,
        images,
        LABELS,
        test_images,
        lambda epoch, *_: trained.append(epoch),
        on_checkpoint=checkpoints.__setitem__,
    )
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
    "sgd": lambda: make_job(with_training(RICH, optimizer="sgd", schedule="exponential", momentum=0.9)),
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


@pytest.mark.slow
@pytest.mark.parametrize("name", JOBS)
def test_a_training_that_continues_ends_with_the_same_bits(name: str) -> None:
    job = JOBS[name]()
    whole, checkpoints, trained = train(job)
    assert trained == list(checkpoints) == list(range(1, job.epochs + 1))
    for epoch, content in checkpoints.items():
        result, later, trained = train(replace(job, checkpoint=content))
        assert trained == list(later) == list(range(epoch + 1, job.epochs + 1))
        assert_same(result, whole)
