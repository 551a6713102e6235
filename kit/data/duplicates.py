"""Exact copies of images, within train.csv and between the files."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

import numpy as np
from numpy.typing import NDArray


def distinct(images: Iterable[NDArray[np.uint8]]) -> NDArray[np.int64]:
    """Return (rows,) int64: for each image the first with the same pixels, itself where it is the first."""
    first: dict[bytes, int] = {}
    return np.array([first.setdefault(image.tobytes(), row) for row, image in enumerate(images)], np.int64)


def copies(arrays: Mapping[str, NDArray[np.uint8]]) -> list[str]:
    """Name exact copies of images, one sentence per kind; lines count from 1, the header, as in an editor.

    Args:
        arrays: train_images, train_labels and test_images, as the cache holds them.
    """
    labels, rows = arrays["train_labels"], len(arrays["train_labels"])
    same = distinct(chain(arrays["train_images"], arrays["test_images"]))
    again = np.flatnonzero(same[:rows] != np.arange(rows))
    disputed = again[labels[again] != labels[same[again]]]
    in_test = np.flatnonzero(same[rows:] < rows)
    return [
        *_warning(again, same, "train.csv", "with the pixels of an earlier row"),
        *_warning(disputed, same, "train.csv", "with another label than an earlier row of the same pixels"),
        *_warning(in_test, same[rows:], "test.csv", "with the pixels of a row of train.csv"),
    ]


def _warning(rows: NDArray[np.int64], same: NDArray[np.int64], file: str, what: str) -> Iterator[str]:
    if rows.size:
        first = f"the first: line {rows[0] + 2}, as line {same[rows[0]] + 2} of train.csv"
        yield f"{rows.size:,} row{'s' if rows.size > 1 else ''} of {file} {what} ({first})"
