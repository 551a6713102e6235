"""Train one network of one member."""

import math
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from kit import metrics
from kit.config import Cnn, Training
from kit.errors import KitError
from kit.members import MemberResult
from kit.models.augmentation import VIEWS, RandomWarp, deskew, view
from kit.models.cnn import build_cnn
from kit.models.cost import cost
from kit.training.engines import make_engine
from kit.training.engines.base import Engine, TrainingState
from kit.training.job import Job
from kit.training.muon import TURN, KernelMuon
from kit.training.schedules import learning_rates
from kit.training.targets import make_training_set

# Rows in one step of prediction: larger ones gain nothing on a CPU, smaller ones lose on a GPU.
PREDICTION_BATCH = 1000

CURVES = ("loss", "accuracy", "val_loss", "val_accuracy", "seconds")
"""What the history holds of each epoch; `seconds` are those of training alone. Without held-out rows, as with
ALL_ROWS, `val_loss` and `val_accuracy` are NaN."""

OnEpoch = Callable[[int, float, float], None]


class StepRates(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]  # Keras ships no types
    """A learning rate read from a table, (steps,) float32."""

    def __init__(self, rates: NDArray[np.float32]) -> None:
        self.rates = ops.convert_to_tensor(rates)

    def __call__(self, step: Any) -> Any:
        """Return the rate of a step, counted from 0."""
        return ops.take(self.rates, ops.cast(step, "int32"))


def train_network(
    job: Job,
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    test_images: NDArray[np.uint8],
    on_epoch: OnEpoch,
) -> MemberResult:
    """Train `job`'s network on the rows it may see, and on what its teachers say; the last epoch counts.

    Args:
        job: what to train.
        images: all training rows (rows, height, width, channels); held-out ones serve the history alone.
        labels: (rows,).
        test_images: (test rows, height, width, channels).
        on_epoch: called with epoch (from 1), loss and accuracy on held-out rows (NaN where there are none).

    Raises:
        KitError: the loss is no longer a number.
    """
    spec = job.model
    if not isinstance(spec, Cnn):
        raise TypeError(f"{job.member}: a {spec.kind} is no network")
    if spec.deskew:
        images, test_images = deskew(images), deskew(test_images)
    rows, val_rows = np.flatnonzero(~job.held_out), np.flatnonzero(job.held_out)
    # A process trains one network after another: each starts as the first does.
    keras.utils.clear_session()
    keras.utils.set_random_seed(job.random_seed)
    shuffle = np.random.default_rng(job.random_seed)
    training_set = make_training_set(job, images, labels, test_images, spec.training.label_smoothing)
    batch = min(spec.training.batch_size, len(training_set.rows))
    steps = len(training_set.rows) // batch
    network = _build(job, spec)
    optimizer = make_optimizer(spec.training, learning_rates(spec.training, steps))
    optimizer.build(network.trainable_variables)
    image = keras.Input(job.shape, dtype="uint8")
    model = keras.Model(image, network(RandomWarp(spec.augmentation, job.random_seed)(image)))
    engine = make_engine(TrainingState(model, optimizer, training_set.images, training_set.targets))
    curves: dict[str, list[float]] = {name: [] for name in CURVES}
    val_probs, val_loss, val_accuracy = np.empty((0, job.classes), np.float32), math.nan, math.nan
    for epoch in range(spec.training.epochs):
        started = time.perf_counter()
        # The rows left over by the last whole batch change from epoch to epoch.
        order = shuffle.permutation(training_set.rows)[: steps * batch].reshape(steps, batch).astype(np.int32)
        loss, accuracy = engine.epoch(order)
        if not np.isfinite(loss):
            raise KitError(
                f"it diverged in epoch {epoch + 1}: the loss is {loss}",
                hint="lower training.learning_rate, or set training.precision=float32",
            )
        seconds = time.perf_counter() - started
        if len(val_rows):
            with averaged(optimizer, network, spec.training):
                val_probs = predict(engine, images[val_rows])
            val_loss = metrics.log_loss(val_probs, labels[val_rows])
            val_accuracy = metrics.accuracy(val_probs, labels[val_rows])
        for name, value in zip(CURVES, (loss, accuracy, val_loss, val_accuracy, seconds), strict=True):
            curves[name].append(value)
        on_epoch(epoch + 1, val_loss, val_accuracy)
    if spec.training.ema:
        optimizer.finalize_variable_values(network.trainable_variables)
    size = cost(spec, job.shape, job.classes)
    history = {
        "epochs": curves,
        "train_accuracy": metrics.accuracy(predict(engine, images[rows]), labels[rows]),
        # The first epoch includes tracing and compiling.
        "tracing_seconds": max(
            0.0, curves["seconds"][0] - float(np.median(curves["seconds"][1:] or [math.inf]))
        ),
        "parameters": size.parameters,
        "multiply_adds": size.multiply_adds,
        "steps": steps * spec.training.epochs,
        "batch_size": batch,
    }
    test_probs = predict(engine, test_images)
    result = MemberResult(val_rows, val_probs, test_probs, history, _saved(network, spec, job))
    if not spec.augmentation.tta:
        return result
    return replace(
        result,
        val_probs_tta=predict_views(engine, images[val_rows], val_probs),
        test_probs_tta=predict_views(engine, test_images, test_probs),
    )


