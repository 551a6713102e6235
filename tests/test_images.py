from pathlib import Path

import numpy as np
import pytest

from kit import images
from kit.errors import UserError
from kit.images import Images


def test_images_are_read_as_written(tmp_path: Path) -> None:
    pixels = np.arange(2 * 3 * 4 * 3, dtype=np.uint8).reshape(2, 3, 4, 3)
    images.write(tmp_path / "images.npz", Images({7: pixels[0], 2: pixels[1]}, {0: pixels[1]}))
    found = images.read(tmp_path / "images.npz")
    assert (list(found.train), list(found.test)) == ([7, 2], [0])
    np.testing.assert_array_equal(found.train[7], pixels[0])
    np.testing.assert_array_equal(found.train[2], pixels[1])
    np.testing.assert_array_equal(found.test[0], pixels[1])


def test_there_may_be_no_image(tmp_path: Path) -> None:
    images.write(tmp_path / "images.npz", Images())
    assert images.read(tmp_path / "images.npz") == Images()


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04"])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "images.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"images\.npz: missing or damaged"):
        images.read(path)


def test_damaged_compressed_pixels_are_named(tmp_path: Path) -> None:
    path = tmp_path / "images.npz"
    pixels = np.random.default_rng(0).integers(0, 9, (28, 28, 1)).astype(np.uint8)
    images.write(path, Images({0: pixels}))
    whole = path.read_bytes()
    # The deflated bytes of "train.npy" follow its local header.
    start = whole.index(b"train.npy") + 60
    path.write_bytes(whole[:start] + b"\xff" * 40 + whole[start + 40 :])
    with pytest.raises(UserError, match=r"images\.npz: missing or damaged"):
        images.read(path)


def test_images_of_others_are_added_and_chosen_by_row() -> None:
    own, other = (np.full((2, 2, 1), value, np.uint8) for value in (1, 2))
    both = Images({1: own}, {5: own}).with_others(Images({1: other, 3: other}, {6: other}))
    assert {row: int(image[0, 0, 0]) for row, image in both.train.items()} == {1: 1, 3: 2}
    assert {row: int(image[0, 0, 0]) for row, image in both.test.items()} == {5: 1, 6: 2}
    some = both.of_rows([3, 9], [5])
    assert (list(some.train), list(some.test)) == ([3], [5])
