"""Random affine changes of training images, as one layer inside the training step."""

from typing import Any

import keras
import numpy as np
from keras import ops

from kit.config import Augmentation


class RandomAffine(keras.layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """Rotate, shear, zoom and shift each image of a batch for itself; leave it alone at evaluation.

    The changes are composed into one coordinate grid an image, which is sampled once (bilinear, outside is
    0), so that an image is blurred once only. Always float32: under bfloat16 a coordinate near 28 is off by
    up to 1/16 pixel.

    Input (batch, height, width, 1) of any number type; output the same shape, float32, on the same scale.

    Args:
        ranges: how far each parameter may go.
        seed: of the draws.
    """

    def __init__(self, ranges: Augmentation, seed: int, **kwargs: Any) -> None:
        super().__init__(dtype="float32", **kwargs)
        self.ranges = ranges
        self.random = keras.random.SeedGenerator(seed)

    def draw(self, batch: Any) -> dict[str, Any]:
        """Draw one value an image, (batch,) float32 each: radians (two), factor, pixels down and right."""
        # One call for all: a random operation costs more to start than to fill.
        unit = keras.random.uniform((5, batch), -1.0, 1.0, dtype="float32", seed=self.random)
        return {
            "rotation": unit[0] * float(np.deg2rad(self.ranges.rotation)),
            "shear": unit[1] * float(np.deg2rad(self.ranges.shear)),
            "zoom": 1.0 + unit[2] * self.ranges.zoom,
            "down": unit[3] * (self.ranges.shift * self.height),
            "right": unit[4] * (self.ranges.shift * self.width),
        }

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Lay out the pixels' coordinates around the image's centre."""
        self.height, self.width = int(input_shape[1] or 0), int(input_shape[2] or 0)
        rows, columns = np.indices((self.height, self.width), dtype="float32").reshape(2, 1, -1)
        self.rows, self.columns = rows - (self.height - 1) / 2, columns - (self.width - 1) / 2
        self.built = True

    def call(self, images: Any, training: bool = False) -> Any:
        """Return changed images while training, the same images otherwise."""
        images = ops.cast(images, "float32")
        if not training or not any(self.ranges.model_dump().values()):
            return images
        rows, columns = self.source(self.draw(ops.shape(images)[0]))
        return self.sample(images, rows, columns)

    def source(self, drawn: dict[str, Any]) -> tuple[Any, Any]:
        """Return where each pixel comes from, (batch, height * width) float32 rows and columns.

        An image point p goes to zoom · rotation (clockwise) · shear · p + shift around the centre; a pixel
        looks the way back. A displacement field (elastic distortion) would be added to what is returned.

        Args:
            drawn: as `draw` gives it.
        """
        value = {name: ops.expand_dims(values, -1) for name, values in drawn.items()}
        cos, sin = ops.cos(value["rotation"]) / value["zoom"], ops.sin(value["rotation"]) / value["zoom"]
        down, right = ops.subtract(self.rows, value["down"]), ops.subtract(self.columns, value["right"])
        rows = cos * down - sin * right
        columns = sin * down + cos * right - ops.tan(value["shear"]) * rows
        return rows + (self.height - 1) / 2, columns + (self.width - 1) / 2

    def sample(self, images: Any, rows: Any, columns: Any) -> Any:
        """Return float32 images (batch, height, width, 1) read at `source`'s coordinates, bilinear."""
        height, width = self.height, self.width
        # A frame of zeros (one pixel before, two behind) makes every neighbour of a clipped coordinate exist.
        framed = ops.pad(images, ((0, 0), (1, 2), (1, 2), (0, 0)))
        flat, stride, area = ops.reshape(framed, (-1,)), width + 3, (height + 3) * (width + 3)
        rows, columns = ops.clip(rows, -1.0, height), ops.clip(columns, -1.0, width)
        top, left = ops.floor(rows), ops.floor(columns)
        first = ops.expand_dims(ops.arange(ops.shape(images)[0], dtype="int32") * area, -1)
        corner = first + (ops.cast(top, "int32") + 1) * stride + ops.cast(left, "int32") + 1
        across, down = columns - left, rows - top

        def line(start: Any) -> Any:
            one, other = ops.take(flat, start), ops.take(flat, start + 1)
            return one + (other - one) * across

        above, below = line(corner), line(corner + stride)
        return ops.reshape(above + (below - above) * down, (-1, height, width, 1))
