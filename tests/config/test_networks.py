"""How a residual network adapts to the size of the images, and what its stages must satisfy."""

from itertools import accumulate

import pytest
from pydantic import ValidationError

from kit.config import Config, ResNet, Stage


def sides(side: int, filters: tuple[int, ...] = (32, 64, 128)) -> list[int]:
    """Return the side of the image after the first convolution, its pooling, and each residual stage."""
    first, *stages = ResNet(kind="resnet", filters=filters).as_cnn((side, side, 3)).stages
    factors = [first.stride, 2 if first.pool == "max" else 1, *(stage.stride for stage in stages)]
    return [-(-side // factor) for factor in accumulate(factors, lambda one, other: one * other)]


@pytest.mark.parametrize(
    ("side", "expected"),
    [
        (8, [8, 8, 8, 8, 8]),
        (28, [28, 28, 28, 14, 7]),
        (32, [32, 32, 32, 16, 8]),
        (48, [24, 24, 24, 12, 6]),
        (64, [32, 32, 32, 16, 8]),
        (96, [48, 24, 24, 12, 6]),
        (128, [64, 32, 32, 16, 8]),
        (224, [112, 56, 28, 14, 7]),
    ],
)
def test_strides_follow_from_the_size_of_the_image(side: int, expected: list[int]) -> None:
    assert sides(side) == expected


@pytest.mark.parametrize("side", range(28, 257))
@pytest.mark.parametrize("filters", [(32, 64, 128), (32, 64, 128, 256)])
def test_four_to_eight_pixels_are_left(side: int, filters: tuple[int, ...]) -> None:
    assert 4 <= sides(side, filters)[-1] <= 8


def test_the_shorter_side_counts() -> None:
    spec = ResNet(kind="resnet")
    assert spec.as_cnn((28, 224, 1)) == spec.as_cnn((28, 28, 1))


def test_blocks_are_repeated_stages_and_dropout_is_before_the_softmax() -> None:
    network = ResNet(kind="resnet", blocks=2, dropout=0.4, width=0.5, batch_norm="none").as_cnn((28, 28, 1))
    assert [(stage.residual, stage.repeat, stage.filters) for stage in network.stages] == [
        (False, 1, 32),
        (True, 2, 32),
        (True, 2, 64),
        (True, 2, 128),
    ]
    assert (network.pooling, network.head_dropout, network.dropout) == ("average", 0.4, 0.0)
    assert (network.width, network.batch_norm) == (0.5, "none")


def test_a_residual_network_inherits_training_and_augmentation() -> None:
    config = Config.model_validate(
        {
            "training": {"epochs": 3},
            "augmentation": {"flip": "horizontal"},
            "models": {"net": {"kind": "resnet", "training": {"batch_size": 64}}},
        }
    )
    model = config.models["net"]
    assert isinstance(model, ResNet)
    assert (model.training.epochs, model.training.batch_size) == (3, 64)
    assert model.augmentation.flip == "horizontal"


def test_a_residual_stage_without_padding_is_refused() -> None:
    with pytest.raises(ValidationError, match="residual: expected padding: same, received padding: valid"):
        Stage(filters=4, residual=True, padding="valid")
