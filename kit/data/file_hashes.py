"""The SHA-256 of files, which <cache>/hashes.json stores by path, size and modification time."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kit.data import compressed
from kit.data.compressed import Raw
from kit.files import atomic

Hashes = dict[str, list[Any]]
"""[size in bytes, modification time in ns, SHA-256] by absolute path."""
_INDEX = "hashes.json"


@dataclass(frozen=True)
class FileRead:
    """The bytes of a file, and its stamp from before: a file that changes later has another one."""

    stamp: list[int]
    raw: Raw


def read(path: Path) -> FileRead:
    """Read a file."""
    return FileRead(stamp_of(path), compressed.read(path))


def any_known(root: Path) -> bool:
    """Return whether the cache in the folder `root` may have an entry: hashes are stored with it."""
    return (root / _INDEX).is_file()


def hashes(root: Path, files: Sequence[Path], ready: Mapping[Path, FileRead] | None = None) -> Hashes:
    """Return [size in bytes, modification time in ns, SHA-256] by absolute path.

    A file whose size and time are in <root>/hashes.json is not read.

    Args:
        root: folder of the cache.
        files: to be hashed.
        ready: those that are read already.
    """
    ready = ready or {}
    try:
        known = dict(json.loads((root / _INDEX).read_bytes()))
    except (OSError, ValueError, TypeError):
        known = {}
    stamps = {path: ready[path].stamp if path in ready else stamp_of(path) for path in files}
    current, new = Hashes(), list[Path]()
    for path in files:
        match known.get(name := str(path.resolve())):
            case [size, changed, str()] as entry if [size, changed] == stamps[path]:
                current[name] = entry
            case _:
                current[name] = stamps[path]
                new.append(path)
    if new:
        # Files are hashed side by side: hashlib and reading leave Python's lock.
        with ThreadPoolExecutor(len(new)) as pool:
            digests = pool.map(lambda path: _sha256(path, ready.get(path)), new)
            for path, digest in zip(new, digests, strict=True):
                current[str(path.resolve())] = [*stamps[path], digest]
    return current


def _sha256(path: Path, ready: FileRead | None) -> str:
    if ready is not None:
        return hashlib.sha256(ready.raw).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remember(root: Path, hashed: Mapping[str, list[Any]]) -> None:
    """Update <root>/hashes.json if it differs, and if it can be written."""
    content = json.dumps(hashed).encode()
    index = root / _INDEX
    with suppress(OSError):
        if not index.is_file() or index.read_bytes() != content:
            with atomic(index) as file:
                file.write(content)


def stamp_of(path: Path) -> list[int]:
    """Return size in bytes and modification time in ns of a file."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]
