import random

import numpy as np
import pytest

from kit.data import integrity
from kit.data.integrity import total


@pytest.mark.parametrize("shape", [(0, 4), (1, 3), (7, 5, 5), (64, 8, 8, 1)])
def test_the_total_is_the_sum_of_words_and_of_the_bytes_behind_them(shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    content = array.tobytes()
    whole = len(content) // 8 * 8
    words = sum(int.from_bytes(content[place : place + 8], "little") for place in range(0, whole, 8))
    assert total(array) == words % 2**64 + sum(content[whole:])


@pytest.mark.parametrize("seed", range(20))
def test_every_flipped_bit_changes_the_total(seed: int) -> None:
    draw = random.Random(seed)
    array = np.random.default_rng(0).integers(0, 256, 1003, np.uint8)
    before = total(array)
    array[draw.randrange(array.size)] ^= 1 << draw.randrange(8)
    assert total(array) != before


def test_a_large_array_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(integrity, "CHECKED_BYTES", 10)
    assert total(np.ones(11, np.uint8)) == 0
