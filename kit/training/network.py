"""The training of one member's network: a generator of epochs; see `kit.training.epochs`."""

import math
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from kit.config import Network
from kit.members import MemberResult
from kit.metrics import METRICS
from kit.models.augmentation import RandomWarp, deskew, views_of
from kit.models.families import build_network, cost
from kit.models.layers import Layers
from kit.models.pretrained import freeze, load_weights
from kit.models.standalone import for_older_keras, standalone
from kit.records import Curves, History
from kit.training.checkpoint import Checkpoints, OnCheckpoint, ignore_checkpoint, restore, saved_training
from kit.training.counters import RowCounter
from kit.training.engines import engine_layers, make_engine
from kit.training.engines.base import Engine, TrainingState
from kit.training.epochs import OnEpoch, Training, train_epochs
from kit.training.job import Job
from kit.training.optimizers import averaged, make_optimizer
from kit.training.prediction import OnRows, predict, predict_views
from kit.training.schedules import learning_rates
from kit.training.targets import make_training_set
from kit.training.wire import OnActivity, ignore


def prepared(
    spec: Network, images: NDArray[np.uint8], test_images: NDArray[np.uint8]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return training and test images as a network learns them: deskewed, if it asks for that."""
    return (deskew(images), deskew(test_images)) if spec.deskew else (images, test_images)


def train_network(
    job: Job,
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    test_images: NDArray[np.uint8],
    on_epoch: OnEpoch,
    *,
    on_activity: OnActivity = ignore,
    on_checkpoint: OnCheckpoint = ignore_checkpoint,
) -> Training:
    """Train the network of `job` on its training set, epoch by epoch; the weights of the last one count.

    With a checkpoint, the result is bit for bit that of a training without interruption.

    Args:
        job: a job whose model is a network.
        images: all training rows (rows, height, width, channels), `prepared`; held-out ones are only
            predicted.
        labels: (rows,).
        test_images: (test rows, height, width, channels), `prepared`.
        on_epoch: called with epoch (from 1), log loss and score on held-out rows (NaN if there are none).
        on_activity: called with phase, epoch and share, as in `kit.training.launch.base.Activity`.
        on_checkpoint: called after an epoch, as often as `job.checkpoint_seconds` says.

    Raises:
        DivergedError: the loss is NaN or infinite.
        KitError: the file of pretrained weights is not usable.
    """
    spec = job.model
    if not spec.needs_backend:
        raise TypeError(f"{job.member}: {spec.kind} is not a network")
    # One process trains several networks in sequence; each starts from the same state.
    keras.utils.clear_session()
    keras.utils.set_random_seed(job.random_seed)
    training_set = make_training_set(job, images, labels, test_images, spec.training.label_smoothing)
    steps, batch = job.steps
    network = build_network(spec, job.shape, job.classes, engine_layers(_policy(job)))
    load_weights(network, spec)
    image = keras.Input(job.shape, dtype="uint8")
    model = keras.Model(image, network(RandomWarp(spec.augmentation, job.random_seed)(image)))
    rows, val_rows = job.train_rows, np.flatnonzero(job.held_out)
    saved = saved_training(job)
    checkpoints = Checkpoints(job, saved, on_checkpoint)
    epochs: list[tuple[float, ...]] = [tuple(row) for row in saved.epochs.tolist()] if saved else []
    orders = islice(_orders(training_set.rows, batch, spec.epochs, job.random_seed), len(epochs), None)
    metric, stop = METRICS[job.metric], 0
    for phase in spec.phases:
        first, stop = stop, stop + phase.epochs
        if stop < len(epochs):
            continue  # The checkpoint is of a later phase.
        freeze(network, spec, frozen=phase.frozen)
        training = spec.training.model_copy(update={"epochs": phase.epochs})
        optimizer = make_optimizer(training, learning_rates(training, steps) * np.float32(phase.factor))
        optimizer.build(network.trainable_variables)
        state = TrainingState(model, optimizer, training_set.images, training_set.targets)
        if saved and first < len(epochs):
            restore(state, saved)
        engine = make_engine(state)
        predict_rows = partial(_predict, job, engine, images, partial(averaged, optimizer, network, training))
        seen = yield from train_epochs(
            engine,
            islice(orders, stop - max(first, len(epochs))),
            lambda on_rows: predict_rows(job.watched_rows, on_rows=on_rows),  # noqa: B023 - called at once
            labels[job.watched_rows],
            epochs,
            metric=metric,
            on_epoch=on_epoch,
            on_activity=on_activity,
            on_end=partial(checkpoints.offer, state),
        )
        # After a checkpoint of the last epoch, none is left.
        val_probs = predict_rows(val_rows) if seen is None or job.watched is not None else seen
        if training.ema:
            optimizer.finalize_variable_values(network.trainable_variables)
    curves = Curves(**dict(zip(Curves.model_fields, zip(*epochs, strict=True), strict=True)))
    views = views_of(spec.augmentation)
    count = RowCounter(
        len(rows) + len(test_images) + len(views) * (len(val_rows) + len(test_images)), on_activity
    )
    train_score = metric.value(predict(engine, images, on_rows=count, rows=rows), labels[rows])
    history = _history(job, spec, curves, train_score, checkpoints, batch=batch, steps=steps)
    test_probs = predict(engine, test_images, on_rows=count)
    result = MemberResult(val_rows, val_probs, test_probs, history)
    if views:
        result = replace(
            result,
            val_probs_tta=predict_views(engine, images, val_probs, views, count, rows=val_rows),
            test_probs_tta=predict_views(engine, test_images, test_probs, views, count),
        )
    on_activity("storing", 0, 0.0)
    return replace(result, network=_saved(network, spec, job))


def _orders(rows: NDArray[np.int64], batch: int, epochs: int, seed: int) -> Iterator[NDArray[np.int32]]:
    """Yield the shuffled rows of each epoch, (steps, batch)."""
    shuffle = np.random.default_rng(seed)
    used = len(rows) // batch * batch
    for _ in range(epochs):
        # The rows beyond the last whole batch are left out; they change from epoch to epoch.
        yield shuffle.permutation(rows)[:used].reshape(-1, batch).astype(np.int32)


def _predict(
    job: Job,
    engine: Engine,
    images: NDArray[np.uint8],
    averaging: Callable[[], AbstractContextManager[None]],
    rows: NDArray[np.int64],
    *,
    on_rows: OnRows = lambda _: None,
) -> NDArray[np.float32]:
    """Return the predictions of rows, within the block that sets the averaged weights."""
    if not len(rows):
        return np.empty((0, job.classes), np.float32)
    with averaging():
        return predict(engine, images, on_rows=on_rows, rows=rows)


def _history(
    job: Job,
    spec: Network,
    curves: Curves,
    train_score: float,
    checkpoints: Checkpoints,
    *,
    batch: int,
    steps: int,
) -> History:
    size = cost(spec, job.shape, job.classes)
    seconds, starts = list(enumerate(curves.seconds)), checkpoints.starts
    usual = float(np.median([one for epoch, one in seconds if epoch not in starts] or [math.inf]))
    return History(
        epochs=curves,
        metric=job.metric,
        train_score=train_score,
        seconds=checkpoints.earlier_seconds,
        # The first epoch of a worker includes tracing and compiling.
        tracing_seconds=sum(max(0.0, one - usual) for epoch, one in seconds if epoch in starts),
        parameters=size.parameters,
        multiply_adds=size.multiply_adds,
        steps=steps * spec.epochs,
        batch_size=batch,
        seed_offset=job.seed_offset,
    )


def _policy(job: Job) -> str:
    return "mixed_bfloat16" if job.precision == "bfloat16" else "float32"


def _saved(network: keras.Model, spec: Network, job: Job) -> bytes:
    """Return the .keras file of a model from images to probabilities, in the run's precision.

    It has Keras's own layers alone, so that it loads without kit, on any backend.
    """
    plain = build_network(spec, job.shape, job.classes, Layers(_policy(job)))
    plain.set_weights(network.get_weights())
    model = standalone(plain, deskewing=spec.deskew)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.keras"
        model.save(path)
        return for_older_keras(path.read_bytes())
