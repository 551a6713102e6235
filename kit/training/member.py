"""Train one member of any model family: (configuration, data, member) to result. Writes nothing."""

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kit.members import MemberResult
from kit.metrics import LOSS, METRICS
from kit.models.families import build_classifier
from kit.records import History
from kit.training.checkpoint import OnCheckpoint, ignore_checkpoint
from kit.training.job import Job
from kit.training.wire import OnActivity, ignore

if TYPE_CHECKING:
    from kit.training.network import OnEpoch


def train_member(
    job: Job,
    folder: Path,
    on_epoch: "OnEpoch",
    started: float,
    on_activity: OnActivity = ignore,
    *,
    on_checkpoint: OnCheckpoint = ignore_checkpoint,
) -> MemberResult:
    """Train `job` on the arrays in a folder.

    Args:
        job: what to train.
        folder: holds train_images.npy, train_labels.npy and test_images.npy.
        on_epoch: called with epoch (from 1), log loss and score on held-out rows (NaN if there are none).
        started: start of the process by `time.monotonic`, for the start-up time in the history.
        on_activity: receives what the training does.
        on_checkpoint: receives the checkpoints of a network.
    """
    images, labels, test_images = (
        np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
        for name in ("train_images", "train_labels", "test_images")
    )
    test_images = test_images[: job.test_rows]
    if job.model.needs_backend:
        # Keras takes seconds to import, and classical models need none of it.
        from kit.training.determinism import make_deterministic
        from kit.training.network import train_network

        make_deterministic()
        imported = time.monotonic()
        result = train_network(
            job, images, labels, test_images, on_epoch, on_activity=on_activity, on_checkpoint=on_checkpoint
        )
    else:
        imported = time.monotonic()
        result = _fit_classifier(job, images, labels, test_images, on_activity)
        held_out = labels[result.val_rows]
        if len(held_out):
            score = METRICS[job.metric].value(result.val_probs, held_out)
            on_epoch(1, LOSS.value(result.val_probs, held_out), score)
    # Of a network that continues from a checkpoint, the history has the seconds until then.
    seconds = (result.history.seconds or 0.0) + time.monotonic() - imported
    times = {"seconds": seconds, "startup_seconds": imported - started}
    return replace(result, history=result.history.model_copy(update=times))


def _fit_classifier(
    job: Job,
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    test_images: NDArray[np.uint8],
    on_activity: OnActivity,
) -> MemberResult:
    from kit.models.classical import probabilities

    if job.model.needs_backend:
        raise TypeError(f"{job.member}: {job.model.kind} is a network")
    rows, val_rows = job.train_rows, np.flatnonzero(job.held_out)
    classifier = build_classifier(job.model, job.random_seed)
    on_activity("fitting", 0, 0.0)
    classifier.fit(_flat(images[rows]), labels[rows])
    parts, done = (images[rows], test_images, images[val_rows]), 0
    probs = [np.empty((0, job.classes), np.float32) for _ in parts]
    for number, part in enumerate(parts):
        on_activity("predicting", 0, done / sum(map(len, parts)))
        if len(part):  # scikit-learn refuses to predict nothing.
            probs[number] = probabilities(classifier, _flat(part), job.classes)
        done += len(part)
    train_probs, test_probs, val_probs = probs
    train_score = METRICS[job.metric].value(train_probs, labels[rows])
    history = History(metric=job.metric, train_score=train_score, seed_offset=job.seed_offset)
    return MemberResult(val_rows, val_probs, test_probs, history)


def _flat(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    return images.reshape(len(images), -1).astype(np.float32) / np.float32(255)
