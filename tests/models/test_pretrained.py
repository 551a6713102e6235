"""Pretrained networks: built, loaded from a file, frozen, and counted."""

from pathlib import Path
from typing import Any, get_args

import keras
import numpy as np
import pytest
from keras import layers

from kit.config import Pretrained
from kit.config.pretrained import Backbone
from kit.errors import KitError
from kit.models.backbones import BACKBONES, SIDE
from kit.models.families import build_network, cost
from kit.models.layers import Layers
from kit.models.pretrained import IMAGENET_MEAN, IMAGENET_SD, freeze, load_weights

NAMES = get_args(Backbone)
SMALL = "MobileNetV3Small"
SHAPE = (32, 32, 3)


def spec(name: Any = SMALL, **also: Any) -> Pretrained:
    return Pretrained(kind="pretrained", name=name, **also)


def inner(network: keras.Model) -> keras.Model:
    return next(layer for layer in network.layers if isinstance(layer, keras.Model))


def counted(model: keras.Model) -> tuple[int, int]:
    """Return trainable numbers, and the multiply-adds of convolutions and dense layers."""
    multiply_adds = sum(
        int(np.prod(layer.kernel.shape)) * int(np.prod(layer.output.shape[1:-1]))
        for layer in model.layers
        if isinstance(layer, layers.Conv2D | layers.Dense | layers.DepthwiseConv2D)
    )
    return sum(int(np.prod(variable.shape)) for variable in model.trainable_variables), multiply_adds


def test_every_name_has_its_sizes() -> None:
    assert set(BACKBONES) == set(NAMES)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_size_of_a_backbone_is_that_of_keras(name: str) -> None:
    made = getattr(keras.applications, name)(
        weights=None, include_top=False, pooling="avg", input_shape=(SIDE, SIDE, 3)
    )
    backbone = BACKBONES[name]
    assert counted(made) == (backbone.parameters, backbone.multiply_adds)
    assert made.output_shape == (None, backbone.features)


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(64, 64, 3), (96, 128, 1)], ids=str)
def test_the_cost_is_about_that_of_keras(shape: tuple[int, int, int]) -> None:
    network = build_network(spec(), shape, 7)
    size = cost(spec(), shape, 7)
    (parameters, multiply_adds), head = counted(inner(network)), network.layers[-1].kernel.shape
    assert size.parameters == parameters + (head[0] + 1) * head[1]
    assert size.multiply_adds == pytest.approx(multiply_adds, rel=0.1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (SMALL, [0.0, 51.0, 255.0]),
        ("MobileNetV2", [-1.0, -0.6, 1.0]),
        ("DenseNet121", [(one - IMAGENET_MEAN[0]) / IMAGENET_SD[0] for one in (0.0, 0.2, 1.0)]),
    ],
)
def test_pixels_are_scaled_as_the_backbone_expects(name: str, expected: list[float]) -> None:
    network = build_network(spec(name), SHAPE, 3)
    scaled = keras.Model(network.inputs[0], _before(network))
    image = np.array([0, 51, 255], np.float32).reshape(1, 1, 3, 1) * np.ones((1, 32, 1, 3), np.float32)
    image = np.pad(image, ((0, 0), (0, 0), (0, 29), (0, 0)))
    np.testing.assert_allclose(scaled(image)[0, 0, :3, 0], expected, rtol=1e-5, atol=1e-5)


def _before(network: keras.Model) -> Any:
    """Return the tensor that enters the backbone."""
    place = next(place for place, layer in enumerate(network.layers) if isinstance(layer, keras.Model))
    return network.layers[place - 1].output


@pytest.mark.slow
def test_a_grey_image_is_repeated_to_three_channels() -> None:
    network = build_network(spec(weights=None, dropout=0.0), (32, 32, 1), 3)
    colour = build_network(spec(weights=None, dropout=0.0), SHAPE, 3)
    colour.set_weights(network.get_weights())
    grey = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 1)).astype(np.float32)
    np.testing.assert_allclose(network(grey), colour(np.repeat(grey, 3, axis=-1)), rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_precision_and_dropout_are_those_of_the_run() -> None:
    network = build_network(spec(dropout=0.3), SHAPE, 3, Layers("mixed_bfloat16"))
    assert {layer.compute_dtype for layer in inner(network).layers if layer.weights} == {"bfloat16"}
    assert network.layers[-2].rate == 0.3
    assert network.layers[-1].compute_dtype == "float32"
    assert keras.config.dtype_policy().name == "float32"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with random weights."""
    path = tmp_path_factory.mktemp("weights") / "small.weights.h5"
    keras.applications.MobileNetV3Small(weights=None, include_top=False, input_shape=SHAPE).save_weights(path)
    return path


@pytest.mark.slow
def test_weights_are_those_of_the_file(file: Path) -> None:
    model, other = spec(weights=str(file)), build_network(spec(weights=None), SHAPE, 3)
    network = build_network(model, SHAPE, 3)
    load_weights(network, model)
    expected = keras.applications.MobileNetV3Small(weights=None, include_top=False, input_shape=SHAPE)
    expected.load_weights(file)
    for one, wanted in zip(inner(network).get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(one, wanted)
    assert not np.array_equal(inner(other).get_weights()[0], expected.get_weights()[0])


@pytest.mark.slow
@pytest.mark.parametrize("content", ["nothing", "of another network"])
def test_a_file_without_these_weights_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.weights.h5"
    if content == "nothing":
        path.write_bytes(b"nothing")
    else:
        image = keras.Input((4,))
        keras.Model(image, layers.Dense(2)(image)).save_weights(path)
    model = spec(weights=str(path))
    with pytest.raises(KitError, match=r"wrong\.weights\.h5: not the weights of MobileNetV3Small"):
        load_weights(build_network(model, SHAPE, 3), model)


@pytest.mark.slow
def test_frozen_layers_are_all_but_the_softmax_and_batch_norm_is_never_trained() -> None:
    model = spec(weights="a file")
    network = build_network(model, SHAPE, 3)
    freeze(network, model, frozen=True)
    assert [tuple(one.shape) for one in network.trainable_variables] == [(576, 3), (3,)]
    freeze(network, model, frozen=False)
    names = {one.path.rsplit("/")[-1] for one in network.trainable_variables}
    assert {"kernel", "bias"} <= names
    assert not {"gamma", "beta"} & names


@pytest.mark.slow
def test_without_weights_every_layer_is_trained() -> None:
    network = build_network(spec(weights=None), SHAPE, 3)
    freeze(network, spec(weights=None), frozen=False)
    assert {"gamma", "beta"} <= {one.path.rsplit("/")[-1] for one in network.trainable_variables}
