"""Test images that are unlike the training images, made of the bundled sample; an honest one is like them."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from kit import config
from kit.data.dataset import Dataset, open_folder
from kit.data.folds import make_folds
from kit.data.layout import SAMPLE
from kit.data.shift import differences

Images = NDArray[np.uint8]
TURN = "the test images look {}: put right, they are "


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return open_folder(SAMPLE, config.load("lenet-plain"))


@pytest.fixture(scope="module")
def train(digits: Dataset) -> Images:
    return np.asarray(digits.train_images)


@pytest.fixture(scope="module")
def test(digits: Dataset) -> Images:
    return np.asarray(digits.test_images)


def moved(images: Images, down: int, right: int) -> Images:
    """Return images moved within their frame; what leaves it is lost."""
    _, height, width, _ = images.shape
    padded = np.pad(images, ((0, 0), (height, height), (width, width), (0, 0)))
    return padded[:, height - down : 2 * height - down, width - right : 2 * width - right]


def partly(images: Images, change: Callable[[Images], Images], every: int) -> Images:
    changed = images.copy()
    changed[::every] = change(images[::every])
    return changed


WHOLE = {
    "the test images look inverted: mean 221 against 33 of the training images": lambda x: 255 - x,
    "the test images look scaled: the greatest value is 1, against 255 in the training images": lambda x: (
        x > 127
    ).astype(np.uint8),
    "the test images look scaled: the greatest value is 15, against 255 in the training images": lambda x: (
        x // 16
    ),
    "the test images look scaled: the greatest value is 127, against 255 in the training images": lambda x: (
        x // 2
    ),
    "the test images are blank: all their pixels are alike": lambda x: 0 * x,
    TURN.format("transposed (rows and columns swapped)"): lambda x: x.transpose(0, 2, 1, 3),
    TURN.format("mirrored left to right"): lambda x: x[:, :, ::-1],
    TURN.format("mirrored top to bottom"): lambda x: x[:, ::-1],
    TURN.format("rotated by 180 degrees"): lambda x: x[:, ::-1, ::-1],
    TURN.format("rotated by 90 degrees clockwise"): lambda x: np.rot90(x, -1, (1, 2)),
    TURN.format("rotated by 90 degrees counterclockwise"): lambda x: np.rot90(x, 1, (1, 2)),
    TURN.format("rotated by 90 degrees and mirrored"): lambda x: x[:, ::-1, ::-1].transpose(0, 2, 1, 3),
    TURN.format("shifted 3 pixels up and 4 pixels to the right"): lambda x: moved(x, -3, 4),
    "the test images are unlike the training images: ": lambda x: x.reshape(len(x), -1)[
        :, np.random.default_rng(0).permutation(784)
    ].reshape(x.shape),
}
"""What is said, by what was done."""


@pytest.mark.parametrize(("said", "change"), WHOLE.items(), ids=[said[16:50] for said in WHOLE])
def test_a_change_of_all_images_is_named(
    train: Images, test: Images, said: str, change: Callable[[Images], Images]
) -> None:
    [warning] = differences(train, np.ascontiguousarray(change(test)))
    assert warning.startswith(said)


@pytest.mark.parametrize(
    ("said", "change"),
    [
        ("about 50% of the test images look inverted", lambda x: 255 - x),
        ("300 of 600 test images are blank: all their pixels are alike", lambda x: 0 * x),
        ("300 of 600 test images look scaled: the greatest value is 1, against 255", lambda x: x // 128),
    ],
)
def test_a_change_of_half_the_images_is_named(
    train: Images, test: Images, said: str, change: Callable[[Images], Images]
) -> None:
    [warning] = differences(train, partly(test, change, every=2))
    assert warning.startswith(said.replace("50%", warning[6:9]))


def test_a_twentieth_that_is_inverted_is_named(train: Images, test: Images) -> None:
    [warning] = differences(train, partly(test, lambda x: 255 - x, every=20))
    assert warning.endswith("% of the test images look inverted")


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("change", [lambda x: 255 - x, lambda x: 0 * x, lambda x: x // 128])
def test_few_rows_are_enough_for_another_range_of_values(
    train: Images, test: Images, rows: int, change: Callable[[Images], Images]
) -> None:
    assert len(differences(train, change(test[:rows]))) == 1


def test_training_images_may_be_the_odd_ones(train: Images, test: Images) -> None:
    assert "look inverted: mean 34 against 222" in differences(255 - train, test)[0]
    assert "the greatest value is 255, against 1" in differences(train // 128, test)[0]


def test_images_that_are_not_square_may_be_transposed_too(train: Images, test: Images) -> None:
    lying = train[:, 7:21], test[:, 7:21]
    swapped = lying[1].transpose(0, 2, 1, 3).reshape(lying[1].shape)
    assert differences(*lying) == []
    assert differences(lying[0], swapped)[0].startswith(TURN.format("transposed (rows and columns swapped)"))


@pytest.mark.parametrize("seed", range(5))
def test_no_fold_of_the_sample_is_unlike_the_rest(digits: Dataset, train: Images, seed: int) -> None:
    folds = make_folds(train, digits.train_labels, 5, seed)
    assert [differences(train[folds != fold], train[folds == fold]) for fold in range(5)] == [[]] * 5


@pytest.mark.parametrize("rows", [1, 5, 8, 20, 200, 500, 600])
def test_no_part_of_the_test_images_is_unlike(train: Images, test: Images, rows: int) -> None:
    rng = np.random.default_rng(rows)
    assert [differences(train, test[rng.permutation(600)[:rows]]) for _ in range(20)] == [[]] * 20


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 3, 1), (4, 5, 3), (28, 28, 1)])
def test_noise_is_like_noise(shape: tuple[int, int, int]) -> None:
    images = np.random.default_rng(0).integers(0, 256, (400, *shape)).astype(np.uint8)
    assert differences(images[:300], images[300:]) == []


def test_blank_images_among_the_training_images_are_nothing_odd(train: Images, test: Images) -> None:
    def blank(images: Images) -> Images:
        return partly(images, lambda x: 0 * x, every=10)

    assert differences(blank(train), blank(test)) == []
