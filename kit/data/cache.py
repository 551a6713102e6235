"""The arrays of a data set on disk, memory-mapped, found by the content of the CSV files they were made of.

An entry is the folder <cache>/<key> with train_images.npy, train_labels.npy, test_images.npy and meta.json.
The key comes from the SHA-256 of the CSV files, itself remembered by path, size and modification time in
<cache>/hashes.json.
"""

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from kit.config import Competition
from kit.errors import UserError
from kit.files import atomic, where_offered
from kit.scratch import scratch

ARRAYS = ("train_images", "train_labels", "test_images")
"""Names of the .npy files of an entry."""
_VERSION = 4
"""Of what an entry holds: one that another version wrote is not found."""
_READING = {"label_column", "classes", "labels", "pixel_prefix", "image_shape", "test_id_column"}
"""Keys of the configuration that decide how files are read."""


@dataclass(frozen=True)
class Entry:
    """A folder with the arrays of a data set, opened memory-mapped, and what was noted with them."""

    folder: Path
    arrays: dict[str, NDArray[np.uint8]]
    meta: dict[str, Any]


def hashes(root: Path, files: Iterable[Path]) -> dict[str, list[Any]]:
    """Return [size in bytes, modification time in ns, SHA-256] by absolute path.

    A file of which <root>/hashes.json knows size and time is not read.
    """
    try:
        known = dict(json.loads((root / "hashes.json").read_bytes()))
    except (OSError, ValueError, TypeError):
        known = {}
    current = {}
    for path in files:
        name, stamp = str(path.resolve()), _stamp(path)
        match known.get(name):
            case [size, changed, str()] as entry if [size, changed] == stamp:
                current[name] = entry
            case _:
                with path.open("rb") as file:
                    current[name] = [*stamp, hashlib.file_digest(file, "sha256").hexdigest()]
    return current


def remember(root: Path, hashed: Mapping[str, list[Any]]) -> None:
    """Write <root>/hashes.json where it says something else, and can be written."""
    content = json.dumps(hashed).encode()
    index = root / "hashes.json"
    with suppress(OSError):
        if not index.is_file() or index.read_bytes() != content:
            with atomic(index) as file:
                file.write(content)


def key(hashed: Mapping[str, list[Any]], competition: Competition) -> str:
    """Return the name of the entry for files with these hashes, read as `competition` says."""
    decides = competition.model_dump(include=_READING)
    content = json.dumps([_VERSION, [sha256 for _, _, sha256 in hashed.values()], decides], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def find(folder: Path) -> Entry | None:
    """Return the entry in `folder`; None where there is none or it is cut or changed."""
    try:
        meta = json.loads((folder / "meta.json").read_bytes())
        if meta["files"] != {name: _stamp(folder / f"{name}.npy") for name in ARRAYS}:
            return None
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in ARRAYS}
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Entry(folder, arrays, meta)


def write(folder: Path, arrays: Mapping[str, NDArray[np.uint8]], meta: Mapping[str, Any]) -> Entry:
    """Write an entry and open it; where `folder` cannot be used, say so once and write a temporary one.

    Raises:
        UserError: the disk has no room for a temporary one either.
    """
    try:
        _check_usable(folder, _size(arrays))
        made = not folder.parent.exists()
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            return _placed(_build(folder.parent, arrays, meta), folder)
        except OSError:
            if made:
                with suppress(OSError):
                    folder.parent.rmdir()
            raise
    except OSError as error:
        _announce(folder.parent, error.strerror or str(error))
        return write_temporary(arrays, meta)


def _check_usable(folder: Path, needed: int) -> None:
    """Raise the OSError that writing an entry of `needed` bytes would, before anything is written."""
    if folder.parent.is_file():
        raise NotADirectoryError(errno.ENOTDIR, "it is a file")
    if not os.access(_existing(folder), os.W_OK):
        raise PermissionError(errno.EACCES, "it may not be written")
    if (free := _free(folder)) < needed:
        raise OSError(errno.ENOSPC, f"{free / 1e6:.1f} MB free, {needed / 1e6:.1f} MB needed")


def write_temporary(arrays: Mapping[str, NDArray[np.uint8]], meta: Mapping[str, Any]) -> Entry:
    """Write an entry into a temporary folder that is removed when this process ends.

    Raises:
        UserError: the disk has no room for it.
    """
    parent = scratch()
    check_space(parent, _size(arrays), "temporary files")
    try:
        return _opened(_build(parent, arrays, meta))
    except OSError as error:
        raise UserError(
            f"no temporary files can be written: {error.strerror or error}",
            where=str(parent.parent),
            hint="make room there, or set TMPDIR to another folder",
        ) from error


@cache
def _announce(root: Path, reason: str) -> None:
    click.echo(f"note: {root} cannot be used ({reason}); the data is read into a temporary folder", err=True)


def check_space(folder: Path, needed: int, purpose: str) -> None:
    """Check that the disk of `folder`, which need not exist yet, has room for `needed` bytes.

    Raises:
        UserError: it has not.
    """
    free = _free(folder)
    if free < needed:
        expected, received = f"{needed / 1e6:.1f} MB free", f"{free / 1e6:.1f} MB"
        raise UserError(
            f"not enough disk for {purpose}",
            where=str(folder),
            expected=expected,
            received=received,
            hint="make room there",
        )


def _free(folder: Path) -> float:
    """Return the bytes that are free on the disk of `folder`; infinity where its file system does not say."""
    disk = shutil.disk_usage(_existing(folder))
    return disk.free if disk.total else float("inf")


def _build(parent: Path, arrays: Mapping[str, NDArray[np.uint8]], meta: Mapping[str, Any]) -> Path:
    folder = Path(tempfile.mkdtemp(dir=parent, prefix=".kit-data-"))
    try:
        for name in ARRAYS:
            np.save(folder / f"{name}.npy", arrays[name], allow_pickle=False)
        files = {name: _stamp(folder / f"{name}.npy") for name in ARRAYS}
        (folder / "meta.json").write_text(json.dumps({**meta, "files": files}), encoding="utf-8")
        with where_offered():
            folder.chmod(0o755)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder


def _placed(built: Path, folder: Path) -> Entry:
    try:
        try:
            built.rename(folder)
        except OSError:
            # Another process was faster, or what lies there is damaged.
            if (entry := find(folder)) is not None:
                return entry
            shutil.rmtree(folder)
            built.rename(folder)
        return _opened(folder)
    finally:
        shutil.rmtree(built, ignore_errors=True)


def _opened(folder: Path) -> Entry:
    entry = find(folder)
    if entry is None:
        raise OSError(errno.EIO, "what was written cannot be read again")
    return entry


def _existing(folder: Path) -> Path:
    folder = folder.absolute()
    return next(path for path in (folder, *folder.parents) if path.exists())


def _size(arrays: Mapping[str, NDArray[np.uint8]]) -> int:
    return sum(array.nbytes for array in arrays.values()) + (1 << 16)


def _stamp(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]
