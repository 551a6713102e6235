"""The residual network that adapts to the images: built, counted, and stored like the others."""

import keras
import numpy as np
import pytest
from keras import layers

from kit.config import ResNet
from kit.models.families import build_network, cost
from kit.models.layers import Layers

SHAPES = [(28, 28, 1), (32, 32, 3), (64, 64, 3), (128, 128, 3), (30, 50, 4)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_cost_is_that_of_keras(shape: tuple[int, int, int]) -> None:
    spec = ResNet(kind="resnet", filters=(8, 16, 24), blocks=2)
    model = build_network(spec, shape, 5)
    multiply_adds = sum(
        int(np.prod(layer.kernel.shape)) * int(np.prod(layer.output.shape[1:-1]))
        for layer in model.layers
        if isinstance(layer, layers.Conv2D | layers.Dense)
    )
    trainable = sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)
    assert cost(spec, shape, 5) == (trainable, multiply_adds)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_number_of_weights_does_not_depend_on_the_size(shape: tuple[int, int, int]) -> None:
    spec = ResNet(kind="resnet")
    size, small = cost(spec, shape, 10), cost(spec, (16, 16, shape[2]), 10)
    # The projection of the first stage is there only with a stride.
    assert size.parameters - small.parameters in {0, 32 * 32 + 2 * 32}


def test_dropout_is_before_the_softmax() -> None:
    *_, pooling, dropout, logits = build_network(ResNet(kind="resnet", dropout=0.3), (8, 8, 1), 3).layers
    assert isinstance(pooling, layers.GlobalAveragePooling2D)
    assert dropout.rate == 0.3
    assert isinstance(logits, layers.Dense)


def test_logits_are_float32_in_bfloat16() -> None:
    spec = ResNet(kind="resnet", filters=(4, 8))
    model = build_network(spec, (16, 16, 3), 7, Layers("mixed_bfloat16"))
    logits = model(np.zeros((2, 16, 16, 3), np.float32))
    assert tuple(logits.shape) == (2, 7)
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"
