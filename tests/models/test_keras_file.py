"""What a .keras file may not hold; `tests/training/test_predictor.py` has the attacks."""

import io
import json
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import pytest

from kit.config import Pretrained
from kit.errors import UserError
from kit.models.keras_file import check_keras_file
from tests.keras_files import Parts, network_parts, write_parts


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Parts:
    return network_parts(tmp_path_factory.mktemp("network") / "network.keras")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cnn-f0-s0.keras"


def refused(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        check_keras_file(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    return message.removeprefix(f"{path}: ")


def test_a_network_of_kit_passes(path: Path, parts: Parts) -> None:
    write_parts(path, parts)
    check_keras_file(path)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["DenseNet121", "EfficientNetV2B0", "MobileNetV2", "MobileNetV3Small", "ResNet50V2"]
)
def test_every_family_of_pretrained_networks_passes(path: Path, name: str) -> None:
    from kit.models.layers import PLAIN
    from kit.models.pretrained import build_pretrained
    from kit.models.standalone import standalone

    spec = Pretrained(kind="pretrained", name=name, dropout=0.5)
    standalone(build_pretrained(spec, (32, 32, 1), 3, PLAIN), deskewing=False).save(path)
    check_keras_file(path)


@pytest.mark.parametrize("name", ["assets/layer/vocabulary.txt", "../outside", "config.pkl"])
def test_other_entries(path: Path, parts: Parts, name: str) -> None:
    write_parts(path, {**parts, name: b"x"})
    message = refused(path)
    assert message.startswith("not a network of kit, so it is not loaded\nexpected config.json, ")
    assert repr(name) in message


def test_an_entry_that_is_there_twice(path: Path, parts: Parts) -> None:
    write_parts(path, parts)
    with warnings.catch_warnings(), zipfile.ZipFile(path, "a") as file:
        warnings.simplefilter("ignore")
        file.writestr("config.json", b"{}")
    assert "not a network of kit" in refused(path)


def test_a_decompression_bomb(path: Path, parts: Parts) -> None:
    write_parts(path, {**parts, "model.weights.h5": bytes(1 << 20)}, zipfile.ZIP_DEFLATED)
    assert refused(path).startswith("it unpacks to more than its size")


@pytest.mark.parametrize(
    "change",
    [
        {"registered_name": "package>Conv2D"},
        {"class_name": ["Conv2D"]},
        {"module": ["keras.layers"]},
        {"module": "keras.src.layers.core.lambda_layer", "class_name": "Lambda"},
        {"module": "keras.layers.", "class_name": "Dense"},
        {"class_name": "__typespec__", "spec_name": "x"},
    ],
    ids=str,
)
def test_other_classes(path: Path, parts: Parts, change: dict[str, Any]) -> None:
    config = json.loads(parts["config.json"])
    config["config"]["layers"][1].update(change)
    write_parts(path, {**parts, "config.json": json.dumps(config).encode()})
    assert refused(path).startswith("not a network of kit, so it is not loaded\nreceived ")


def _external_link(file: h5py.File) -> None:
    file["layers/link"] = h5py.ExternalLink("/etc/passwd", "/")


def _soft_link(file: h5py.File) -> None:
    file["layers/link"] = h5py.SoftLink("/layers")


def _external_storage(file: h5py.File) -> None:
    file.create_dataset("vars/0", (8,), "uint8", external=[("/etc/passwd", 0, 8)])


def _virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((8,), "uint8")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (8,))
    file.create_virtual_dataset("vars/0", layout)


def _declared_only(file: h5py.File) -> None:
    file.create_dataset("vars/0", (10**12,), "float32", chunks=(1024,))


FAULTS: dict[Callable[[h5py.File], None], str] = {
    _external_link: "a link in its weights, /layers/link",
    _soft_link: "a link in its weights, /layers/link",
    _external_storage: "weights that are in another file, /vars/0",
    _virtual: "weights that are in another file, /vars/0",
    _declared_only: "weights of 4,000,000,",
}


@pytest.mark.parametrize("change", FAULTS, ids=lambda change: change.__name__)
def test_weights_that_lead_elsewhere(path: Path, parts: Parts, change: Callable[[h5py.File], None]) -> None:
    raw = io.BytesIO(parts["model.weights.h5"])
    with h5py.File(raw, "r+") as file:
        change(file)
    write_parts(path, {**parts, "model.weights.h5": raw.getvalue()})
    assert f"\nreceived {FAULTS[change]}" in refused(path)


@pytest.mark.parametrize(
    "raw", [b"", b"\x89HDF\r\n\x1a\n" + bytes(100), b"PK\x03\x04"], ids=["empty", "h5", "cut"]
)
def test_what_is_no_keras_file(path: Path, raw: bytes) -> None:
    path.write_bytes(raw)
    assert refused(path).startswith("the network is missing or damaged (")


@pytest.mark.parametrize("config", [b"[" * 100_000, b"\xff", b"{"], ids=["nested", "bytes", "cut"])
def test_a_damaged_configuration(path: Path, parts: Parts, config: bytes) -> None:
    write_parts(path, {**parts, "config.json": config})
    assert refused(path).startswith("the network is missing or damaged (")


def test_every_cut_is_noticed(path: Path, parts: Parts) -> None:
    write_parts(path, parts)
    raw = path.read_bytes()
    for length in range(0, len(raw), len(raw) // 20):
        path.write_bytes(raw[:length])
        assert refused(path).startswith("the network is missing or damaged (")
