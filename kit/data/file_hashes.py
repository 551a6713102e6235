"""The SHA-256 of files, which <cache>/hashes.json stores by path, size and modification time."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from kit.files import atomic


def hashes(
    root: Path, files: Sequence[Path], contents: dict[Path, bytes] | None = None
) -> dict[str, list[Any]]:
    """Return [size in bytes, modification time in ns, SHA-256] by absolute path.

    A file whose size and time are in <root>/hashes.json is not read.

    Args:
        root: folder of the cache.
        files: to be hashed.
        contents: receives the bytes of the files that are read; None: they are not kept.
    """
    try:
        known = dict(json.loads((root / "hashes.json").read_bytes()))
    except (OSError, ValueError, TypeError):
        known = {}
    stamps = {path: stamp_of(path) for path in files}
    current, new = dict[str, list[Any]](), list[Path]()
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
            for path, digest in zip(new, pool.map(lambda path: _sha256(path, contents), new), strict=True):
                current[str(path.resolve())] = [*stamps[path], digest]
    return current


def _sha256(path: Path, contents: dict[Path, bytes] | None) -> str:
    """Return the hash of a file; add its bytes to `contents`."""
    if contents is None:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    contents[path] = path.read_bytes()
    return hashlib.sha256(contents[path]).hexdigest()


def remember(root: Path, hashed: Mapping[str, list[Any]]) -> None:
    """Update <root>/hashes.json if it differs, and if it can be written."""
    content = json.dumps(hashed).encode()
    index = root / "hashes.json"
    with suppress(OSError):
        if not index.is_file() or index.read_bytes() != content:
            with atomic(index) as file:
                file.write(content)


def stamp_of(path: Path) -> list[int]:
    """Return size in bytes and modification time in ns of a file."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]
