"""New image files as arrays, as a network takes them."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageOps

from kit.config import Config, Image
from kit.data.readers.decoding import BrokenImageError, decode_file
from kit.errors import UserError

SHOWN = 5
"""Number of unreadable files that an error names."""


def read_pictures(files: Sequence[Path], config: Config, *, inverted: bool) -> NDArray[np.uint8]:
    """Return (files, height, width, channels) uint8.

    Image files are made to fit as in training. Where the competition has CSV files, which have no images of
    other shapes, they keep their proportions, and get a margin in the colour of their border.

    Args:
        files: image files.
        config: of the run.
        inverted: whether to invert the images.

    Raises:
        UserError: files are not readable images; the message describes the first and names SHOWN.
    """
    height, width, channels = config.image_shape
    if files and channels not in {1, 3}:
        what = f"the images of this competition have {channels} channels, those of image files 1 or 3"
        raise UserError(what, where=str(files[0]), expected="a CSV file")
    changes: list[Callable[[Pillow.Image], Pillow.Image]] = [ImageOps.invert] if inverted else []
    fit = config.image
    if not config.competition.has_files:
        fit = Image(size=(height, width), channels=cast("Literal[1, 3]", channels), fit="stretch")
        changes.append(partial(_with_margin, aspect=width / height))
    images = np.empty((len(files), height, width, channels), np.uint8)
    broken: list[tuple[Path, str]] = []
    for row, path in enumerate(files):
        try:
            images[row] = decode_file(path, fit, partial(_changed, changes=changes))
        except BrokenImageError as error:
            broken.append((path, str(error)))
    if broken:
        [(first, reason), *others] = broken
        more = ", ".join(str(path) for path, _ in others[: SHOWN - 1]) + ", …" * (len(others) >= SHOWN)
        raise UserError(
            "not a readable image" + (f", nor {len(others):,} more: {more}" if others else ""),
            where=str(first),
            expected="png, jpg, tif, bmp or webp",
            received=reason,
        )
    return images


def _changed(
    picture: Pillow.Image, changes: Sequence[Callable[[Pillow.Image], Pillow.Image]]
) -> Pillow.Image:
    for change in changes:
        picture = change(picture)
    return picture


def _with_margin(picture: Pillow.Image, aspect: float) -> Pillow.Image:
    """Return a picture of this aspect ratio, enlarged by a margin in the median colour of its border."""
    pixels = np.asarray(picture)
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    colour = tuple(int(value) for value in np.median(border.reshape(len(border), -1), axis=0))
    width, height = picture.size
    size = max(width, round(height * aspect)), max(height, round(width / aspect))
    enlarged = Pillow.new(picture.mode, size, colour if len(colour) > 1 else colour[0])
    enlarged.paste(picture, ((size[0] - width) // 2, (size[1] - height) // 2))
    return enlarged
