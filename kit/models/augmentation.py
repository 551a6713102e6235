"""Transformations of images: random ones in the training step, fixed ones at test time, deskew."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from kit.config import Augmentation
from kit.models.colour import recoloured, with_hole


class Transform(NamedTuple):
    """One transformation per image: tensors (batch,) float32.

    Attributes:
        rotation, shear: radians.
        zoom: factor.
        down, right: shift in pixels.
        bend: (2, batch, height * width) float32, the displacement of each pixel, down and right, in pixels.
    """

    rotation: Any
    shear: Any
    zoom: Any
    down: Any
    right: Any
    bend: Any = (0.0, 0.0)


class RandomWarp(keras.layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """Change each image of a batch independently and at random; identity at evaluation.

    Rotation, shear, zoom, shift, distortion, flip and crop are composed into one coordinate grid per image,
    which is sampled once (bilinear), so that an image is blurred only once. Changes of colour and cut-out
    follow. Always float32: under bfloat16 a coordinate near 28 is off by up to 1/16 pixel.

    Input (batch, height, width, channels) of any number type; output of the same shape and scale, float32.

    Args:
        ranges: range of each parameter.
        seed: of the random draws.
    """

    def __init__(self, ranges: Augmentation, seed: int, **kwargs: Any) -> None:
        super().__init__(dtype="float32", **kwargs)
        self.ranges = ranges
        self.random = keras.random.SeedGenerator(seed)

    def draw(self, batch: Any) -> Transform:
        """Draw one transformation per image of a batch of this size."""
        # One call for all: the start of a random operation costs more than the numbers.
        unit = self._uniform(5, batch)
        drawn = Transform(
            rotation=unit[0] * float(np.deg2rad(self.ranges.rotation)),
            shear=unit[1] * float(np.deg2rad(self.ranges.shear)),
            zoom=1.0 + unit[2] * self.ranges.zoom,
            down=unit[3] * (self.ranges.shift * self.height),
            right=unit[4] * (self.ranges.shift * self.width),
        )
        return drawn._replace(bend=self._bend(batch)) if self.ranges.elastic else drawn

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the coordinates of the pixels relative to the centre of the image."""
        self.height, self.width = int(input_shape[1] or 0), int(input_shape[2] or 0)
        rows, columns = np.indices((self.height, self.width), dtype="float32").reshape(2, 1, -1)
        self.rows, self.columns = rows - (self.height - 1) / 2, columns - (self.width - 1) / 2
        self.smoothing = [_smoothing(size, self.ranges.elastic_scale) for size in (self.height, self.width)]
        self.built = True

    def call(self, images: Any, training: bool = False) -> Any:
        """Return transformed images in training, the same images otherwise."""
        images = ops.cast(images, "float32")
        if not training:
            return images
        batch, ranges = ops.shape(images)[0], self.ranges
        if ranges.moves:
            rows, columns = self.source(self.draw(batch))
            if ranges.flip != "none" or ranges.crop:
                rows, columns = self.flipped(rows, columns, self._uniform(4, batch))
            images = self.sample(images, rows, columns)
        if ranges.brightness or ranges.contrast or ranges.saturation:
            images = recoloured(images, ranges, self._uniform(3, batch))
        return with_hole(images, ranges.cutout, self._uniform(2, batch)) if ranges.cutout else images

    def _uniform(self, count: int, batch: Any) -> Any:
        return keras.random.uniform((count, batch), -1.0, 1.0, dtype="float32", seed=self.random)

    def source(self, transform: Transform) -> tuple[Any, Any]:
        """Return the source coordinates of each pixel, (batch, height * width) float32 rows and columns.

        A point p moves to zoom · rotation (clockwise) · shear · p + shift, relative to the centre; the source
        of a pixel is the inverse. Elastic distortion displaces the source.

        Args:
            transform: of each image.
        """
        rotation, shear, zoom, down, right = (ops.expand_dims(one, -1) for one in transform[:5])
        cos, sin = ops.cos(rotation) / zoom, ops.sin(rotation) / zoom
        down, right = ops.subtract(self.rows, down), ops.subtract(self.columns, right)
        rows = cos * down - sin * right
        columns = sin * down + cos * right - ops.tan(shear) * rows
        bend = transform.bend
        return rows + (self.height - 1) / 2 + bend[0], columns + (self.width - 1) / 2 + bend[1]

    def flipped(self, rows: Any, columns: Any, unit: Any) -> tuple[Any, Any]:
        """Return the source coordinates in images that are mirrored, and then cropped, before all else.

        Args:
            rows: (batch, height * width), as `source` returns them.
            columns: the same.
            unit: (4, batch) float32, uniform from -1 to 1.
        """
        down, right, upside_down, mirrored = (ops.expand_dims(unit[place], -1) for place in range(4))
        rows = rows + ops.round(down * (self.ranges.crop * self.height))
        columns = columns + ops.round(right * (self.ranges.crop * self.width))
        if self.ranges.flip == "both":
            rows = ops.where(upside_down < 0, self.height - 1 - rows, rows)
        if self.ranges.flip != "none":
            columns = ops.where(mirrored < 0, self.width - 1 - columns, columns)
        return rows, columns

    def sample(self, images: Any, rows: Any, columns: Any) -> Any:
        """Return float32 images (batch, height, width, channels) read at `source`'s coordinates, bilinear."""
        height, width, channels = self.height, self.width, images.shape[-1]
        # With a border of zeros (one pixel before, two after), each clipped coordinate has four neighbours.
        framed = ops.pad(images, ((0, 0), (1, 2), (1, 2), (0, 0)))
        flat, stride, area = ops.reshape(framed, (-1, channels)), width + 3, (height + 3) * (width + 3)
        rows, columns = self._filled(rows, height), self._filled(columns, width)
        top, left = ops.floor(rows), ops.floor(columns)
        first = ops.expand_dims(ops.arange(ops.shape(images)[0], dtype="int32") * area, -1)
        corner = first + (ops.cast(top, "int32") + 1) * stride + ops.cast(left, "int32") + 1
        across, down = ops.expand_dims(columns - left, -1), ops.expand_dims(rows - top, -1)

        def line(start: Any) -> Any:
            one, other = ops.take(flat, start, axis=0), ops.take(flat, start + 1, axis=0)
            return one + (other - one) * across

        above, below = line(corner), line(corner + stride)
        return ops.reshape(above + (below - above) * down, (-1, height, width, channels))

    def _filled(self, place: Any, size: int) -> Any:
        """Return the coordinates that are read along one axis; those outside, at -1 or `size`, are black."""
        if self.ranges.fill == "edge":
            return ops.clip(place, 0.0, size - 1)
        if self.ranges.fill == "reflect":
            # A triangle wave with a period of two images; the pixels at the edge are not repeated.
            last = max(1, size - 1)
            return last - ops.abs(last - ops.mod(place, 2 * last))
        return ops.clip(place, -1.0, size)

    def _bend(self, batch: Any) -> Any:
        """Return smooth random displacements, independent across images and directions.

        P. Simard, D. Steinkraus and J. Platt (2003), Best practices for convolutional neural networks applied
        to visual document analysis: random displacements smoothed by a Gaussian. Here the noise is drawn on a
        grid with a spacing of one standard deviation instead of on every pixel (a tenth of the random numbers
        at 4 pixels), and the standard deviation is `elastic` pixels everywhere, also at the edge.
        """
        down, right = self.smoothing
        noise = keras.random.normal(
            (2, batch, down.shape[1], right.shape[1]), dtype="float32", seed=self.random
        )
        # Of equal shape: under TensorFlow 2.20 and 2.21 with oneDNN, other matmuls access memory that is not
        # theirs (tensorflow#117700), which gives wrong displacements or a crash.
        left, across = (ops.broadcast_to(one, (2, batch, *one.shape)) for one in (down, right.T))
        field = ops.matmul(ops.matmul(left, noise), across)
        return ops.reshape(field, (2, -1, self.height * self.width)) * self.ranges.elastic


