"""The parts of a stored network that come before and after the trained one, and its file."""

import re
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from kit.models.augmentation import deskew
from kit.models.standalone import deskewed, for_older_keras, network_of, standalone

SIDE = 28


def bars(*slopes: float, channels: int = 1) -> NDArray[np.uint8]:
    """Return images of a noisy bar through the centre, that moves right by `slope` pixels per row."""
    rows, columns = np.indices((SIDE, SIDE)) - (SIDE - 1) / 2
    bar = np.stack([np.abs(columns - slope * rows) < 3 for slope in slopes]) & (np.abs(rows) < 10)
    noise = np.random.default_rng(0).integers(100, 256, (len(slopes), SIDE, SIDE, channels), np.uint8)
    return np.where(bar[..., None], noise, np.uint8(0))


def graph(shape: tuple[int, ...]) -> keras.Model:
    image = keras.Input(shape)
    return keras.Model(image, deskewed(image))


@pytest.mark.parametrize("channels", [1, 3])
def test_the_graph_deskews_as_numpy_does(channels: int) -> None:
    images = bars(*np.linspace(-0.9, 0.9, 40), channels=channels)
    result = graph(images.shape[1:]).predict(images, verbose=0)
    expected = deskew(images)
    # float32 instead of float64 moments: a value close to a half may round to the other side.
    assert np.abs(result - expected).max() <= 1
    assert (result == expected).mean() > 0.9999
    assert (result != images).mean() > 0.1


@pytest.mark.parametrize("shape", [(8, 8, 1), (9, 6, 1), (6, 9, 3)], ids=str)
def test_images_need_not_be_square(shape: tuple[int, ...]) -> None:
    images = np.random.default_rng(1).integers(0, 256, (20, *shape), np.uint8)
    assert (graph(shape).predict(images, verbose=0) == deskew(images)).mean() > 0.999


def test_images_without_a_slant_stay_as_they_are() -> None:
    images = np.zeros((3, SIDE, SIDE, 1), np.uint8)
    images[1, 5, 3:9] = 200
    images[2, 4:20, 13:15] = 255
    np.testing.assert_array_equal(graph(images.shape[1:]).predict(images, verbose=0), images)


def test_one_image_at_a_time_gives_the_same() -> None:
    images, model = bars(-0.5, 0.3), graph((SIDE, SIDE, 1))
    alone = [model.predict(image[None], verbose=0)[0] for image in images]
    np.testing.assert_array_equal(alone, model.predict(images, verbose=0))


@pytest.fixture
def network() -> keras.Model:
    """Return a network whose logits are the mean grey value of the left and of the right half."""
    image = keras.Input((SIDE, SIDE, 1))
    means = keras.layers.AveragePooling2D((SIDE, SIDE // 2))(image)
    return keras.Model(image, keras.layers.Flatten()(means))


@pytest.mark.parametrize("deskewing", [False, True])
def test_the_model_gives_the_probabilities_of_its_logits(network: Any, deskewing: bool) -> None:
    images = bars(-0.5, 0.3) // 16
    inputs = deskew(images) if deskewing else images
    logits = inputs.reshape(2, SIDE, 2, SIDE // 2).mean(axis=(1, 3))
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    model = standalone(network, deskewing=deskewing)
    np.testing.assert_allclose(model.predict(images, verbose=0), expected, atol=1e-4)


def test_images_of_one_channel_need_no_channel_axis(network: Any) -> None:
    images = bars(-0.5, 0.3)
    results = [
        standalone(network, deskewing=True).predict(one, verbose=0) for one in (images, images[..., 0])
    ]
    np.testing.assert_array_equal(*results)


def test_the_file_has_no_setting_that_keras_3_13_refuses(network: Any, tmp_path: Path) -> None:
    path, images = tmp_path / "network.keras", bars(0.5)
    normalized = keras.Model(network.input, keras.layers.BatchNormalization()(network.output))
    normalized.save(path)
    path.write_bytes(for_older_keras(path.read_bytes()))
    with zipfile.ZipFile(path) as file:
        assert not re.search(r'"(input_axes|output_axes|renorm\w*)"', file.read("config.json").decode())
    loaded = keras.saving.load_model(path)
    assert np.array_equal(loaded.predict(images, verbose=0), normalized.predict(images, verbose=0))


@pytest.mark.parametrize("deskewing", [False, True])
def test_the_network_itself_can_be_taken_out_again(
    tmp_path: Path, network: keras.Model, deskewing: bool
) -> None:
    standalone(network, deskewing=deskewing).save(tmp_path / "network.keras")
    loaded = network_of(keras.saving.load_model(tmp_path / "network.keras", safe_mode=True))
    images = bars(-0.5, 0.3)
    np.testing.assert_array_equal(loaded.predict(images, verbose=0), network.predict(images, verbose=0))


def test_a_network_without_other_layers_is_returned_unchanged(network: keras.Model) -> None:
    assert network_of(network) is network
