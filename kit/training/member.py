"""Train members of any model family: (configuration, data, member) to result. Writes nothing."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kit.members import MemberResult
from kit.metrics import LOSS, METRICS
from kit.models.families import build_classifier
from kit.records import History
from kit.training.checkpoint import OnCheckpoint, ignore_checkpoint
from kit.training.failures import DivergedError
from kit.training.job import Job
from kit.training.wire import OnActivity, ignore

if TYPE_CHECKING:
    from kit.training.epochs import OnEpoch, Training


@dataclass(frozen=True)
class Report:
    """What receives the progress of one training.

    Attributes:
        on_epoch: called with epoch (from 1), log loss and score on held-out rows (NaN if there are none).
        on_activity: receives what the training does.
        on_checkpoint: receives the checkpoints of a network.
    """

    on_epoch: "OnEpoch"
    on_activity: OnActivity = ignore
    on_checkpoint: OnCheckpoint = ignore_checkpoint


Outcome = MemberResult | DivergedError


def train_members(
    jobs: Sequence[Job],
    folder: Path,
    reports: Sequence[Report],
    started: float,
    on_outcome: Callable[[int, Outcome], None],
) -> None:
    """Train jobs on the arrays in a folder, several as one program.

    Args:
        jobs: one, or as many as `kit.training.bundles.bundled` puts together.
        folder: holds train_images.npy, train_labels.npy and test_images.npy.
        reports: one per job.
        started: start of the process by `time.monotonic`, for the start-up time in the history.
        on_outcome: called with the number of each job, from 0, and its result, or that it diverged.
    """
    images, labels, test_images = (
        np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
        for name in ("train_images", "train_labels", "test_images")
    )
    test_images = test_images[: jobs[0].test_rows]
    if not jobs[0].model.needs_backend:
        [job], [report] = jobs, reports
        imported = time.monotonic()
        result = _fit_classifier(job, images, labels, test_images, report)
        on_outcome(0, _timed(result, time.monotonic() - imported, imported - started))
        return
    # Keras takes seconds to import, and classical models need none of it.
    from kit.training.determinism import make_deterministic
    from kit.training.network import prepared, train_network

    make_deterministic()
    imported = time.monotonic()
    for report in reports:
        report.on_activity("preparing", 0, 0.0)
    images, test_images = prepared(jobs[0].model, images, test_images)
    share = (time.monotonic() - imported) / len(jobs)

    def end(number: int, outcome: Outcome, seconds: float) -> None:
        if isinstance(outcome, MemberResult):
            outcome = _timed(outcome, seconds + share, imported - started)
        on_outcome(number, outcome)

    trainings = [
        train_network(
            job,
            images,
            labels,
            test_images,
            report.on_epoch,
            on_activity=report.on_activity,
            on_checkpoint=report.on_checkpoint,
        )
        for job, report in zip(jobs, reports, strict=True)
    ]
    _run(trainings, jobs[0].together, end)


def _run(
    trainings: "Sequence[Training]", places: int, on_outcome: Callable[[int, Outcome, float], None]
) -> None:
    if places > 1:
        from kit.training.together import run_together

        run_together(trainings, places, on_outcome)
        return
    from kit.training.epochs import run_alone

    [training] = trainings
    started = time.monotonic()
    outcome: Outcome
    try:
        outcome = run_alone(training)
    except DivergedError as error:
        outcome = error
    on_outcome(0, outcome, time.monotonic() - started)


def _timed(result: MemberResult, seconds: float, startup: float) -> MemberResult:
    # Of a network that continues from a checkpoint, the history has the seconds until then.
    times = {"seconds": (result.history.seconds or 0.0) + seconds, "startup_seconds": startup}
    return replace(result, history=result.history.model_copy(update=times))


def _fit_classifier(
    job: Job,
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    test_images: NDArray[np.uint8],
    report: Report,
) -> MemberResult:
    from kit.models.classical import probabilities

    if job.model.needs_backend:
        raise TypeError(f"{job.member}: {job.model.kind} is a network")
    rows, val_rows = job.train_rows, np.flatnonzero(job.held_out)
    classifier = build_classifier(job.model, job.random_seed)
    report.on_activity("fitting", 0, 0.0)
    classifier.fit(_flat(images[rows]), labels[rows])
    parts, done = (images[rows], test_images, images[val_rows]), 0
    probs = [np.empty((0, job.classes), np.float32) for _ in parts]
    for number, part in enumerate(parts):
        report.on_activity("predicting", 0, done / sum(map(len, parts)))
        if len(part):  # scikit-learn refuses to predict nothing.
            probs[number] = probabilities(classifier, _flat(part), job.classes)
        done += len(part)
    train_probs, test_probs, val_probs = probs
    train_score = METRICS[job.metric].value(train_probs, labels[rows])
    history = History(metric=job.metric, train_score=train_score, seed_offset=job.seed_offset)
    held_out = labels[val_rows]
    if len(held_out):
        score = METRICS[job.metric].value(val_probs, held_out)
        report.on_epoch(1, LOSS.value(val_probs, held_out), score)
    return MemberResult(val_rows, val_probs, test_probs, history)


def _flat(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    return images.reshape(len(images), -1).astype(np.float32) / np.float32(255)