VIEWS: tuple[dict[str, float], ...] = (
    {"down": 1.0},
    {"down": -1.0},
    {"right": 1.0},
    {"right": -1.0},
    {"rotation": float(np.deg2rad(8))},
    {"rotation": -float(np.deg2rad(8))},
)
"""Views of test-time augmentation beside the image itself, in the units of `RandomWarp.draw`."""
MIRROR: dict[str, float] = {"mirror": 1.0}
"""The view that mirrors an image left to right."""


def views_of(augmentation: Augmentation) -> tuple[dict[str, float], ...]:
    """Return the views of test-time augmentation beside the image itself; none without it."""
    if not augmentation.tta:
        return ()
    return VIEWS if augmentation.flip == "none" else (MIRROR,)


def view(images: NDArray[np.uint8], change: Mapping[str, float | NDArray[np.floating]]) -> NDArray[np.uint8]:
    """Return transformed images, rounded to uint8.

    Args:
        images: (rows, height, width, channels).
        change: one of VIEWS or MIRROR, or the same keys as in VIEWS with (rows,) values, one per image.
    """
    if change == MIRROR:
        return np.ascontiguousarray(images[:, :, ::-1])
    warp = RandomWarp(Augmentation(), seed=0)
    warp.build((None, *images.shape[1:]))
    still = {"rotation": 0.0, "shear": 0.0, "zoom": 1.0, "down": 0.0, "right": 0.0}
    values = {name: ops.cast(np.reshape(value, -1), "float32") for name, value in {**still, **change}.items()}
    grid = warp.source(Transform(**values))
    changed = warp.sample(ops.cast(images, "float32"), *grid)
    # As uint8, so that the compiled prediction step serves all views.
    return np.asarray(np.rint(ops.convert_to_numpy(changed)), np.uint8)


