"""The epochs of a training: a generator, so that members can be trained alone, or several as one program."""

import math
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from kit.members import MemberResult
from kit.metrics import LOSS, Metric
from kit.training.counters import EpochCounter
from kit.training.engines.base import Engine
from kit.training.failures import DivergedError
from kit.training.prediction import OnRows
from kit.training.wire import OnActivity

OnEpoch = Callable[[int, float, float], None]


@dataclass(frozen=True, eq=False)
class Epoch:
    """An epoch that is to be trained; see `Engine.epoch`."""

    engine: Engine
    order: NDArray[np.int32]
    on_steps: Callable[[int], None]


@dataclass(frozen=True)
class Trained:
    """What an epoch gave.

    Attributes:
        loss: mean loss, with L2.
        accuracy: on the training rows, with augmentation.
        seconds: how long it took.
    """

    loss: float
    accuracy: float
    seconds: float


Training = Generator[Epoch, Trained, MemberResult]
"""The training of a member: yields each epoch, receives what it gave, and returns the result."""


def run_alone(training: Training) -> MemberResult:
    """Run a training, each epoch with its own engine; return the member's result.

    Raises:
        DivergedError: it diverged.
    """
    try:
        epoch = next(training)
        while True:
            started = time.perf_counter()
            loss, accuracy = epoch.engine.epoch(epoch.order, epoch.on_steps)
            epoch = training.send(Trained(loss, accuracy, time.perf_counter() - started))
    except StopIteration as end:
        result: MemberResult = end.value
        return result


def train_epochs(
    engine: Engine,
    orders: Iterator[NDArray[np.int32]],
    predict_watched: Callable[[OnRows], NDArray[np.float32]],
    labels: NDArray[np.uint8],
    epochs: list[tuple[float, ...]],
    *,
    metric: Metric,
    on_epoch: OnEpoch,
    on_activity: OnActivity,
    on_end: Callable[[list[tuple[float, ...]]], None],
) -> Generator[Epoch, Trained, NDArray[np.float32] | None]:
    """Yield one epoch per order; return the last predictions of the watched rows, if there was an epoch.

    Each epoch is added to `epochs`: loss, accuracy, loss and score of watched rows, seconds. `on_end` then
    receives all epochs.
    """
    val_loss = val_score = math.nan
    val_probs: NDArray[np.float32] | None = None
    begun = len(epochs)
    for epoch, order in enumerate(orders, begun + 1):
        if epoch == begun + 1:
            on_activity("compiling", epoch, 0.0)
        count = EpochCounter(order, len(labels), partial(on_activity, "training", epoch))
        done = yield Epoch(engine, order, count.steps)
        if not np.isfinite(done.loss):
            raise DivergedError(
                f"it diverged in epoch {epoch}: the loss is {done.loss}",
                hint="lower training.learning_rate, or set training.precision=float32",
            )
        if len(labels):
            val_probs = predict_watched(count.predicted)
            val_loss, val_score = LOSS.value(val_probs, labels), metric.value(val_probs, labels)
        epochs.append((done.loss, done.accuracy, val_loss, val_score, done.seconds))
        on_epoch(epoch, val_loss, val_score)
        on_end(epochs)
    return val_probs
