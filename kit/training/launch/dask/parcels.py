"""Files that workers need, named by their content: the arrays of a data set, the weights of a network."""

import hashlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from kit.data.cache import ARRAYS
from kit.training.launch.base import DataFolder, Stamp

PART = 1 << 25
"""Bytes of a part. A worker holds some parts in memory, and Dask sends a message as a whole."""
_BLOCK = 1 << 20
_one_reads = threading.Lock()
"""All members start at once, and need the same files."""


class Part(NamedTuple):
    """A part of a file of a parcel."""

    name: str
    offset: int
    size: int


@dataclass(frozen=True)
class Parcel:
    """Files that are sent to a worker once.

    Attributes:
        content: SHA-256 of names and bytes.
        paths: of the files on the driver's machine, by name.
    """

    content: str
    paths: Mapping[str, Path]

    def parts(self) -> Iterator[Part]:
        """Yield the parts of all files; an empty file has one, too."""
        for name, path in self.paths.items():
            size = path.stat().st_size
            for offset in range(0, max(size, 1), PART):
                yield Part(name, offset, min(PART, size - offset))

    def read(self, part: Part) -> bytes:
        """Return the bytes of a part."""
        with self.paths[part.name].open("rb") as file:
            file.seek(part.offset)
            return file.read(part.size)


def parcel_of(data: DataFolder) -> Parcel:
    """Return the parcel of a data set's arrays."""
    return _parcel_of(*(data.path / f"{name}.npy" for name in ARRAYS))


def parcel_of_file(path: Path) -> Parcel:
    """Return the parcel of one file."""
    return _parcel_of(path)


def _parcel_of(*paths: Path) -> Parcel:
    with _one_reads:
        return _parcel(tuple(map(Stamp.of, paths)))


@lru_cache(maxsize=16)
def _parcel(stamps: tuple[Stamp, ...]) -> Parcel:
    # Large files take seconds: they are read again only if they have changed.
    paths = {one.path.name: one.path for one in stamps}
    return Parcel(digest_of(paths), paths)


def digest_of(paths: Mapping[str, Path]) -> str:
    """Return the SHA-256 of names and contents of files, 64 hex digits."""
    digest = hashlib.sha256()
    for name, path in sorted(paths.items()):
        digest.update(f"{name}\0{path.stat().st_size}\0".encode())
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    return digest.hexdigest()