def predict_views(
    engine: Engine, images: NDArray[np.uint8], plain: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the mean over the views of test-time augmentation, (rows, classes), maybe of no rows.

    Args:
        engine: what predicts.
        images: (rows, height, width, channels).
        plain: what it predicts of the images as they are, the first of the views.
    """
    if not len(images):
        return plain
    views = [plain, *(predict(engine, images, change) for change in VIEWS)]
    return np.asarray(np.mean(views, axis=0, dtype=np.float64), np.float32)


def predict(
    engine: Engine, images: NDArray[np.uint8], change: Mapping[str, float] | None = None
) -> NDArray[np.float32]:
    """Return class probabilities (rows, classes) of (rows, height, width, channels), after any change."""
    batch = min(PREDICTION_BATCH, len(images))
    parts = []
    for start in range(0, len(images), batch):
        # Every batch has one size (the last reaches back), so that the step is compiled once.
        first = min(start, len(images) - batch)
        part = images[first : first + batch]
        parts.append(engine.logits(view(part, change) if change else part)[start - first :])
    logits = np.concatenate(parts).astype(np.float64)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)


def make_optimizer(training: Training, rates: NDArray[np.float32]) -> keras.optimizers.Optimizer:
    """Return the optimiser that `training` names, with a rate for each step."""
    common: dict[str, Any] = {"learning_rate": StepRates(rates)}
    if training.ema:
        common |= {"use_ema": True, "ema_momentum": training.ema}
    decay = training.weight_decay or None
    match training.optimizer:
        case "adam":
            return keras.optimizers.Adam(**common)
        case "muon":
            return KernelMuon(turn=(training.relative_step or TURN) / training.learning_rate, **common)
        case "adamw":
            optimizer = keras.optimizers.AdamW(weight_decay=training.weight_decay, **common)
        case "sgd":
            optimizer = keras.optimizers.SGD(
                momentum=training.momentum, nesterov=True, weight_decay=decay, **common
            )
    if decay:
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


@contextmanager
def averaged(
    optimizer: keras.optimizers.Optimizer, network: keras.Model, training: Training
) -> Iterator[None]:
    """Put the moving average of the weights in place for the length of the block."""
    if not training.ema:
        yield
        return
    raw = [variable.numpy() for variable in network.trainable_variables]
    optimizer.finalize_variable_values(network.trainable_variables)
    yield
    for variable, value in zip(network.trainable_variables, raw, strict=True):
        variable.assign(value)


def _build(job: Job, spec: Cnn) -> keras.Model:
    policy = "mixed_bfloat16" if job.precision == "bfloat16" else "float32"
    if keras.backend.backend() != "tensorflow":
        return build_cnn(spec, job.shape, job.classes, policy=policy)
    from kit.training.engines.tensorflow import ByteDropout, FusedBatchNormalization

    return build_cnn(
        spec, job.shape, job.classes, policy=policy, batch_norm=FusedBatchNormalization, dropout=ByteDropout
    )


def _saved(network: keras.Model, spec: Cnn, job: Job) -> bytes:
    """Return the network as a plain float32 Keras model that loads without this package, on any backend."""
    plain = build_cnn(spec, job.shape, job.classes)
    plain.set_weights(network.get_weights())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.keras"
        plain.save(path)
        return path.read_bytes()
