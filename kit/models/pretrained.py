"""Networks of keras.applications with a new softmax."""

from typing import Any

import keras
from keras import layers

from kit.config import Model, Pretrained
from kit.errors import KitError
from kit.models.backbones import BACKBONES
from kit.models.layers import Layers

IMAGENET_MEAN, IMAGENET_SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of red, green and blue, from 0 to 1, over the training images of ImageNet."""


def build_pretrained(
    spec: Pretrained, shape: tuple[int, int, int], classes: int, blocks: Layers
) -> keras.Model:
    """Build the network: pixels 0 to 255 (batch, height, width, channels) to logits (batch, classes) float32.

    Its weights are random; see `load_weights`.

    Args:
        spec: the network.
        shape: height, width and channels of an image; one channel is repeated to three.
        classes: number of classes.
        blocks: types and precision of the layers; batch normalisation is always Keras's.
    """
    height, width, channels = shape
    image = keras.Input(shape, dtype="float32")
    value = image if channels == 3 else layers.Concatenate(dtype="float32")([image] * 3)
    match BACKBONES[spec.name].pixels:
        case "-1..1":
            value = layers.Rescaling(1 / 127.5, -1.0, dtype="float32")(value)
        case "standardised":
            scale = [1 / (255 * sd) for sd in IMAGENET_SD]
            offset = [-mean / sd for mean, sd in zip(IMAGENET_MEAN, IMAGENET_SD, strict=True)]
            value = layers.Rescaling(scale, offset, dtype="float32")(value)
    value = _backbone(spec.name, (height, width, 3), blocks.policy)(value)
    if spec.dropout:
        value = blocks.dropout(spec.dropout, dtype=blocks.policy)(value)
    return keras.Model(image, layers.Dense(classes, dtype="float32")(value))


def load_weights(network: keras.Model, model: Model) -> None:
    """Load the weights of a pretrained network, which `kit.training.weights.located` found; else do nothing.

    Raises:
        KitError: the file is not readable, or has the weights of another network.
    """
    if not isinstance(model, Pretrained) or model.weights is None:
        return
    try:
        _backbone_of(network).load_weights(model.weights)
    except (ValueError, OSError, KeyError) as error:
        reason = str(error).strip().partition("\n")[0].partition(" Example error")[0][:200]
        hint = "it must be saved by Keras, from a network with include_top=False"
        raise KitError(f"{model.weights}: not the weights of {model.name}: {reason}", hint=hint) from error


def freeze(network: keras.Model, model: Model, *, frozen: bool) -> None:
    """Set which layers of a pretrained network are trained; do nothing to others.

    Batch normalisation keeps its pretrained statistics and weights in any case: a small training set would
    change them for the worse.

    Args:
        network: of `model`.
        model: from the configuration.
        frozen: whether all layers but the softmax keep their weights.
    """
    if isinstance(model, Pretrained) and model.weights is not None:
        for layer in _backbone_of(network).layers:
            layer.trainable = not frozen and not isinstance(layer, layers.BatchNormalization)


def _backbone(name: str, shape: tuple[int, int, int], policy: str) -> Any:
    make = getattr(keras.applications, name)
    # The functions of keras.applications take no precision, but use the global one.
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        return make(weights=None, include_top=False, pooling="avg", input_shape=shape)
    finally:
        keras.config.set_dtype_policy(before)


def _backbone_of(network: keras.Model) -> keras.Model:
    return next(layer for layer in network.layers if isinstance(layer, keras.Model))
