"""Images with labels, as rows of a CSV file."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tests.miniatures.drawing import Pixels, glyph
from tests.miniatures.files import Size, drawn_classes, shown


@dataclass(frozen=True)
class Rows:
    """Images with their labels.

    Attributes:
        images: (rows, height, width[, 3]) uint8.
        labels: (rows,) integers.
    """

    images: Pixels
    labels: list[int]

    def cells(self, *, labelled: bool = True, transposed: bool = False) -> list[list[int]]:
        """Return the rows of a CSV: the label, then the pixels."""
        images = self.images.swapaxes(1, 2) if transposed else self.images
        pixels = images.reshape(len(images), -1).tolist()
        return [[label, *row] for label, row in zip(self.labels, pixels, strict=True)] if labelled else pixels


def draw_rows(
    seed: Sequence[int],
    rows: int,
    shares: Sequence[float],
    image: Callable[[np.random.Generator, int], Pixels],
) -> Rows:
    """Return images of classes in the proportion of `shares`, each drawn by `image`."""
    draw = np.random.default_rng(seed)
    labels = drawn_classes(draw, rows, shares)
    return Rows(np.stack([image(draw, shown(draw, label, len(shares))) for label in labels]), labels)


def draw_both(
    size: Size, characters: str, side: int = 28, shares: Sequence[float] | None = None
) -> tuple[Rows, Rows]:
    """Return training and test images of characters; the class is the place of the character."""

    def image(draw: np.random.Generator, kind: int) -> Pixels:
        return glyph(draw, characters[kind], side)

    shares = shares or [1] * len(characters)
    train = draw_rows([size.seed, 0], size.train, shares, image)
    return train, draw_rows([size.seed, 1], size.test, shares, image)


def numbered(labels: Sequence[object], first: int = 0) -> dict[str, str]:
    """Return the labels by the number of their row."""
    return {str(number): str(label) for number, label in enumerate(labels, start=first)}
