"""What augmentation says about itself."""

from typing import Any

import pytest

from kit.config import Augmentation


@pytest.mark.parametrize(
    ("settings", "moves", "changes"),
    [
        ({}, False, False),
        ({"tta": True, "fill": "edge", "elastic_scale": 2.0}, False, False),
        ({"flip": "both"}, True, False),
        ({"crop": 0.1}, True, False),
        ({"rotation": 3.0}, True, False),
        ({"contrast": 0.1}, False, True),
        ({"cutout": 0.3, "shift": 0.1}, True, True),
    ],
)
def test_what_changes_in_training(settings: dict[str, Any], moves: bool, changes: bool) -> None:
    augmentation = Augmentation.model_validate(settings)
    assert (augmentation.moves, augmentation.changes_pixels) == (moves, changes)


@pytest.mark.parametrize(
    ("settings", "count"),
    [({}, 1), ({"flip": "horizontal"}, 1), ({"tta": True}, 7), ({"tta": True, "flip": "both"}, 2)],
)
def test_the_number_of_views(settings: dict[str, Any], count: int) -> None:
    assert Augmentation.model_validate(settings).view_count == count
