from pathlib import Path

import numpy as np
import pytest

from kit.errors import UserError
from kit.training.predictor import probabilities
from tests.keras_files import ATTACKS, SPEC, Parts, network_parts, with_layer, write_parts

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 4, 4, 1), dtype=np.uint8)


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Parts:
    return network_parts(tmp_path_factory.mktemp("network") / "network.keras")


def test_a_network_of_kit_predicts(tmp_path: Path, parts: Parts) -> None:
    write_parts(tmp_path / "network.keras", parts)
    probs = probabilities(IMAGES, str(tmp_path / "network.keras"), SPEC, views=False)
    assert probs.shape == (5, 3)
    np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("name", ATTACKS)
def test_a_file_that_executes_something_is_refused_and_executes_nothing(
    tmp_path: Path, parts: Parts, name: str
) -> None:
    attack, called = ATTACKS[name]
    marker, path = tmp_path / "marker", tmp_path / "network.keras"
    write_parts(path, with_layer(parts, attack(marker)))
    with pytest.raises(UserError, match="not a network of kit, so it is not loaded") as caught:
        probabilities(IMAGES, str(path), SPEC, views=False)
    assert str(caught.value).splitlines()[1] == f"received {called}"
    assert not marker.exists()


def test_keras_itself_would_execute_it(tmp_path: Path, parts: Parts) -> None:
    """Otherwise the tests above would prove nothing."""
    import keras

    attack, _ = ATTACKS["lambda"]
    write_parts(tmp_path / "network.keras", with_layer(parts, attack(tmp_path / "marker")))
    keras.saving.load_model(tmp_path / "network.keras", safe_mode=False)
    assert (tmp_path / "marker").exists()
