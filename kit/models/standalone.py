"""A trained network and its preprocessing as one Keras model that loads and predicts without this package."""

import json
import zipfile
from io import BytesIO
from typing import Any

import keras
import numpy as np
from keras import layers, ops

_LATER = {"input_axes", "output_axes", "renorm", "renorm_clipping", "renorm_momentum"}
"""Settings that Keras 3.14 and 3.15 added; kit's networks have their defaults."""


def standalone(network: keras.Model, *, deskewing: bool) -> keras.Model:
    """Return a model of images (batch, height, width, channels), 0 to 255, that gives probabilities.

    It consists of Keras's own layers and operations alone, so that its file loads on any backend and in
    safe mode.

    Args:
        network: pixels to logits; scales the pixels itself.
        deskewing: whether the network was trained on deskewed images.
    """
    image = keras.Input(network.input_shape[1:], dtype="float32")
    logits = network(deskewed(image) if deskewing else image)
    return keras.Model(image, layers.Softmax(dtype="float32")(logits))


def network_of(model: keras.Model) -> keras.Model:
    """Return the network, pixels to logits, of a model that `standalone` returned.

    Runs of the first version of kit store the network itself, which is returned unchanged.
    """
    if not isinstance(model.layers[-1], layers.Softmax):
        return model
    [network] = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    return network


def for_older_keras(file: bytes) -> bytes:
    """Return a .keras file that Keras 3.13 reads too, as in Kaggle's image: it refuses unknown settings."""
    written = BytesIO()
    with zipfile.ZipFile(BytesIO(file)) as source, zipfile.ZipFile(written, "w") as target:
        for entry in source.infolist():
            content = source.read(entry)
            if entry.filename == "config.json":
                content = json.dumps(json.loads(content, object_hook=_without_later)).encode()
            target.writestr(entry, content)
    return written.getvalue()


def _without_later(settings: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if key not in _LATER}


def deskewed(image: Any) -> Any:
    """Return what `kit.models.augmentation.deskew` returns, as operations on a symbolic tensor.

    The slant is computed in float32 instead of float64 (JAX has no other by default). Of 10,000 digits, 33
    differ from `deskew` in some pixels, by one grey level.

    Args:
        image: (batch, height, width, channels) float32, 0 to 255.
    """
    _, height, width, channels = image.shape
    # Distances from the centre, which broadcast over the image.
    middle = (width - 1) / 2
    rows = np.reshape(np.arange(height, dtype=np.float32) - (height - 1) / 2, (1, height, 1, 1))
    columns = np.reshape(np.arange(width, dtype=np.float32) - middle, (1, 1, width, 1))

    def total(value: Any) -> Any:
        return ops.sum(value, axis=(1, 2), keepdims=True)

    ink = ops.sum(image, axis=-1, keepdims=True) if channels > 1 else image
    mass = ops.maximum(total(ink), 1.0)
    down = ops.subtract(rows, total(ink * rows) / mass)
    right = ops.subtract(columns, total(ink * columns) / mass)
    variance = total(ink * down * down)
    # An image without ink, or with ink in one row, has no slant: its covariance is 0 too.
    slope = total(ink * down * right) / ops.maximum(variance, 1e-6)
    shear = -ops.arctan(ops.clip(slope, -1.0, 1.0))
    # Each row is read at shifted columns; a frame of zeros makes both neighbours of each column exist.
    # Not as a sum: Keras 3.15 under TensorFlow takes an addend of shape (1, 1, width, 1) for a bias of rows.
    source = ops.clip(ops.subtract(columns, ops.tan(shear) * rows) + middle, -1.0, float(width))
    first = ops.floor(source)
    index = ops.cast(first, "int32") + 1
    framed = ops.pad(image, ((0, 0), (0, 0), (1, 2), (0, 0)))
    one, other = (ops.take_along_axis(framed, place, axis=2) for place in (index, index + 1))
    return ops.round(one + (other - one) * (source - first))
