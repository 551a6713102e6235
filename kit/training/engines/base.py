"""The interface of a training loop, which compiles a whole epoch differently per backend."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray


@dataclass
class TrainingState:
    """A network in training.

    Attributes:
        model: uint8 images (batch, height, width, channels) to logits; includes augmentation in training.
        optimizer: built, with its schedule.
        images: (rows, height, width, channels) uint8.
        targets: (rows, classes) float32 target probabilities.
    """

    model: keras.Model
    optimizer: keras.optimizers.Optimizer
    images: NDArray[np.uint8]
    targets: NDArray[np.float32]

    def loss(self, logits: Any, targets: Any) -> Any:
        """Return the mean cross-entropy of a batch."""
        return ops.mean(ops.categorical_crossentropy(targets, logits, from_logits=True))


def batch_accuracy(logits: Any, targets: Any) -> Any:
    """Return the share of a batch whose most probable class is that of the targets, float32."""
    return ops.mean(ops.cast(ops.equal(ops.argmax(logits, axis=-1), ops.argmax(targets, axis=-1)), "float32"))


REPORT_SECONDS = 1.0
"""Time between two reports within an epoch."""
GROWTH = 8
"""How many times as long as the part before it a part may be: the first step takes seconds to compile."""


class Pace:
    """Divides epochs into parts of about REPORT_SECONDS, whose length follows the measured speed."""

    def __init__(self) -> None:
        self._size = 1

    def parts(self, steps: int) -> Iterator[tuple[int, int]]:
        """Yield the first step of each part and the step after its last; each is timed until the next one."""
        stop = 0
        while stop < steps:
            first, stop = stop, min(steps, stop + self._size)
            started = time.perf_counter()
            yield first, stop
            speed = (stop - first) / max(time.perf_counter() - started, 1e-6)
            self._size = max(1, min(GROWTH * self._size, int(speed * REPORT_SECONDS)))


class Engine(Protocol):
    """The training loop of one backend."""

    def epoch(self, order: NDArray[np.int32], on_steps: Callable[[int], None]) -> tuple[float, float]:
        """Train on `order`; return mean loss (with L2) and accuracy.

        Args:
            order: (steps, batch), indices of images.
            on_steps: called about once a second with the number of finished steps, and at the end.
        """

    def logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return (batch, classes) for (batch, height, width, channels), without augmentation and dropout."""
