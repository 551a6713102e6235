"""Read .npy and .npz files that may come from other people: no pickles, no more bytes than the file has."""

from __future__ import annotations

from contextlib import contextmanager
from io import BytesIO
from math import prod
from typing import IO, TYPE_CHECKING, Any
from zipfile import ZipFile

from kit.lazy import LazyModule

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
else:
    np = LazyModule("numpy")

LITTLE = 1 << 30
"""Bytes up to which any file may unpack: blank images shrink to a thousandth."""


def load_array(path: Path) -> NDArray[Any]:
    """Return the array of a .npy file.

    Raises:
        OSError, ValueError: the file is missing or damaged, holds Python objects, or declares an array of
            another size than it has.
    """
    with path.open("rb") as file:
        _check_size(file, path.stat().st_size)
        file.seek(0)
        array: NDArray[Any] = np.load(file, allow_pickle=False)
        return array


@contextmanager
def opened_arrays(content: bytes) -> Iterator[np.lib.npyio.NpzFile]:
    """Open the bytes of an .npz file; `numpy.load` would believe its declared sizes.

    Raises:
        ValueError, BadZipFile: it is damaged, holds Python objects or other things than arrays, or unpacks to
            more than its own size and LITTLE.
    """
    with ZipFile(BytesIO(content)) as archive:
        entries = archive.infolist()
        declared, most = sum(entry.file_size for entry in entries), max(LITTLE, len(content))
        if declared > most:
            raise ValueError(f"it unpacks to {declared:,} bytes, expected at most {most:,}")
        for entry in entries:
            with archive.open(entry) as file:
                _check_size(file, entry.file_size)
    with np.load(BytesIO(content), allow_pickle=False) as arrays:
        yield arrays


def _check_size(file: IO[bytes], size: int) -> None:
    """Check that a .npy file of `size` bytes holds the array that its header declares.

    Raises:
        ValueError: it does not, or has no header.
    """
    form = np.lib.format
    read = {(1, 0): form.read_array_header_1_0, (2, 0): form.read_array_header_2_0}
    version = form.read_magic(file)
    if version not in read:
        raise ValueError(f"an array in version {version} of the format")
    shape, _, dtype = read[version](file)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which kit does not load")
    declared = prod(shape) * dtype.itemsize
    if declared != size - file.tell():
        raise ValueError(f"it declares {declared:,} bytes of an array and has {size - file.tell():,}")
