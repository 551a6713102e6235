"""How a residual network adapts to the size of the images, and the phases of a pretrained one."""

from itertools import accumulate
from typing import Any

import pytest
from pydantic import ValidationError

from kit.config import Config, Pretrained, ResNet, Stage, Training, load


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


def test_a_pretrained_network_is_trained_in_two_phases() -> None:
    model = Pretrained(kind="pretrained", name="MobileNetV2", training=Training(epochs=5))
    assert model.phases == ((3, 1.0, True), (5, 0.1, False))
    assert model.epochs == 8


@pytest.mark.parametrize(
    ("change", "phases"),
    [({"weights": None}, ((5, 1.0, False),)), ({"frozen_epochs": 0}, ((5, 0.1, False),))],
)
def test_one_phase_without_weights_or_frozen_epochs(change: dict[str, Any], phases: Any) -> None:
    settings = {"kind": "pretrained", "name": "MobileNetV2", "training": {"epochs": 5}}
    assert Pretrained.model_validate(settings | change).phases == phases


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ([28, 64, 3], "models.net: a pretrained network needs images of 32 pixels or more, received 28 x 64"),
        ([64, 64, 4], "models.net: MobileNetV2 needs images of 1 or 3 channels, received 4"),
    ],
)
def test_images_that_do_not_fit_a_pretrained_network_are_refused(shape: list[int], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Config.model_validate(
            {
                "competition": {"image_shape": shape},
                "models": {"net": {"kind": "pretrained", "name": "MobileNetV2"}},
            }
        )


@pytest.mark.parametrize("name", ["images", "photos"])
@pytest.mark.parametrize("shape", [[28, 28, 1], [48, 48, 3], [137, 236, 1], [224, 224, 3]], ids=str)
def test_the_base_configurations_take_any_image(name: str, shape: list[int]) -> None:
    config = load(name, [f"competition.image_shape={shape}", "competition.classes=120"])
    assert config.image_shape == tuple(shape)
    (model,) = config.models.values()
    assert isinstance(model, ResNet)