def deskew(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return deskewed images: each is sheared horizontally until column and row of its ink are uncorrelated.

    The slant is the least-squares slope of the ink's column on its row, at most 45 degrees: Y. LeCun et al.
    (1998), Gradient-based learning applied to document recognition. `kit.models.standalone.deskewed` is the
    same as a graph of Keras operations.

    Args:
        images: (rows, height, width, channels).
    """
    deskewed = np.empty(images.shape, np.uint8)
    # In parts: the coordinates of 42,000 images do not fit in memory.
    for start in range(0, len(images), 1000):
        part = images[start : start + 1000]
        deskewed[start : start + 1000] = view(part, {"shear": -_slant(part)})
    return deskewed


def _slant(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the slant of each image in radians, (rows,); 0 without ink."""
    ink = images.sum(axis=-1, dtype=np.float64)
    rows, columns = np.indices(images.shape[1:3], dtype=np.float64)
    mass = np.maximum(ink.sum(axis=(1, 2), keepdims=True), 1)
    down, right = (place - (ink * place).sum(axis=(1, 2), keepdims=True) / mass for place in (rows, columns))
    covariance, variance = (ink * down * right).sum(axis=(1, 2)), (ink * down**2).sum(axis=(1, 2))
    slope = np.divide(covariance, variance, out=np.zeros(len(images)), where=variance > 0)
    return np.asarray(np.arctan(np.clip(slope, -1, 1)))


def _smoothing(size: int, scale: float) -> NDArray[np.float32]:
    """Return (size, knots) float32: a Gaussian of `scale` pixels around each pixel, each row of norm 1.

    Knots are `scale` pixels apart, three beyond each edge; rows of norm 1 keep the variance of the noise.
    """
    knots = np.arange(-3.0, size / scale + 3) * scale
    weights = np.exp(-((np.arange(size)[:, None] - knots) ** 2) / (2 * scale**2))
    return np.asarray(weights / np.linalg.norm(weights, axis=1, keepdims=True), np.float32)
