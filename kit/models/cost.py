"""Parameters and multiply-adds of a network, computed from its configuration without Keras."""

from typing import NamedTuple

from kit.config import Cnn, Pretrained
from kit.models.backbones import BACKBONES, SIDE

EVALUATION = 1 / 3
"""Cost of predicting one image, as a share of the cost of training on it."""


class Cost(NamedTuple):
    """Size of a network.

    Attributes:
        parameters: trainable numbers.
        multiply_adds: of one image in a forward pass; training takes about three times as many.
    """

    parameters: int
    multiply_adds: int


def cnn_cost(spec: Cnn, shape: tuple[int, int, int], classes: int) -> Cost:
    """Count parameters, and the multiply-adds of convolutions and dense layers (the rest is negligible).

    Args:
        spec: stages and head.
        shape: height, width and channels of an image.
        classes: number of classes.
    """
    (height, width, channels), parameters, multiply_adds = shape, 0, 0
    for stage in spec.convolutions():
        place = spec.batch_norm if stage.batch_norm is None else stage.batch_norm
        lost = 0 if stage.padding == "same" else stage.kernel - 1
        height, width = (-(-(side - lost) // stage.stride) for side in (height, width))
        kernels, extras = stage.kernel**2 * channels * stage.filters, _extras(stage.filters, place)
        if stage.residual:
            kernels += stage.kernel**2 * stage.filters**2
            extras *= 2
            if stage.stride > 1 or channels != stage.filters:
                kernels += channels * stage.filters
                extras += 2 * stage.filters if place == "before_activation" else 0
        parameters += kernels + extras
        multiply_adds += kernels * height * width
        if stage.pool != "none":
            height, width = height // 2, width // 2
        channels = stage.filters
    inputs = channels if spec.pooling == "average" else height * width * channels
    for units in spec.dense():
        parameters += inputs * units + _extras(units, spec.batch_norm)
        multiply_adds += inputs * units
        inputs = units
    return Cost(parameters + (inputs + 1) * classes, multiply_adds + inputs * classes)


def pretrained_cost(spec: Pretrained, shape: tuple[int, int, int], classes: int) -> Cost:
    """Count parameters, and estimate multiply-adds: they grow with the number of pixels.

    Args:
        spec: the network.
        shape: height, width and channels of an image.
        classes: number of classes.
    """
    backbone, (height, width, _) = BACKBONES[spec.name], shape
    multiply_adds = round(backbone.multiply_adds * height * width / SIDE**2)
    return Cost(
        backbone.parameters + (backbone.features + 1) * classes, multiply_adds + backbone.features * classes
    )


def _extras(units: int, batch_norm: str) -> int:
    return {"none": 1, "before_activation": 2, "after_activation": 3}[batch_norm] * units
