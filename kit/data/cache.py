"""The arrays of a data set on disk, memory-mapped, and found by the content of the CSV files.

An entry is the folder <cache>/<key> with train_images.npy, train_labels.npy, test_images.npy and meta.json.
The key depends on the SHA-256 of the CSV files; see `kit.data.file_hashes`.
"""

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from kit.config import Config
from kit.data.file_hashes import stamp_of
from kit.data.integrity import check_of, total
from kit.data.layout import READING
from kit.errors import UserError
from kit.files import FOLDER_MODE, where_offered
from kit.os_errors import reason
from kit.records import Record
from kit.scratch import scratch
from kit.task.labels import LabelEncoder

ARRAYS = ("train_images", "train_labels", "test_images")
"""Names of the .npy files of an entry."""
_MARGIN = 1 << 16
"""Bytes of an entry beside its arrays."""
_VERSION = 5
"""Version of the content of an entry: entries of other versions are not found."""
Fill = Callable[[Path], "Metadata"]
"""Writes the arrays of an entry into a folder, and returns what meta.json holds beside them."""


class Metadata(Record):
    """What meta.json holds beside the arrays.

    Attributes:
        fingerprint: SHA-256 (64 hex digits) of arrays and labels.
        labels: of class 0, 1, ….
        train_names: of the training rows: names of their images, or ids; empty if they have none.
        test_ids: of the test rows; empty if the files have none.
        warnings: findings of the data check, one sentence each.
        files: size in bytes and modification time in ns of each array's file.
        totals: of each array; see `kit.data.integrity.total`. What fills an entry may leave them out.
        check: of all other fields; see `kit.data.integrity.check_of`.
    """

    fingerprint: str
    labels: tuple[str, ...]
    train_names: tuple[str, ...] = ()
    test_ids: tuple[str, ...]
    warnings: tuple[str, ...]
    files: dict[str, list[int]] = Field({})
    totals: dict[str, int] = Field({})
    check: str = ""


@dataclass(frozen=True)
class Entry:
    """A folder with the arrays of a data set, memory-mapped, and the metadata beside them."""

    folder: Path
    arrays: dict[str, NDArray[np.uint8]]
    meta: Metadata


def fingerprint(arrays: Mapping[str, NDArray[np.uint8]], labels: LabelEncoder) -> str:
    """Return the SHA-256 (64 hex digits) of arrays and labels."""
    digest = hashlib.sha256(repr(labels.labels).encode())
    for name in ARRAYS:
        digest.update(f"{name} {arrays[name].shape}\n".encode())
        digest.update(arrays[name].data)
    return digest.hexdigest()


