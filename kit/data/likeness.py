"""Whether single new images look like the training images: polarity, contrast, background, size, content.

A network answers any image with probabilities. They mean little for one that differs from all training
images, as a photographed digit, dark on light, differs from MNIST's.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kit.data.shift import FEWEST, INVERTED, LEAST, REFERENCES, SCALED, Nearest

Images = NDArray[np.uint8]

BRIGHTER = 24
"""Grey levels: a background counts as another one if it differs so much from the training images'."""
PLAIN = 16
"""Grey levels: training images have a plain background if 98 % of their borders vary less than this."""
INK = 64
"""Grey levels: a pixel counts as drawn if it differs so much from a plain background."""
LARGER = 1.2
"""A drawing counts as too large or small beyond this factor outside the training images' range."""
FARTHER = 1.5
"""An image counts as unlike at this many times the distance of 99 % of the training images to others."""


@dataclass(frozen=True, eq=False)
class Reference:
    """Training images, for comparison.

    Attributes:
        images: (rows, height, width, channels), at least FEWEST.
    """

    images: Images

    @classmethod
    def of(cls, images: Images) -> "Reference | None":
        """Return a sample of training images; None if there are too few, or if they are too small."""
        if len(images) < FEWEST or images[0].size < LEAST:
            return None
        rows = np.random.default_rng(0).permutation(len(images))[: 2 * REFERENCES]
        return cls(np.ascontiguousarray(images[np.sort(rows)]))

    def warnings(self, images: Images) -> list[str]:
        """Return for each image, (rows, height, width, channels), what differs most, or an empty text."""
        background = _background(images)
        measured = zip(
            _contrast(images).tolist(),
            background.tolist(),
            _extent(images, background).tolist(),
            self._nearest.distances(images).tolist(),
            self._nearest.distances(255 - images).tolist(),
            strict=True,
        )
        return [next(self._findings(*one), "") for one in measured]

    def _findings(
        self, contrast: int, background: float, drawn: float, distance: float, inverted: float
    ) -> Iterator[str]:
        if contrast == 0:
            yield "it is blank: all pixels are equal"
        if inverted < INVERTED * distance:
            yield "it looks inverted, against the training images: use --invert"
        if contrast < SCALED * self._least_contrast:
            yield (
                f"it has little contrast: {contrast} grey levels, against {self._least_contrast:.0f} or more "
                "in the training images; raise its contrast"
            )
        if self._is_plain:
            yield from self._drawing(background, drawn)
        if distance > self._farthest:
            yield "it is unlike every training image"

    def _drawing(self, background: float, drawn: float) -> Iterator[str]:
        low, high = self._backgrounds
        if not low - BRIGHTER <= background <= high + BRIGHTER:
            # As of paper in shadow: inverted, it is nearer, but not near.
            is_inverted = abs(255 - background - (low + high) / 2) < abs(background - (low + high) / 2)
            yield (
                f"its background has grey level {background:.0f}, against {_range(low, high)} in the "
                f"training images; {'use --invert, and ' * is_inverted}make the background plain"
            )
        low, high = self._extents
        if not low / LARGER <= drawn <= high * LARGER:
            yield (
                f"what is drawn takes {100 * drawn:.0f} % of the image, against "
                f"{_range(100 * low, 100 * high)} % in the training images; "
                f"{'crop it' if drawn < low else 'add a margin'}"
            )

    @cached_property
    def _nearest(self) -> Nearest:
        return Nearest(self.images[::2])

    @cached_property
    def _farthest(self) -> float:
        return FARTHER * float(np.quantile(self._nearest.distances(self.images[1::2]), 0.99))

    @cached_property
    def _least_contrast(self) -> float:
        return float(np.quantile(_contrast(self.images), 0.01))

    @cached_property
    def _backgrounds(self) -> tuple[float, float]:
        return _most(_background(self.images))

    @cached_property
    def _extents(self) -> tuple[float, float]:
        return _most(_extent(self.images, _background(self.images)))

    @cached_property
    def _is_plain(self) -> bool:
        return bool(np.quantile(_border(self.images).std(axis=1), 0.98) < PLAIN)


def _most(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the range of 98 % of some values."""
    low, high = np.quantile(values, [0.01, 0.99])
    return float(low), float(high)


def _range(low: float, high: float) -> str:
    return f"{low:.0f}" if round(low) == round(high) else f"{low:.0f} to {high:.0f}"


def _contrast(images: Images) -> NDArray[np.uint8]:
    return np.asarray(np.ptp(images.reshape(len(images), -1), axis=1))


def _border(images: Images) -> NDArray[np.float64]:
    """Return (rows, pixels): the grey level of each pixel at the edge."""
    grey = images.mean(axis=3)
    return np.concatenate([grey[:, 0], grey[:, -1], grey[:, :, 0], grey[:, :, -1]], axis=1)


def _background(images: Images) -> NDArray[np.float64]:
    return np.asarray(np.median(_border(images), axis=1))


def _extent(images: Images, background: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (rows,): the longer side of the box around what is drawn, as a share of the image's side."""
    drawn = np.abs(images.mean(axis=3) - background[:, None, None]) > INK
    sides = [drawn.any(axis=axis) for axis in (2, 1)]
    lengths = [
        (side.shape[1] - side[:, ::-1].argmax(axis=1) - side.argmax(axis=1))
        * side.any(axis=1)
        / side.shape[1]
        for side in sides
    ]
    return np.asarray(np.maximum(*lengths))
