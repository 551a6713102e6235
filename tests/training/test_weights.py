"""Where the weights of pretrained networks are, and what is said where they are not."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from kit.config import Cnn, Pretrained, Stage
from kit.errors import UserError
from kit.models.backbones import BACKBONES
from kit.training.weights import located

FILE = BACKBONES["MobileNetV3Small"].file


def spec(weights: str | None) -> Pretrained:
    return Pretrained(kind="pretrained", name="MobileNetV3Small", weights=weights)


@pytest.fixture
def downloads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[list[str]]:
    """Return the commands that were started in place of downloads; Keras's cache is empty."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "cache"))
    commands: list[list[str]] = []
    monkeypatch.setattr(subprocess, "run", lambda command, **_: commands.append(command))
    return commands


@pytest.mark.parametrize("model", [Cnn(stages=(Stage(filters=4),)), spec(None)])
def test_other_models_have_no_weights(model: Any, downloads: list[list[str]]) -> None:
    assert located(model, "net") is model
    assert downloads == []


def test_a_path_becomes_absolute(workdir: Path) -> None:
    (workdir / "my.weights.h5").touch()
    model = located(spec("my.weights.h5"), "net")
    assert isinstance(model, Pretrained)
    assert model.weights == str(workdir / "my.weights.h5")


@pytest.mark.usefixtures("workdir")
def test_a_missing_file_is_named() -> None:
    with pytest.raises(UserError) as raised:
        located(spec("my.weights.h5"), "net")
    assert str(raised.value).startswith("models.net.weights: there is no such file\nreceived my.weights.h5")


def test_weights_of_imagenet_are_in_the_cache_of_keras(downloads: list[list[str]], tmp_path: Path) -> None:
    path = tmp_path / "cache" / "models" / FILE
    path.parent.mkdir(parents=True)
    path.touch()
    model = located(spec("imagenet"), "net")
    assert isinstance(model, Pretrained)
    assert model.weights == str(path)
    assert downloads == []


def test_without_network_the_message_says_how_to_bring_the_file(
    downloads: list[list[str]], tmp_path: Path
) -> None:
    with pytest.raises(UserError) as raised:
        located(spec("imagenet"), "net")
    code = "import keras; keras.applications.MobileNetV3Small(include_top=False)"
    assert str(raised.value).splitlines() == [
        "models.net.weights: the ImageNet weights of MobileNetV3Small are not here, and the download failed",
        f"expected {tmp_path / 'cache' / 'models' / FILE}",
        f'on a machine with network: python -c "{code}"; then copy the file, or set weights: FILE',
    ]
    assert [command[-1] for command in downloads] == [code]
