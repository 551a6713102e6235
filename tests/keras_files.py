"""Files that claim to be stored networks, and execute something where Keras loads them without care."""

import io
import json
import marshal
import types
import zipfile
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py

from kit.config import Cnn, Stage


def _empty_weights() -> bytes:
    raw = io.BytesIO()
    h5py.File(raw, "w").close()
    return raw.getvalue()


SPEC = Cnn(stages=(Stage(filters=2),))
Parts = dict[str, bytes]
EMPTY: Parts = {"metadata.json": b"{}", "config.json": b"{}", "model.weights.h5": _empty_weights()}
"""A file that may be loaded, as far as it goes."""
Attack = Callable[[Path], dict[str, Any]]
"""Returns the configuration of a layer that would write the file at a path."""


def network_parts(path: Path) -> Parts:
    """Write a small network of 4 x 4 images and three classes to `path`; return the entries of its file."""
    from kit.models.cnn import build_cnn
    from kit.models.standalone import standalone

    standalone(build_cnn(SPEC, (4, 4, 1), 3), deskewing=True).save(path)
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def write_parts(path: Path, parts: Parts, compression: int = zipfile.ZIP_STORED) -> None:
    """Write the entries of a .keras file."""
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in parts.items():
            file.writestr(name, content)


def with_layer(parts: Parts, layer: dict[str, Any]) -> Parts:
    """Return the entries of a file whose network begins with one more layer."""
    config = json.loads(parts["config.json"])
    first = config["config"]["layers"][0]["name"]
    keras_tensor = {"shape": [None, 4, 4, 1], "dtype": "float32", "keras_history": [first, 0, 0]}
    tensor = {"class_name": "__keras_tensor__", "config": keras_tensor}
    node = {"args": [tensor], "kwargs": {}}
    config["config"]["layers"].insert(1, {"name": "attack", "inbound_nodes": [node], **layer})
    return {**parts, "config.json": json.dumps(config).encode()}


def _lambda(marker: Path) -> dict[str, Any]:
    code = compile(f"lambda x: open({str(marker)!r}, 'w') and x", "attack", "eval").co_consts[0]
    assert isinstance(code, types.CodeType)
    value = {"code": b64encode(marshal.dumps(code)).decode(), "defaults": None, "closure": None}
    function = {"class_name": "__lambda__", "config": value}
    settings = {"name": "attack", "function": function, "arguments": {}}
    return {"module": "keras.layers", "class_name": "Lambda", "config": settings, "registered_name": None}


def _function(module: str, name: str, *arguments: Any) -> Attack:
    """CVE-2025-1550: a "layer" that is a function of any module, called with the arguments of its node."""

    def layer(marker: Path) -> dict[str, Any]:
        values = [str(marker) if one == "MARKER" else one for one in arguments]
        config = {"module": module, "class_name": "function", "config": name, "registered_name": name}
        return {**config, "inbound_nodes": [{"args": values, "kwargs": {}}]}

    return layer


def _in_initializer(marker: Path) -> dict[str, Any]:
    function = {
        "module": "os",
        "class_name": "function",
        "config": "mkdir",
        "registered_name": "mkdir",
        "path": str(marker),
    }
    settings = {"name": "attack", "units": 2, "kernel_initializer": function}
    return {"module": "keras.layers", "class_name": "Dense", "config": settings, "registered_name": None}


def _without_module(marker: Path) -> dict[str, Any]:
    """The form of Keras 2, which Keras 3 reads by other code."""
    return {key: value for key, value in _lambda(marker).items() if key not in ("module", "registered_name")}


def _layer(name: str, **settings: Any) -> Attack:
    def layer(marker: Path) -> dict[str, Any]:
        values = {key: str(marker) if value == "MARKER" else value for key, value in settings.items()}
        config = {"name": "attack", **values}
        return {"module": "keras.layers", "class_name": name, "config": config, "registered_name": None}

    return layer


ATTACKS: dict[str, tuple[Attack, str]] = {
    "lambda": (_lambda, "keras.layers.Lambda"),
    "lambda without a module": (_without_module, "None.Lambda"),
    "function of os": (_function("os", "mkdir", "MARKER"), "os.function"),
    "function of subprocess": (_function("subprocess", "Popen", ["touch", "MARKER"]), "subprocess.function"),
    "download (CVE-2025-8747)": (
        _function("keras.utils", "get_file", "MARKER", "file:///etc/passwd"),
        "keras.utils.function",
    ),
    "safe mode off (CVE-2025-9906)": (
        _function("keras.config", "enable_unsafe_deserialization"),
        "keras.config.function",
    ),
    "function as initializer": (_in_initializer, "os.function"),
    "vocabulary file (CVE-2025-12058)": (
        _layer("StringLookup", vocabulary="/etc/passwd"),
        "keras.layers.StringLookup",
    ),
    "saved model": (_layer("TFSMLayer", filepath="MARKER"), "keras.layers.TFSMLayer"),
}
"""Attacks, each with the class or function that the message names."""
