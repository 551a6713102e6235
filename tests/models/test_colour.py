from typing import Any

import numpy as np
import pytest
from keras import ops
from numpy.typing import NDArray

from kit.config import Augmentation
from kit.models.colour import GREY, recoloured, with_hole

COLOUR = np.array([[[[100.0, 50.0, 200.0], [0.0, 0.0, 0.0]]]], np.float32)
GREY_OF_COLOUR = 0.299 * 100 + 0.587 * 50 + 0.114 * 200


def changed(images: NDArray[np.float32], draws: list[float], **ranges: float) -> NDArray[np.float32]:
    """Return images after the same draws of brightness, contrast and saturation for each."""
    unit = np.repeat(np.array(draws, np.float32)[:, None], len(images), axis=1)
    return as_numpy(recoloured(images, Augmentation.model_validate(ranges), unit))


def as_numpy(tensor: Any) -> NDArray[np.float32]:
    return np.asarray(ops.convert_to_numpy(tensor))


def test_brightness_is_a_factor() -> None:
    np.testing.assert_allclose(changed(COLOUR, [0.5, 1, 1], brightness=0.4), COLOUR * 1.2, rtol=1e-6)


def test_contrast_is_a_factor_of_the_difference_from_the_mean() -> None:
    mean = COLOUR.mean()
    expected = mean + (COLOUR - mean) * 0.5
    np.testing.assert_allclose(changed(COLOUR, [1, -1, 1], contrast=0.5), expected, rtol=1e-6)


def test_saturation_is_a_factor_of_the_difference_from_grey() -> None:
    result = changed(COLOUR, [1, 1, -1], saturation=0.999)
    np.testing.assert_allclose(result[0, 0, 0], [GREY_OF_COLOUR] * 3, atol=0.2)
    np.testing.assert_array_equal(result[0, 0, 1], [0, 0, 0])


def test_grey_images_have_no_saturation() -> None:
    grey = COLOUR[..., :1]
    np.testing.assert_array_equal(changed(grey, [0, 0, 1], saturation=0.5), grey)


def test_values_stay_in_range() -> None:
    result = changed(COLOUR, [1, 1, 1], brightness=0.9, contrast=0.9, saturation=0.9)
    assert result.min() >= 0
    assert result.max() <= 255


@pytest.mark.parametrize(
    ("unit", "rows", "columns"),
    [
        ((0.0, 0.0), slice(4, 8), slice(8, 16)),  # around row 6 and column 12
        ((-1.0, -1.0), slice(0, 2), slice(0, 4)),  # the rest is outside
        ((0.999, 0.999), slice(9, 12), slice(19, 24)),
    ],
)
def test_a_hole_is_a_part_of_height_and_width(unit: tuple[float, float], rows: slice, columns: slice) -> None:
    images = np.full((1, 12, 24, 3), 7, np.float32)
    expected = images.copy()
    expected[:, rows, columns] = GREY
    result = as_numpy(with_hole(images, 1 / 3, np.array(unit, np.float32)[:, None]))
    np.testing.assert_array_equal(result, expected)


def test_each_image_has_its_own_hole() -> None:
    images = np.zeros((2, 8, 8, 1), np.float32)
    result = as_numpy(with_hole(images, 0.25, np.array([[-0.5, 0.5], [0, 0]], np.float32)))
    assert [np.flatnonzero(one.any(axis=(1, 2))).tolist() for one in result] == [[1, 2], [5, 6]]
