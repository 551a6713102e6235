"""The SHA-256 of files, which <cache>/hashes.json stores by path, size and modification time."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kit.data import compressed
from kit.data.compressed import Raw
from kit.errors import UserError
from kit.files import atomic

Hashes = dict[str, list[Any]]
"""[size in bytes, modification time in ns, SHA-256] by absolute path."""
_INDEX = "hashes.json"
_TRIES = 3


@dataclass(frozen=True)
class FileRead:
    """The bytes of a file, and its stamp, which did not change while they were read."""

    stamp: list[int]
    raw: Raw


def read(path: Path, bytes_of: Callable[[Path], Raw] = compressed.read) -> FileRead:
    """Read a file, again if it changes meanwhile.

    Args:
        path: of the file.
        bytes_of: returns its bytes.

    Raises:
        UserError: it changes each time.
    """
    for _ in range(_TRIES):
        before = stamp_of(path)
        raw = bytes_of(path)
        if stamp_of(path) == before:
            return FileRead(before, raw)
    raise UserError("the file changes while it is read", where=str(path), hint="wait until it is complete")


def stored(root: Path) -> Hashes:
    """Return the hashes in <root>/hashes.json; none if there is no such file, or it is damaged."""
    try:
        return dict(json.loads((root / _INDEX).read_bytes()))
    except (OSError, ValueError, TypeError):
        return {}


def hashes(files: Sequence[Path], known: Hashes, ready: Mapping[Path, FileRead] | None = None) -> Hashes:
    """Return the hashes of files, by absolute path.

    Args:
        files: to be hashed.
        known: hashes from earlier; a file with the same size and time is not hashed again.
        ready: files that are read already.
    """
    ready = ready or {}
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


def remember(root: Path, hashed: Hashes) -> None:
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
