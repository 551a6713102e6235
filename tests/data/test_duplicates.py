"""Copies of images are found among all rows, whatever the size of an image."""

import numpy as np
import pytest
from numpy.typing import NDArray

from kit.data import duplicates
from kit.data.duplicates import distinct


def first_rows(images: NDArray[np.uint8]) -> list[int]:
    """Return what `distinct` must return, by comparing the bytes of the images."""
    seen = dict[bytes, int]()
    return [seen.setdefault(image.tobytes(), row) for row, image in enumerate(images)]


def images(rows: int, shape: tuple[int, int, int], kinds: int) -> NDArray[np.uint8]:
    """Return random images, of which `kinds` differ at most."""
    rng = np.random.default_rng(rows)
    return rng.integers(0, 256, (kinds, *shape), np.uint8)[rng.integers(0, kinds, rows)]


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 3, 1), (2, 4, 1), (5, 5, 3)])
@pytest.mark.parametrize("rows", [1, 2, 255, 256, 257, 1000])
def test_each_image_has_the_first_row_of_its_pixels(rows: int, shape: tuple[int, int, int]) -> None:
    found = images(rows, shape, 300)
    assert distinct(found).tolist() == first_rows(found)


def test_images_without_copies() -> None:
    found = np.arange(600, dtype=np.uint16).view(np.uint8).reshape(-1, 1, 2, 1)
    assert distinct(found).tolist() == list(range(600))


def test_rows_of_two_arrays_are_counted_on() -> None:
    one, other = images(400, (3, 3, 1), 50), images(400, (3, 3, 1), 50)[::-1]
    assert distinct(one, other).tolist() == first_rows(np.concatenate([one, other]))


def test_one_array_may_be_empty() -> None:
    one, empty = images(20, (3, 3, 1), 5), np.empty((0, 3, 3, 1), np.uint8)
    assert distinct(one, empty).tolist() == distinct(empty, one).tolist() == first_rows(one)


@pytest.mark.parametrize("place", range(16))
def test_images_that_differ_in_one_pixel_have_different_hashes(place: int) -> None:
    found = np.zeros((256, 16), np.uint8)
    found[:, place] = np.arange(256)
    assert len({*duplicates._hashes(found).tolist()}) == 256


def test_images_with_the_same_hash_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "_hashes", lambda flat: flat[:, 0].astype(np.uint64) // 100)
    found = images(700, (2, 2, 1), 90)
    assert distinct(found).tolist() == first_rows(found)
