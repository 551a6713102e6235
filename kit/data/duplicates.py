"""Exact copies of images, among the training rows and between training and test rows."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_BLOCK = 256
"""Rows hashed or compared at once: the intermediate arrays stay in the processor's cache."""
Images = NDArray[np.uint8]


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


def distinct(*arrays: Images) -> NDArray[np.int64]:
    """Return (rows,) int64: for each image, the row of the first image with the same pixels.

    A weak hash finds the copies, and a comparison of their pixels decides: this takes a seventh of the time
    of a cryptographic hash per image in a loop, and little memory.

    Args:
        arrays: (rows, height, width, channels), counted as one after the other.
    """
    rows = _Flat([array.reshape(len(array), math.prod(array.shape[1:])) for array in arrays])
    hashes = np.concatenate([_hashes(flat) for flat in rows.arrays])
    order = np.argsort(hashes, kind="stable")
    again = np.flatnonzero(hashes[order[1:]] == hashes[order[:-1]]) + 1
    starts = np.ones(len(order), np.bool_)
    starts[again] = False
    first = np.empty(len(order), np.int64)
    first[order] = order[np.maximum.accumulate(np.where(starts, np.arange(len(order)), 0))]
    differ = _differing(rows, again, first, order)
    # Other pixels with the same hash: one pair of 2**37 random ones.
    for hashed in {int(hashes[row]) for row in differ}:
        seen = dict[bytes, int]()
        for row in np.flatnonzero(hashes == hashed).tolist():
            first[row] = seen.setdefault(rows.take(np.array([row])).tobytes(), row)
    return first


def _differing(
    rows: "_Flat", again: NDArray[np.intp], first: NDArray[np.int64], order: NDArray[np.intp]
) -> Iterator[int]:
    """Yield the rows order[again] that differ from the row that `first` states for them."""
    for start in range(0, len(again), _BLOCK):
        some = order[again[start : start + _BLOCK]]
        unequal = (rows.take(some) != rows.take(first[some])).any(axis=1)
        yield from some[unequal].tolist()


@dataclass(frozen=True)
class _Flat:
    """Arrays of images, (rows, pixels), counted as one after the other."""

    arrays: list[Images]

    def take(self, rows: NDArray[np.int64]) -> Images:
        """Return copies of some rows."""
        found, begin = np.empty((len(rows), self.arrays[0].shape[1]), np.uint8), 0
        for array in self.arrays:
            here = (rows >= begin) & (rows < begin + len(array))
            found[here] = array[rows[here] - begin]
            begin += len(array)
        return found


def _hashes(flat: Images) -> NDArray[np.uint64]:
    """Return (rows,) uint64: sums of 64-bit words of pixels, times random odd numbers."""
    rows, pixels = flat.shape
    words = -(-pixels // 8)
    factors = np.random.default_rng(0).integers(0, 1 << 64, words, np.uint64) | np.uint64(1)
    block, found = np.zeros((_BLOCK, 8 * words), np.uint8), np.empty(rows, np.uint64)
    for start in range(0, rows, _BLOCK):
        some = flat[start : start + _BLOCK]
        block[: len(some), :pixels] = some
        values = block[: len(some)].view(np.uint64)
        # A product's low bits depend on the low bits of the word alone, so high bits are copied there.
        found[start : start + len(some)] = (values ^ (values >> np.uint64(29))) @ factors
    return found


def copies(arrays: Mapping[str, Images], train: Rows, test: Rows) -> list[str]:
    """Return one sentence per kind of exact copies.

    Args:
        arrays: train_images, train_labels and test_images, as in the cache.
        train: what the training rows are called.
        test: what the test rows are called.
    """
    labels, rows = arrays["train_labels"], len(arrays["train_labels"])
    same = distinct(arrays["train_images"], arrays["test_images"])
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
