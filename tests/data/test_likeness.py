from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from kit.data import layout
from kit.data.likeness import Images, Reference


def digits(name: str) -> Images:
    table = np.loadtxt(layout.SAMPLE / f"{name}.csv.gz", np.uint8, delimiter=",", skiprows=1)
    return table[:, -784:].reshape(-1, 28, 28, 1)


@pytest.fixture(scope="module")
def reference() -> Reference:
    found = Reference.of(digits("train"))
    assert found
    return found


@pytest.fixture(scope="module")
def test_images() -> Images:
    return digits("test")


def shrunk(images: Images) -> Images:
    small = np.zeros_like(images)
    small[:, 7:21, 7:21] = np.maximum(images[:, ::2, ::2], images[:, 1::2, 1::2])
    return small


def in_shadow(images: Images) -> Any:
    """Return digits as in ink on grey paper, with light from one side."""
    return np.clip(180 + np.linspace(-75, 75, 28)[:, None] - 0.9 * images, 0, 255)


def noise(images: Images) -> Images:
    drawn = np.zeros_like(images)
    drawn[:, 4:24, 4:24] = np.random.default_rng(0).integers(0, 2, (len(images), 20, 20, 1)) * 255
    return drawn


def test_test_images_look_like_the_training_images(reference: Reference, test_images: Images) -> None:
    assert sum(map(bool, reference.warnings(test_images))) <= 0.002 * len(test_images)


@pytest.mark.parametrize(
    ("said", "change"),
    [
        ("it looks inverted", lambda x: 255 - x),
        ("it is blank", lambda x: 0 * x),
        ("it has little contrast", lambda x: x // 3),
        ("level 60, against 0 in the training images; make", lambda x: np.maximum(x, 60)),
        ("level 180, against 0 in the training images; use --invert, and make", in_shadow),
        ("what is drawn takes", shrunk),
        ("it is unlike every", noise),
    ],
)
def test_odd_images_are_described(
    reference: Reference, test_images: Images, said: str, change: Callable[[Any], Any]
) -> None:
    found = reference.warnings(np.asarray(change(test_images[:100]), np.uint8))
    assert sum(said in text for text in found) >= 90, found[:5]


def test_an_image_is_described_without_the_others(reference: Reference, test_images: Images) -> None:
    odd = np.concatenate([255 - test_images[:1], test_images[1:2]])
    assert reference.warnings(odd)[1:] == reference.warnings(test_images[1:2]) == [""]


def test_images_with_many_backgrounds_are_not_called_odd() -> None:
    random = np.random.default_rng(0)
    smooth = random.integers(0, 256, (400, 4, 4, 3)).repeat(8, axis=1).repeat(8, axis=2).astype(np.uint8)
    reference = Reference.of(smooth[:300])
    assert reference
    assert reference.warnings(smooth[300:]) == [""] * 100


def test_a_few_images_are_no_reference() -> None:
    assert Reference.of(np.zeros((5, 28, 28, 1), np.uint8)) is None
