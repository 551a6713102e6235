"""The interface of a training loop, which compiles a whole epoch differently per backend."""

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


class Engine(Protocol):
    """The training loop of one backend."""

    def epoch(self, order: NDArray[np.int32]) -> tuple[float, float]:
        """Train on `order` (steps, batch), indices of images; return mean loss (with L2) and accuracy."""

    def logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return (batch, classes) for (batch, height, width, channels), without augmentation and dropout."""
