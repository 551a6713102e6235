"""Check a .keras file before Keras loads it: it must hold a network as kit stores it, and nothing else.

Runs come from other machines too, and Keras's safe mode is not enough: by CVE-2025-1550, CVE-2025-8747 and
CVE-2025-9906 a configuration calls functions of any module, and layers such as StringLookup read files
(CVE-2025-12058). Hence only the classes of kit's own networks are accepted.
"""

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from kit.errors import UserError

ENTRIES = {"config.json", "metadata.json", "model.weights.h5"}
_LAYERS = """
    Activation Add AveragePooling2D BatchNormalization Concatenate Conv2D Dense DepthwiseConv2D
    Dropout Flatten GlobalAveragePooling2D InputLayer MaxPooling2D Multiply Normalization ReLU
    Rescaling Reshape Softmax ZeroPadding2D
"""
_OPERATIONS = """
    Absolute Add Arctan Clip Divide Floor Maximum Minimum Multiply Negative Pad Round Subtract Sum
    TakeAlongAxis Tan TrueDivide
"""
_CLASSES: dict[str | None, set[str]] = {
    None: {"__keras_tensor__", "__numpy__"},
    "keras": {"DTypePolicy"},
    "keras.initializers": {"GlorotUniform", "HeUniform", "Ones", "VarianceScaling", "Zeros"},
    "keras.layers": set(_LAYERS.split()),
    "keras.regularizers": {"L2"},
    "keras.src.models.functional": {"Functional"},
    "keras.src.ops.core": {"Cast"},
    "keras.src.ops.numpy": set(_OPERATIONS.split()),
}
"""The classes of a configuration by module: those of `kit.models` and of the networks in `BACKBONES`."""
_MARKS = {"module", "class_name", "registered_name"}
"""Keys by which Keras finds a class or a function."""
_REMEDY = (
    "a run's own code is never executed; train it again on this machine, or ask for the file that kit wrote"
)


def check_keras_file(path: Path) -> None:
    """Check that loading a file executes nothing, opens no other file, and needs no more than its size.

    Raises:
        UserError: the file is missing or damaged, or holds something that kit does not store.
    """
    try:
        with ZipFile(path) as file:
            _check_entries(path, file)
            config = json.loads(file.read("config.json"))
            unknown = next(_unknown_classes(config), None)
            unknown = unknown or next(_unknown_weights(file.read("model.weights.h5")), None)
    except (OSError, EOFError, BadZipFile, ValueError, LookupError, RuntimeError, RecursionError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise UserError(
            f"the network is missing or damaged ({reason})",
            where=str(path),
            hint="copy it again from the machine that trained the run",
        ) from error
    if unknown is not None:
        raise UserError(
            "not a network of kit, so it is not loaded", where=str(path), received=unknown, hint=_REMEDY
        )


def _check_entries(path: Path, file: ZipFile) -> None:
    entries = file.infolist()
    names = sorted(entry.filename for entry in entries)
    if names != sorted(ENTRIES):
        raise UserError(
            "not a network of kit, so it is not loaded",
            where=str(path),
            expected=", ".join(sorted(ENTRIES)),
            received=ascii(names)[1:200].rstrip("]"),
            hint=_REMEDY,
        )
    # kit stores the entries uncompressed: a file that declares more than it has is a decompression bomb.
    declared, real = sum(entry.file_size for entry in entries), path.stat().st_size
    if declared > real:
        raise UserError(
            "it unpacks to more than its size, so it is not loaded",
            where=str(path),
            expected=f"at most {real:,} bytes",
            received=f"{declared:,}",
            hint=_REMEDY,
        )


def _unknown_classes(config: Any) -> Iterator[str]:
    """Yield each class or function in a configuration that kit's networks do not have."""
    if isinstance(config, list):
        for value in config:
            yield from _unknown_classes(value)
    if isinstance(config, dict):
        module, name = config.get("module"), config.get("class_name")
        plain = isinstance(module, str | None) and isinstance(name, str)
        known = plain and name in _CLASSES.get(module, ()) and config.get("registered_name") in (None, name)
        if _MARKS & set(config) and not known:
            yield f"{module}.{name}"[:200]
        for value in config.values():
            yield from _unknown_classes(value)


def _unknown_weights(content: bytes) -> Iterator[str]:
    """Yield each part of an HDF5 file that leads to another file, or that is larger than the file itself."""
    import h5py

    size, left, seen = 0, list[Any](), set[Any]()
    with h5py.File(BytesIO(content)) as file:
        left.append(file)
        while left:
            group = left.pop()
            for name in group:
                if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                    yield f"a link in its weights, {group.name}/{name}"[:200]
                    continue
                part = group[name]
                address = h5py.h5o.get_info(part.id).addr
                if address in seen:
                    continue
                seen.add(address)
                if isinstance(part, h5py.Group):
                    left.append(part)
                elif not isinstance(part, h5py.Dataset) or part.external or part.is_virtual:
                    yield f"weights that are in another file, {part.name}"[:200]
                else:
                    size += part.nbytes
        if size > len(content):
            yield f"weights of {size:,} bytes in a file of {len(content):,}"
