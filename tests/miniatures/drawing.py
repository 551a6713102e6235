"""Small pictures whose class can be seen: glyphs, shapes of a colour, leaves, spots, and scenes."""

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Pixels = NDArray[np.uint8]
GLYPHS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt"
"""The 47 characters of EMNIST, in the order of its classes."""
_STARS = ((3, 0.5), (4, 0.75), (24, 1.0), (4, 0.25), (5, 0.4), (8, 0.55))


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def glyph(draw: np.random.Generator, character: str, side: int, noise: float = 12) -> Pixels:
    """Return (side, side) a white character on black, turned and moved a little."""
    image = Image.new("L", (side, side))
    x, y = side / 2 + draw.uniform(-1, 1, 2) * side / 16
    size = round(side * draw.uniform(0.8, 0.95))
    ImageDraw.Draw(image).text((x, y), character, fill=255, font=_font(size), anchor="mm")
    turned = np.asarray(image.rotate(draw.uniform(-10, 10), Image.Resampling.BILINEAR))
    return _noisy(draw, turned, noise)


def star(kind: int, centre: tuple[float, float], radius: float, turn: float) -> list[tuple[float, float]]:
    """Return the corners of a shape: triangle, square, disc, cross, star or cog."""
    points, inner = _STARS[kind % len(_STARS)]
    corners = []
    for corner in range(2 * points):
        angle = turn + math.pi * corner / points
        length = radius * (inner if corner % 2 else 1)
        corners.append((centre[0] + length * math.sin(angle), centre[1] - length * math.cos(angle)))
    return corners


def photo(
    draw: np.random.Generator,
    kind: int,
    classes: int,
    shape: tuple[int, int],
    background: Pixels | None = None,
) -> Pixels:
    """Return (height, width, 3) a bright shape on a dark background; mirrored images show the same class.

    Each class has its own hue, which varies a little, and one of six shapes.
    """
    height, width = shape
    if background is None:
        background = np.full((height, width, 3), draw.integers(20, 70, 3), np.uint8)
    image = Image.fromarray(background)
    centre = width * draw.uniform(0.42, 0.58), height * draw.uniform(0.42, 0.58)
    corners = star(kind, centre, min(shape) * draw.uniform(0.4, 0.5), draw.uniform(-0.25, 0.25))
    hue = round(256 * (kind + draw.normal(0, 0.2)) / classes + 10) % 256
    colour = Image.new("HSV", (1, 1), (hue, 210, int(draw.integers(200, 256)))).convert("RGB")
    ImageDraw.Draw(image).polygon(corners, fill=colour.getpixel((0, 0)))
    return _noisy(draw, np.asarray(image), 12)


def leaf(draw: np.random.Generator, kind: int, side: int) -> Pixels:
    """Return (height, width) a white silhouette on black, cut to its outline as scanned leaves are."""
    image = Image.new("L", (side, side))
    corners = star(kind, (side / 2, side / 2), side * draw.uniform(0.35, 0.5), draw.uniform(-0.2, 0.2))
    narrow = 0.55 if kind >= len(_STARS) else 1.0
    uneven = draw.normal(0, side / 50, (len(corners), 2))
    outline = [
        (side / 2 + (x - side / 2) * narrow + a, y + b)
        for (x, y), (a, b) in zip(corners, uneven, strict=True)
    ]
    ImageDraw.Draw(image).polygon(outline, fill=255)
    return np.asarray(image.crop(image.getbbox()))


def spots(draw: np.random.Generator, number: int, side: int) -> Pixels:
    """Return (side, side, 3) an orange disc with about `number` dark spots."""
    image = Image.new("RGB", (side, side))
    pencil = ImageDraw.Draw(image)
    middle = side / 2
    pencil.ellipse((1, 1, side - 2, side - 2), fill=(210, 120, 50))
    for _ in range(number):
        angle, distance = draw.uniform(0, 2 * math.pi), middle * 0.75 * math.sqrt(draw.uniform())
        x, y, radius = middle + distance * math.sin(angle), middle + distance * math.cos(angle), side / 18
        pencil.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(70, 20, 10))
    return _noisy(draw, np.asarray(image), 10)


def scene(draw: np.random.Generator, shape: tuple[int, int]) -> Pixels:
    """Return (height, width, 3) a background of blurred colours; each call returns another one."""
    blocks = Image.fromarray(draw.integers(0, 140, (4, 4, 3), np.uint8))
    return np.asarray(blocks.resize(shape[::-1], Image.Resampling.BICUBIC))


def _noisy(draw: np.random.Generator, pixels: NDArray[np.uint8], noise: float) -> Pixels:
    return (pixels + draw.normal(0, noise, pixels.shape)).clip(0, 255).astype(np.uint8)
