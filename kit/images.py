"""images.npz: the images that the page of a run shows, so that it can be drawn without the data."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING
from zipfile import BadZipFile

from kit.errors import UserError
from kit.files import atomic
from kit.lazy import LazyModule

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
else:
    np = LazyModule("numpy")


@dataclass(frozen=True, eq=False)
class Images:
    """Images of some training and test rows.

    Attributes:
        train_rows: (training images,) int64, 0-based rows of train.csv.
        train: (training images, height, width, channels) uint8.
        test_rows: (test images,) int64, 0-based rows of test.csv.
        test: (test images, height, width, channels) uint8.
    """

    train_rows: NDArray[np.int64]
    train: NDArray[np.uint8]
    test_rows: NDArray[np.int64]
    test: NDArray[np.uint8]

    @classmethod
    def none(cls) -> Images:
        """Return no image."""
        rows, pixels = np.empty(0, np.int64), np.empty((0, 0, 0, 1), np.uint8)
        return cls(rows, pixels, rows, pixels)


def write(path: Path, images: Images) -> None:
    """Write the images, compressed, atomically."""
    with atomic(path) as file:
        np.savez_compressed(file, **{one.name: getattr(images, one.name) for one in fields(images)})


def read(path: Path) -> Images:
    """Return the images that `write` wrote.

    Raises:
        UserError: the file is missing or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return Images(**{one.name: file[one.name] for one in fields(Images)})
    except (OSError, ValueError, EOFError, LookupError, BadZipFile) as error:
        raise UserError("missing or damaged", where=str(path), hint="delete it, then: kit report") from error
