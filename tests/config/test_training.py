"""What augmentation says about itself."""

from typing import Any

import pytest

from kit.config import Augmentation


@pytest.mark.parametrize(
    ("settings", "moves"),
    [
        ({}, False),
        ({"tta": True, "fill": "edge", "elastic_scale": 2.0}, False),
        ({"flip": "both"}, True),
        ({"crop": 0.1}, True),
        ({"rotation": 3.0}, True),
        ({"elastic": 0.5}, True),
        ({"contrast": 0.1, "cutout": 0.3}, False),
    ],
)
def test_whether_pixels_move_in_training(settings: dict[str, Any], moves: bool) -> None:
    assert Augmentation.model_validate(settings).moves == moves


@pytest.mark.parametrize(
    ("settings", "count"),
    [({}, 1), ({"flip": "horizontal"}, 1), ({"tta": True}, 7), ({"tta": True, "flip": "both"}, 2)],
)
def test_the_number_of_views(settings: dict[str, Any], count: int) -> None:
    assert Augmentation.model_validate(settings).view_count == count
