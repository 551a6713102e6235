"""The plain Keras script that people write: float32, `model.fit`, batch 64, Keras's augmentation layers.

`python -m tests.benchmarks.plain_keras CONFIG FOLDER EPOCHS` prints the seconds of each epoch.
"""

import json
import sys
import time
from pathlib import Path

import keras
import numpy as np
from keras import layers

from kit.config import Augmentation, Cnn, load
from kit.models.cnn import build_cnn


class Clock(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
    """Notes the seconds of each epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:  # noqa: ARG002 - Keras's signature
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:  # noqa: ARG002 - Keras's signature
        self.seconds.append(time.perf_counter() - self.started)


def augmentation(ranges: Augmentation) -> list[layers.Layer]:
    found = []
    if ranges.rotation:
        found.append(layers.RandomRotation(ranges.rotation / 360, fill_mode="constant"))
    if ranges.shift:
        found.append(layers.RandomTranslation(ranges.shift, ranges.shift, fill_mode="constant"))
    if ranges.zoom:
        found.append(layers.RandomZoom(ranges.zoom, fill_mode="constant"))
    if ranges.shear:
        found.append(layers.RandomShear(float(np.tan(np.deg2rad(ranges.shear))), fill_mode="constant"))
    return found


def main(config: str, folder: Path, epochs: int) -> None:
    images, labels = (np.load(folder / f"train_{name}.npy") for name in ("images", "labels"))
    spec = load(config).models["cnn"]
    if not isinstance(spec, Cnn):
        raise TypeError(config)
    model = keras.Sequential([*augmentation(spec.augmentation), build_cnn(spec, images.shape[1:], 10)])
    model.compile(
        optimizer="adam",
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    clock = Clock()
    model.fit(
        images.astype("float32"),
        labels,
        batch_size=64,
        epochs=epochs,
        callbacks=[clock],
        verbose=0,
    )
    print(json.dumps(clock.seconds))  # noqa: T201 - what the parent reads


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
