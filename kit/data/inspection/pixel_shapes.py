"""The shape of images in CSV files, from the number, the names and the values of their pixels."""

import math
import re
from collections.abc import Sequence

from kit.data.inspection.clues import Clues
from kit.data.inspection.findings import Choice, Question, Setting

Shape = tuple[int, int, int]
"""Height, width, channels."""
_NARROWEST, _LONGEST = 7, 4
"""Least height and width, and largest ratio of the two, of an image that is no square."""


def shape_of(pixels: Sequence[str]) -> Shape | None:
    """Return the shape that number and names of pixels state; None if they state none.

    Names with two or three numbers, as in 1x1 or p_0_0_2, contain row, column and channel. Else the image is
    a square: grey or RGB, or with a channel for each of three or four families of names.
    """
    numbers = [re.findall(r"\d+", one) for one in pixels]
    if {len(one) for one in numbers} in ({2}, {3}):
        extents = [len({*one}) for one in zip(*numbers, strict=True)]
        if len(extents) == 3 and extents[0] <= 4 < extents[2]:  # the channel first, as in c0_27_27
            extents = [*extents[1:], extents[0]]
        if math.prod(extents) == len(pixels) and min(extents[:2]) > 1:
            return extents[0], extents[1], extents[2] if len(extents) == 3 else 1
    families = len({pattern(one) for one in pixels})
    for channels in (families,) if families in {3, 4} else (1, 3):
        side = math.isqrt(len(pixels) // channels)
        if side and side * side * channels == len(pixels):
            return side, side, channels
    return None


def likely_shapes(images: Sequence[Sequence[int]]) -> tuple[Shape, ...]:
    """Return the shapes that grey images which are no squares can have, the most likely first.

    In the most likely one, pixels below each other differ least.

    Args:
        images: (rows, pixels), of a few images.
    """
    pixels = len(images[0]) if images else 0
    widths = [
        width
        for width in range(_NARROWEST, pixels // _NARROWEST + 1)
        if pixels % width == 0 and width * width <= _LONGEST * pixels <= (_LONGEST * width) ** 2
    ]
    return tuple((pixels // width, width, 1) for width in sorted(widths, key=lambda one: _step(images, one)))


def setting(shapes: Sequence[Shape], clues: Clues) -> Setting:
    """Return the key `image_shape`; with several possible shapes, kit asks."""
    key = "competition.image_shape"
    if len(shapes) == 1:
        return Setting(key, shapes[0])
    choices = tuple(Choice(f"{high}x{wide}", f"{high} high, {wide} wide") for high, wide, _ in shapes)
    question = Question("Which height and width have the images?", choices)
    answer = clues.ask(question)
    if answer is None:
        others = ", or ".join(str([*shape]) for shape in shapes[1:])
        comment = "or [height, width, channels] of another size"
        return Setting(key, shapes[0], f"a guess: {others or comment}?")
    return Setting(key, next(shape for shape, one in zip(shapes, choices, strict=True) if one.word == answer))


def is_channel_first(pixels: Sequence[str]) -> bool:
    """Return whether one channel comes after the other, as in r0, r1, …, g0, … or c0_0_0, c0_0_1, c0_0_2."""
    if len({pattern(one) for one in pixels}) > 1:
        return pattern(pixels[0]) == pattern(pixels[1])
    numbers = [re.findall(r"\d+", one) for one in pixels]
    return len(numbers[0]) == 3 and len({one[0] for one in numbers}) < len({one[2] for one in numbers})


def pattern(column: str) -> str:
    """Return the name of a column without its numbers: pixel columns of one family have the same."""
    return re.sub(r"\d+", "#", column)


def _step(images: Sequence[Sequence[int]], width: int) -> float:
    """Return the mean difference of pixels that are below each other in images of this width."""
    steps = [
        abs(upper - lower) for image in images for upper, lower in zip(image, image[width:], strict=False)
    ]
    return sum(steps) / len(steps)
