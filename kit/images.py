"""images.npz: the images that the page of a run shows, so that it can be drawn without the data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kit.arrays import opened_arrays
from kit.damage import ARRAY_ERRORS
from kit.errors import UserError
from kit.files import atomic
from kit.lazy import LazyModule

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
else:
    np = LazyModule("numpy")


@dataclass(frozen=True)
class Images:
    """Images by 0-based row, each (height, width, channels) uint8.

    Attributes:
        train: of train.csv.
        test: of test.csv.
    """

    train: dict[int, NDArray[np.uint8]] = field(default_factory=dict)
    test: dict[int, NDArray[np.uint8]] = field(default_factory=dict)

    @classmethod
    def taken(
        cls,
        train: NDArray[np.uint8],
        train_rows: Sequence[int],
        test: NDArray[np.uint8],
        test_rows: Sequence[int],
    ) -> Images:
        """Return the images of some rows of (rows, height, width, channels) arrays."""
        return cls({row: train[row] for row in train_rows}, {row: test[row] for row in test_rows})

    def with_others(self, others: Images) -> Images:
        """Return these images and those of other rows."""
        return Images(others.train | self.train, others.test | self.test)

    def of_rows(self, train: Sequence[int], test: Sequence[int]) -> Images:
        """Return the images of some rows, where there are any."""
        return Images(
            {row: self.train[row] for row in train if row in self.train},
            {row: self.test[row] for row in test if row in self.test},
        )


def write(path: Path, images: Images) -> None:
    """Write the images, compressed, atomically: arrays train_rows, train, test_rows and test."""
    with atomic(path) as file:
        np.savez_compressed(
            file,
            train_rows=np.array(list(images.train), np.int64),
            train=_stacked(images.train),
            test_rows=np.array(list(images.test), np.int64),
            test=_stacked(images.test),
        )


def read(path: Path) -> Images:
    """Return the images that `write` wrote.

    Raises:
        UserError: the file is missing or damaged.
    """
    try:
        with opened_arrays(path.read_bytes()) as file:
            train, test = (
                dict(zip(file[f"{name}_rows"].tolist(), file[name], strict=True))
                for name in ("train", "test")
            )
            if any(image.dtype != np.uint8 or image.ndim != 3 for image in (*train.values(), *test.values())):
                raise ValueError("other arrays")
    except ARRAY_ERRORS as error:
        raise UserError(
            "missing or damaged", where=str(path), hint="delete it, then: `kit report`"
        ) from error
    return Images(train, test)


def _stacked(images: dict[int, NDArray[np.uint8]]) -> NDArray[np.uint8]:
    return np.stack(list(images.values())) if images else np.empty((0, 0, 0, 1), np.uint8)
