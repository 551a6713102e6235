"""The bytes of a competition's file: plain, gzip, or the only file of a zip."""

import gzip
import io
import lzma
import mmap
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from kit.errors import UserError

SUFFIXES = (".gz", ".zip")
"""Suffixes that compression adds to the name of a file."""
Content = tuple[bytes, str]
"""A file's bytes, not compressed, and its name in errors."""
Raw = bytes | mmap.mmap
"""The bytes of a file that may be large; see `read`."""
RawContent = tuple[Raw, str]
"""The same as `Content`, of a file that may be large."""
LARGE = 1 << 22
"""Bytes of a large file."""
LARGEST = 4 << 30
"""Bytes of an unpacked file; a larger one would fill the memory."""
MOST_TIMES = 200
"""How many times its own size a file may unpack to; ordinary ones reach 20."""
LITTLE = 1 << 30
"""Bytes up to which any file may unpack: blank images shrink to a thousandth."""


def check_file(path: Path) -> None:
    """Check that `path` is a file that can be read.

    Raises:
        UserError: it is missing, not a regular file, or not readable.
    """
    if not path.exists():
        raise UserError("no such file", where=str(path))
    if not path.is_file():
        received = "a folder" if path.is_dir() else "no regular file"
        raise UserError("not a CSV file", where=str(path), expected="a CSV file", received=received)
    if not os.access(path, os.R_OK):
        raise UserError("not readable", where=str(path), hint=f"allow it: chmod u+r {path}")


def check_folder(path: Path) -> None:
    """Check that `path` is a readable folder: in an unreadable one, files seem not to exist.

    Raises:
        UserError: it is not.
    """
    if not os.access(f"{path}/", os.R_OK | os.X_OK):
        received = "one without permission" if path.is_dir() else "something else"
        raise UserError("cannot be read", where=f"{path}", expected="a folder", received=received)


def plain_name(name: str) -> str:
    """Return the name of a file without the suffix of its compression: train.csv for train.csv.zip."""
    return name.removesuffix(".gz").removesuffix(".zip")


def content(path: Path) -> bytes:
    """Return the bytes of a file, unpacked if they are gzip or a zip.

    Raises:
        UserError: the file is missing, not regular, not readable, or damaged.
    """
    check_file(path)
    return bytes(unpacked(path.read_bytes(), str(path)))


def read(path: Path) -> Raw:
    """Return the bytes of a file as they are; those of a large one in large pages, where the system has any.

    These take a quarter of the time of `Path.read_bytes`: the system blanks all memory before a process has
    it, page by page.
    """
    size = path.stat().st_size
    if size < LARGE or not hasattr(mmap, "MADV_HUGEPAGE"):
        return path.read_bytes()
    try:
        memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE)
        memory.madvise(mmap.MADV_HUGEPAGE)
    except OSError:  # Linux without large pages, or not enough memory.
        return path.read_bytes()
    with path.open("rb") as file:
        done = file.readinto(memory)
    return memory if done == size else memory[:done]


class _Stream(io.RawIOBase):
    def __init__(self, raw: Raw, start: int) -> None:
        self._raw, self._at = raw, start

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        part = self._raw[self._at : self._at + len(buffer)]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)


def stream(raw: Raw, start: int) -> io.BufferedReader:
    """Return a stream of the bytes from `start`; `io.BytesIO` would copy those of a large file."""
    return io.BufferedReader(_Stream(raw, start))


def unpacked(raw: Raw, name: str) -> Raw:
    """Return `raw`, decompressed if it is gzip or a zip of one file; `name` names it in errors.

    Raises:
        UserError: it is truncated or damaged, or a zip of other files; it unpacks to too much.
    """
    if raw[:4] == b"PK\x03\x04":
        with opened_zip(io.BytesIO(raw), name) as archive:
            return extracted(archive, _only_member(archive, name), name)
    if raw[:2] != b"\x1f\x8b":
        return raw
    try:
        most = _most(len(raw))
        blocks, size = list[bytes](), 0
        with gzip.GzipFile(fileobj=io.BytesIO(raw)) as file:
            while size <= most and (block := file.read(1 << 20)):
                blocks.append(block)
                size += len(block)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(
            f"the gzip is truncated or damaged ({error})", where=name, hint="download the file again"
        ) from error
    if size > most:
        raise _too_much(name, most, "more")
    return b"".join(blocks)


def _most(size: int) -> int:
    """Return how many bytes a compressed file of `size` bytes may unpack to."""
    return min(LARGEST, max(LITTLE, MOST_TIMES * size))


def _too_much(name: str, most: int, received: str) -> UserError:
    return UserError(
        "it unpacks to too much",
        where=name,
        expected=f"at most {most:,} bytes",
        received=received,
        hint="if it is no zip bomb, unpack it yourself",
    )


@contextmanager
def opened_zip(file: Path | io.BytesIO, name: str) -> Iterator[zipfile.ZipFile]:
    """Open a zip; errors in the block name it.

    Raises:
        UserError: it is not a zip, truncated, damaged, or needs a password.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError) as error:
        raise UserError(f"not a zip, or a truncated or damaged one ({error})", where=name) from error
    except (RuntimeError, NotImplementedError) as error:
        expected = "a plain zip without a password"
        raise UserError("cannot be unpacked", where=name, expected=expected) from error
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror or error}", where=name) from error


def extracted(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> bytes:
    """Return the bytes of `member`, at most as many as the zip declares.

    Raises:
        UserError: it has more than LARGEST bytes, or far more than its compressed size.
    """
    if member.file_size > (most := _most(member.compress_size)):
        raise _too_much(name, most, f"{member.file_size:,}")
    return archive.read(member)


def _only_member(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    wanted = plain_name(PurePosixPath(name).name)
    members = [
        one for one in archive.infolist() if not (one.is_dir() or one.filename.startswith("__MACOSX/"))
    ]
    named = [one for one in members if PurePosixPath(one.filename).name == wanted]
    found = named or members
    if len(found) != 1:
        received = ", ".join(repr(one.filename[:40]) for one in found[:3]) or "an empty zip"
        raise UserError("a zip of other files", where=name, expected=f"one file, {wanted}", received=received)
    return found[0]
