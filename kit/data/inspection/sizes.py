"""Sizes and colours of image files, from some of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from kit.data.inspection.findings import Line, Setting
from kit.errors import UserError

OPENED, DECODED = 200, 40
"""Images whose size and whose colours are looked at, at equal distances."""
LARGEST = 64
"""Largest side that is kept as it is; larger images are read as 64 x 64."""
SMALL = 32
"""Largest side of a small image."""
_GREY = {"1", "L", "LA", "I", "I;16", "I;16B", "F"}
_TOLERANCE = 4
"""Difference of the channels of a grey pixel that jpeg may make."""
_BOMB = 100_000_000
_ORIENTATION, _LYING = 0x0112, range(5, 9)
"""A tag of EXIF, and its values for images that are stored lying on a side."""


@dataclass(frozen=True)
class Sizes:
    """What some image files have in common.

    Attributes:
        count: number of all files.
        kinds: their endings, the most frequent first.
        smallest, largest: (width, height) by area.
        is_grey: whether no image has colours.
    """

    count: int
    kinds: tuple[str, ...]
    smallest: tuple[int, int]
    largest: tuple[int, int]
    is_grey: bool

    @property
    def size(self) -> int | tuple[int, int]:
        """The side, or height and width, to which images are resized: their own up to 64 pixels, else 64."""
        width, height = self.largest
        if self.smallest != self.largest or max(self.largest) > LARGEST:
            return LARGEST
        return width if width == height else (height, width)

    @property
    def is_small(self) -> bool:
        """Whether the images have at most 32 pixels a side, or are grey and are read as they are."""
        is_native = self.smallest == self.largest and max(self.largest) <= LARGEST
        return max(self.largest) <= SMALL or (self.is_grey and is_native)

    @property
    def settings(self) -> tuple[Setting, ...]:
        """The keys that follow."""
        return (
            Setting("image.size", self.size, "larger images cost more time: it grows with the square"),
            Setting("image.channels", 1 if self.is_grey else 3, "1: grey, 3: colour"),
        )

    @property
    def line(self) -> Line:
        """Size and colours in words."""
        low, high = (f"{height} x {width}" for width, height in (self.smallest, self.largest))
        size = f"{low} pixels" if low == high else f"{low} to {high} pixels"
        if any(width != height for width, height in (self.smallest, self.largest)):
            size += " (height x width)"
        height, width = (self.size, self.size) if isinstance(self.size, int) else self.size
        colour = "grey" if self.is_grey else "colour"
        kinds = "/".join(self.kinds)
        read = f"read as {height} x {width} (image.size)"
        return Line("images", f"{self.count:,} {kinds}, {size}, {colour}; {read}")


def measure(root: Path, files: Sequence[str]) -> Sizes:
    """Return the sizes and colours of image files; unreadable ones are left out: `kit data check` names them.

    Raises:
        UserError: none can be read.
    """
    some = files[:: max(1, len(files) // OPENED)]
    sizes = {name: size for name in some if (size := _size(root / name))}
    if not sizes:
        received = f"{len(some)} files that are no images, as {some[0]}" if some else "no files"
        raise UserError(
            "no image can be read", where=f"{root}/", expected="png, jpg, tif, bmp or webp", received=received
        )
    decoded = list(sizes)[:: max(1, len(sizes) // DECODED)]
    kinds = Counter(name.rpartition(".")[2].lower() for name in files)

    def area(size: tuple[int, int]) -> tuple[int, tuple[int, int]]:
        return size[0] * size[1], size

    return Sizes(
        len(files),
        tuple(kind for kind, _ in kinds.most_common(3)),
        min(sizes.values(), key=area),
        max(sizes.values(), key=area),
        all(_is_grey(root / name) for name in decoded),
    )


def _size(path: Path) -> tuple[int, int] | None:
    """Return width and height of the upright image; None if it cannot be opened."""
    try:
        with Image.open(path) as image:
            width, height = image.size
            if width * height >= _BOMB:
                return None
            return (height, width) if image.getexif().get(_ORIENTATION) in _LYING else (width, height)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def _is_grey(path: Path) -> bool:
    """Return whether the three channels are equal; also if the image cannot be decoded."""
    try:
        with Image.open(path) as image:
            if image.mode in _GREY:
                return True
            image.draft("RGB", (LARGEST, LARGEST))
            image.thumbnail((LARGEST, LARGEST))
            pixels = np.asarray(image.convert("RGB"), np.int16)
    except (OSError, ValueError, SyntaxError):
        return True
    return bool((pixels.max(axis=2) - pixels.min(axis=2)).max() <= _TOLERANCE)
