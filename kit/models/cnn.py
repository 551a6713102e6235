"""The convolutional network of a configuration."""

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
from keras import layers

from kit.config import BatchNorm, Cnn
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
    policy = blocks.policy
    norm = partial(blocks.batch_norm, momentum=MOMENTUM, dtype=policy)
    drop = partial(blocks.dropout, dtype=policy)
    image = keras.Input(shape, dtype="float32")
    value = layers.Rescaling(1 / 255, dtype=policy)(image)
    for stage in spec.convolutions():
        place = spec.batch_norm if stage.batch_norm is None else stage.batch_norm
        convolution = layers.Conv2D(
            stage.filters,
            stage.kernel,
            strides=stage.stride,
            padding=stage.padding,
            data_format=CHANNELS,
            use_bias=place != "before_activation",
            kernel_initializer="he_uniform",
            kernel_regularizer=_l2(spec),
            dtype=policy,
        )
        value = _activated(convolution(value), spec, place, norm, policy)
        if stage.pool != "none":
            pool = layers.MaxPooling2D if stage.pool == "max" else layers.AveragePooling2D
            value = pool(2, data_format=CHANNELS, dtype=policy)(value)
        rate = spec.dropout if stage.dropout is None else stage.dropout
        value = drop(rate)(value) if rate else value
    value = layers.Flatten(data_format=CHANNELS, dtype=policy)(value)
    for width in spec.dense():
        dense = layers.Dense(
            width,
            use_bias=spec.batch_norm != "before_activation",
            kernel_initializer="he_uniform",
            kernel_regularizer=_l2(spec),
            dtype=policy,
        )
        value = _activated(dense(value), spec, spec.batch_norm, norm, policy)
        rate = spec.dropout if spec.head_dropout is None else spec.head_dropout
        value = drop(rate)(value) if rate else value
    logits = layers.Dense(classes, kernel_regularizer=_l2(spec), dtype="float32")(value)
    return keras.Model(image, logits)


def _activated(value: Any, spec: Cnn, place: BatchNorm, norm: Callable[[], Any], policy: str) -> Any:
    if place == "before_activation":
        value = norm()(value)
    value = layers.Activation(spec.activation, dtype=policy)(value)
    return norm()(value) if place == "after_activation" else value


def _l2(spec: Cnn) -> Any:
    return keras.regularizers.L2(spec.l2) if spec.l2 else None
