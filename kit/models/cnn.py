"""The convolutional network of a configuration."""

from dataclasses import dataclass
from typing import Any

import keras
from keras import layers

from kit.config import BatchNorm, Cnn, Stage
from kit.models.layers import PLAIN, Layers

# Keras's default of 0.99 averages over 100 steps; a short training has hardly more than that.
MOMENTUM = 0.95
CHANNELS = "channels_last"
"""Set in every layer: a keras.json may set another order."""


def build_cnn(
    spec: Cnn,
    shape: tuple[int, int, int],
    classes: int,
    blocks: Layers = PLAIN,
) -> keras.Model:
    """Build the network: pixels 0 to 255 (batch, height, width, channels) to logits (batch, classes) float32.

    Args:
        spec: stages and head.
        shape: height, width and channels of an image.
        classes: number of classes.
        blocks: types and precision of the layers.
    """
    parts = _Parts(spec, blocks)
    image = keras.Input(shape, dtype="float32")
    value = layers.Rescaling(1 / 255, dtype=blocks.policy)(image)
    for stage in spec.convolutions():
        place = spec.batch_norm if stage.batch_norm is None else stage.batch_norm
        make = _residual_block if stage.residual else _convolution
        value = make(parts, value, stage, place)
        if stage.pool != "none":
            pool = layers.MaxPooling2D if stage.pool == "max" else layers.AveragePooling2D
            value = pool(2, data_format=CHANNELS, dtype=blocks.policy)(value)
        value = parts.dropped(value, spec.dropout if stage.dropout is None else stage.dropout)
    head_dropout = spec.dropout if spec.head_dropout is None else spec.head_dropout
    if spec.pooling == "average":
        # In float32: a mean of 64 bfloat16 values would be rounded again.
        value = layers.GlobalAveragePooling2D(data_format=CHANNELS, dtype="float32")(value)
        value = parts.dropped(value, head_dropout)
    else:
        value = layers.Flatten(data_format=CHANNELS, dtype=blocks.policy)(value)
    for width in spec.dense():
        dense = layers.Dense(
            width,
            use_bias=spec.batch_norm != "before_activation",
            kernel_initializer="he_uniform",
            kernel_regularizer=_l2(spec),
            dtype=blocks.policy,
        )
        value = parts.dropped(parts.activated(dense(value), spec.batch_norm), head_dropout)
    logits = layers.Dense(classes, kernel_regularizer=_l2(spec), dtype="float32")(value)
    return keras.Model(image, logits)


@dataclass(frozen=True)
class _Parts:
    """Creates the layers of one network."""

    spec: Cnn
    blocks: Layers

    def convolution(self, filters: int, kernel: int, stride: int, padding: str, *, bias: bool) -> Any:
        return self.blocks.convolution(
            filters,
            kernel,
            strides=stride,
            padding=padding,
            data_format=CHANNELS,
            use_bias=bias,
            kernel_initializer="he_uniform",
            kernel_regularizer=_l2(self.spec),
            dtype=self.blocks.policy,
        )

    def normalised(self, value: Any) -> Any:
        return self.blocks.batch_norm(momentum=MOMENTUM, dtype=self.blocks.policy)(value)

    def activated(self, value: Any, place: BatchNorm) -> Any:
        if place == "before_activation":
            value = self.normalised(value)
        value = layers.Activation(self.spec.activation, dtype=self.blocks.policy)(value)
        return self.normalised(value) if place == "after_activation" else value

    def dropped(self, value: Any, rate: float) -> Any:
        return self.blocks.dropout(rate, dtype=self.blocks.policy)(value) if rate else value


def _convolution(parts: _Parts, value: Any, stage: Stage, place: BatchNorm) -> Any:
    bias = place != "before_activation"
    convolution = parts.convolution(stage.filters, stage.kernel, stage.stride, stage.padding, bias=bias)
    return parts.activated(convolution(value), place)


def _residual_block(parts: _Parts, value: Any, stage: Stage, place: BatchNorm) -> Any:
    """Return two convolutions plus their input, which a 1 x 1 convolution projects if the shape changes.

    K. He et al. (2016), Deep residual learning for image recognition, with batch normalisation before the
    activation; after the activation, it follows the sum too.
    """
    first = place == "before_activation"
    shortcut = value
    value = _convolution(parts, value, stage, place)
    value = parts.convolution(stage.filters, stage.kernel, 1, "same", bias=not first)(value)
    value = parts.normalised(value) if first else value
    if stage.stride > 1 or shortcut.shape[-1] != stage.filters:
        shortcut = parts.convolution(stage.filters, 1, stage.stride, "same", bias=False)(shortcut)
        shortcut = parts.normalised(shortcut) if first else shortcut
    total = layers.Add(dtype=parts.blocks.policy)([value, shortcut])
    total = layers.Activation(parts.spec.activation, dtype=parts.blocks.policy)(total)
    return parts.normalised(total) if place == "after_activation" else total


def _l2(spec: Cnn) -> Any:
    return keras.regularizers.L2(spec.l2) if spec.l2 else None