def key(hashed: Mapping[str, list[Any]], config: Config, stamp: str = "") -> str:
    """Return the name of the entry for files with these hashes, read under this configuration.

    Args:
        hashed: from `hashes`.
        config: decides how they are read.
        stamp: of the image files; empty if there are none.
    """
    decides = config.competition.model_dump(include=READING)
    image = config.image.model_dump() if config.competition.has_files else None
    files = [sha256 for _, _, sha256 in hashed.values()]
    content = json.dumps([_VERSION, files, stamp, decides, image], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def any_entry(root: Path) -> bool:
    """Return whether the cache in the folder `root` may have an entry; without one, no key is needed yet."""
    try:
        return any(path.is_dir() for path in root.iterdir())
    except OSError:  # There is none, or `write` says why it cannot be used.
        return False


def find(folder: Path) -> Entry | None:
    """Return the entry in `folder`; None if there is none, or if it is damaged, which is said once."""
    try:
        meta = Metadata.model_validate_json((folder / "meta.json").read_bytes())
        stamps = {name: stamp_of(folder / f"{name}.npy") for name in ARRAYS}
        arrays = _arrays(folder)
    except OSError:  # There is none, or `write` says why the cache cannot be used.
        return None
    except (EOFError, ValueError, KeyError, TypeError):
        return _refused(folder, "a file is damaged")
    if meta.check != check_of(meta, "check"):
        return _refused(folder, "meta.json was changed, or is of an earlier version")
    if meta.files != stamps:
        return _refused(folder, "a file has another size or time")
    if meta.totals != {name: total(array) for name, array in arrays.items()}:
        return _refused(folder, "an array has other values than were written")
    return Entry(folder, arrays, meta)


@cache
def _refused(folder: Path, why: str) -> None:
    click.echo(f"note: the cache entry {folder} cannot be used ({why}); the data is read again", err=True)


def of_arrays(arrays: Mapping[str, NDArray[np.uint8]], describe: Callable[[], Metadata]) -> tuple[Fill, int]:
    """Return what `write` needs for arrays in memory; `describe` runs while they are written."""

    def fill(folder: Path) -> Metadata:
        with ThreadPoolExecutor(1) as pool:
            meta = pool.submit(describe)
            for name in ARRAYS:
                np.save(folder / f"{name}.npy", arrays[name], allow_pickle=False)
            return meta.result()

    return fill, sum(array.nbytes for array in arrays.values())


def write(folder: Path, fill: Fill, size: int) -> Entry:
    """Write an entry and open it; if `folder` cannot be used, print a note once and write a temporary one.

    Args:
        folder: of the entry.
        fill: writes the arrays.
        size: bytes of the arrays.

    Raises:
        UserError: the disk has no space for a temporary one either.
    """
    size += _MARGIN
    try:
        _check_usable(folder, size)
        made = not folder.parent.exists()
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            return _placed(*_build(folder.parent, fill), folder)
        except BaseException:
            if made:
                with suppress(OSError):
                    folder.parent.rmdir()
            raise
    except OSError as error:
        _announce(folder.parent, reason(error))
        return write_temporary(fill, size)


def _check_usable(folder: Path, needed: int) -> None:
    """Raise the OSError that writing an entry of `needed` bytes would raise, before anything is written."""
    if folder.parent.is_file():
        raise NotADirectoryError(errno.ENOTDIR, "it is a file")
    if not os.access(_existing(folder), os.W_OK):
        raise PermissionError(errno.EACCES, "it is not writable")
    if (free := _free(folder)) < needed:
        raise OSError(errno.ENOSPC, f"{free / 1e6:.1f} MB free, {needed / 1e6:.1f} MB needed")


def write_temporary(fill: Fill, size: int) -> Entry:
    """Write an entry into a temporary folder that is removed when this process ends.

    Raises:
        UserError: the disk has no space for it.
    """
    parent = scratch()
    check_space(parent, size, "temporary files")
    try:
        return _opened(*_build(parent, fill))
    except OSError as error:
        raise UserError(
            f"temporary files cannot be written: {reason(error)}",
            where=str(parent.parent),
            hint="free some space there, or set TMPDIR to another folder",
        ) from error


@cache
def _announce(root: Path, reason: str) -> None:
    click.echo(f"note: {root} cannot be used ({reason}); the data is read into a temporary folder", err=True)


def check_space(folder: Path, needed: int, purpose: str) -> None:
    """Check that the disk of `folder`, which need not exist yet, has `needed` bytes free.

    Raises:
        UserError: it has fewer.
    """
    free = _free(folder)
    if free < needed:
        expected, received = f"{needed / 1e6:.1f} MB free", f"{free / 1e6:.1f} MB"
        raise UserError(
            f"not enough disk space for {purpose}",
            where=str(folder),
            expected=expected,
            received=received,
            hint="free some space there",
        )


def _free(folder: Path) -> float:
    """Return the free bytes on the disk of `folder`; infinity if its file system does not report them."""
    disk = shutil.disk_usage(_existing(folder))
    return disk.free if disk.total else float("inf")


def _build(parent: Path, fill: Fill) -> tuple[Path, Metadata]:
    folder = Path(tempfile.mkdtemp(dir=parent, prefix=".kit-data-"))
    try:
        meta = fill(folder)
        files = {name: stamp_of(folder / f"{name}.npy") for name in ARRAYS}
        totals = meta.totals or {name: total(array) for name, array in _arrays(folder).items()}
        complete = meta.model_copy(update={"files": files, "totals": totals})
        complete = complete.model_copy(update={"check": check_of(complete, "check")})
        (folder / "meta.json").write_text(complete.model_dump_json(), encoding="utf-8")
        with where_offered():
            folder.chmod(FOLDER_MODE)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder, complete


def _placed(built: Path, meta: Metadata, folder: Path) -> Entry:
    try:
        try:
            built.rename(folder)
        except OSError:
            # Another process was faster, or the entry there is damaged.
            if (entry := find(folder)) is not None:
                return entry
            shutil.rmtree(folder)
            built.rename(folder)
        return _opened(folder, meta)
    finally:
        shutil.rmtree(built, ignore_errors=True)


def _opened(folder: Path, meta: Metadata) -> Entry:
    """Return the entry just written; another process may have removed it."""
    try:
        return Entry(folder, _arrays(folder), meta)
    except (EOFError, ValueError) as error:
        raise OSError(errno.EIO, "the entry just written cannot be read") from error


def _arrays(folder: Path) -> dict[str, NDArray[np.uint8]]:
    return {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in ARRAYS}


def _existing(folder: Path) -> Path:
    folder = folder.absolute()
    return next(path for path in (folder, *folder.parents) if path.exists())
