"""Single image files as arrays, as a network takes them."""

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageOps, UnidentifiedImageError

from kit.config.root import Image
from kit.errors import UserError

ENDINGS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".gif")
"""Names of image files end with one of these, in any case; others in a folder are left out."""
SHOWN = 5
"""Number of unreadable files that an error names."""
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
_UNREADABLE = (OSError, ValueError, SyntaxError, EOFError, struct.error, Pillow.DecompressionBombError)


def read_pictures(
    files: Sequence[Path], shape: tuple[int, int, int], fit: Image | None, *, inverted: bool
) -> NDArray[np.uint8]:
    """Return (files, height, width, channels) uint8.

    Args:
        files: image files.
        shape: height, width and channels.
        fit: how an image of another shape is made to fit; None: with a margin in the colour of its border.
        inverted: whether to invert the images.

    Raises:
        UserError: files are not readable images; the message describes the first and names SHOWN.
    """
    images = np.empty((len(files), *shape), np.uint8)
    broken: list[tuple[Path, str]] = []
    for row, path in enumerate(files):
        try:
            images[row] = _read(path, shape, fit, inverted=inverted)
        except _UNREADABLE as error:
            broken.append((path, _reason(path, error)))
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


def _read(path: Path, shape: tuple[int, int, int], fit: Image | None, *, inverted: bool) -> NDArray[np.uint8]:
    height, width, channels = shape
    with Pillow.open(path) as opened:
        opened.draft("RGB", (2 * width, 2 * height))  # decodes a large jpeg at a smaller scale
        picture = _in_mode(ImageOps.exif_transpose(opened), _MODES[channels])
    if inverted:
        picture = Pillow.fromarray(255 - np.asarray(picture))
    size = (width, height)
    if picture.size != size:
        if fit is None:
            picture = _with_margin(picture, width / height)
        if fit is not None and fit.fit == "letterbox":
            picture = ImageOps.pad(picture, size, Pillow.Resampling.LANCZOS)
        else:
            picture = picture.resize(size, Pillow.Resampling.LANCZOS)
    return np.asarray(picture).reshape(shape)


def _in_mode(picture: Pillow.Image, mode: str) -> Pillow.Image:
    """Return a picture with 8 bits per channel; what is transparent becomes white."""
    if picture.mode.startswith("I"):
        values = np.asarray(picture, np.int64)
        picture = Pillow.fromarray(
            (values // (257 if values.max() > 255 else 1)).clip(0, 255).astype(np.uint8)
        )
    if picture.has_transparency_data and mode in {"L", "RGB"}:
        coloured = picture.convert("RGBA")
        white = Pillow.new("RGBA", coloured.size, "white")
        picture = Pillow.alpha_composite(white, coloured).convert("RGB")
    return picture.convert(mode)


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


def _reason(path: Path, error: Exception) -> str:
    if path.is_file() and not path.stat().st_size:
        return "an empty file"
    if isinstance(error, Pillow.DecompressionBombError):
        return "an image of too many pixels"
    if isinstance(error, UnidentifiedImageError):
        return "no image, or one of an unknown format"
    return getattr(error, "strerror", None) or (str(error).splitlines() or [""])[0][:100]
