"""Exact copies of images, among the training rows and between training and test rows."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import chain

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Rows:
    """What people call the rows of a file or folder.

    Attributes:
        source: the file or folder.
        names: (rows,) names of the images; empty: rows have lines.
        first_line: line of the first row, from 1, as in an editor.
    """

    source: str
    names: Sequence[str] = ()
    first_line: int = 2

    def place(self, row: int) -> str:
        """Return the name of a row, as in "line 12" or "cat.7"."""
        return self.names[row] if self.names else f"line {row + self.first_line}"


def distinct(images: Iterable[NDArray[np.uint8]]) -> NDArray[np.int64]:
    """Return (rows,) int64: for each image, the row of the first image with the same pixels."""
    first: dict[bytes, int] = {}
    # By a hash of 128 bits, because the pixels of 300,000 images would fill the memory.
    digests = (blake2b(image.tobytes(), digest_size=16).digest() for image in images)
    return np.array([first.setdefault(digest, row) for row, digest in enumerate(digests)], np.int64)


def copies(arrays: Mapping[str, NDArray[np.uint8]], train: Rows, test: Rows) -> list[str]:
    """Return one sentence per kind of exact copies.

    Args:
        arrays: train_images, train_labels and test_images, as in the cache.
        train: what the training rows are called.
        test: what the test rows are called.
    """
    labels, rows = arrays["train_labels"], len(arrays["train_labels"])
    same = distinct(chain(arrays["train_images"], arrays["test_images"]))
    again = np.flatnonzero(same[:rows] != np.arange(rows))
    disputed = again[labels[again] != labels[same[again]]]
    in_test = np.flatnonzero(same[rows:] < rows)

    def warning(found: NDArray[np.int64], first: NDArray[np.int64], of: Rows, what: str) -> Iterator[str]:
        if found.size:
            one, other = of.place(int(found[0])), train.place(int(first[found[0]]))
            some = f"{found.size:,} row{'s' if found.size > 1 else ''} of {of.source}"
            yield f"{some} {what} (the first: {one}, as {other} of {train.source})"

    other_label = "with another label than an earlier row of the same pixels"
    return [
        *warning(again, same, train, "with the pixels of an earlier row"),
        *warning(disputed, same, train, other_label),
        *warning(in_test, same[rows:], test, f"with the pixels of a row of {train.source}"),
    ]
