"""Write the files of one archive (zip, tar, 7z) into a folder, never outside it."""

import lzma
import math
import re
import shutil
import stat
import tarfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from kit.data import compressed
from kit.data.compressed import LITTLE, MOST_TIMES
from kit.errors import UserError

SUFFIXES = (".zip", ".7z", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
"""Endings of archives."""
MOST_FILES = 5_000_000
MOST_HEADER = 1 << 20
"""Bytes of a file's name and properties in a tar, which are read into memory."""
_JUNK = {"__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini"}
"""What operating systems add to archives."""

Progress = Callable[[str, int, int], None]
"""Receives the name of the archive, the number of files written, and that of all its files (0: unknown)."""


def is_archive(name: str) -> bool:
    """Return whether a file of this name is an archive of files, by its ending."""
    return name.lower().endswith(SUFFIXES)


def plain_name(name: str) -> str:
    """Return the name of an archive without its ending."""
    ending = max((one for one in SUFFIXES if name.lower().endswith(one)), key=len, default="")
    return name[: len(name) - len(ending)]


@dataclass
class Budget:
    """What may still be written, over all archives within each other.

    Attributes:
        files: number of files.
        size: bytes that an honest archive may hold.
        free: free bytes on the disk.
    """

    files: int
    size: int
    free: float

    def take(self, files: int, size: int, archive: str) -> None:
        """Take this share.

        Raises:
            UserError: less is left.
        """
        self.files, self.size, self.free = self.files - files, self.size - size, self.free - size
        if self.free < 0:
            what, hint = "not enough disk space for its files", "free some space"
            raise UserError(what, where=archive, expected=f"{-self.free / 1e6:.1f} MB more", hint=hint)
        if self.files < 0 or self.size < 0:
            expected = f"at most {MOST_FILES:,} files, and {MOST_TIMES} times its own size"
            hint = "if it is no zip bomb, unpack it yourself and name the folder"
            raise UserError("it unpacks to too much", where=archive, expected=expected, hint=hint)


def budget(size: int, folder: Path) -> Budget:
    """Return what archives of `size` bytes may unpack to in `folder`."""
    disk = shutil.disk_usage(folder)
    return Budget(MOST_FILES, max(LITTLE, MOST_TIMES * size), disk.free if disk.total else math.inf)


def write_files(archive: Path, folder: Path, name: str, left: Budget, on_progress: Progress) -> None:
    """Write the files of an archive into `folder`; its empty folders are left out.

    Args:
        archive: the file.
        folder: an existing, empty folder.
        name: of the archive in errors.
        left: is reduced by what is written.
        on_progress: see `Progress`.

    Raises:
        UserError: it is no archive, damaged, needs a password, holds links or paths that lead out of it, or
            two files of one name; it unpacks to more than is left; a file cannot be written.
    """
    lower = archive.name.lower()
    writer = _unpack_7z if lower.endswith(".7z") else _unpack_zip if lower.endswith(".zip") else _unpack_tar
    writer(archive, _Writer(folder, name, left, on_progress))


@dataclass
class _Writer:
    folder: Path
    name: str
    left: Budget
    on_progress: Progress
    written: int = 0
    total: int = 0

    def path(self, member: str) -> Path | None:
        """Return where a file of the archive is written; None: it is left out."""
        parts = member.replace("\\", "/").split("/")
        if parts[0] == "" or re.match("[A-Za-z]:", member) or ".." in parts or "\0" in member:
            raise UserError("a path leads out of the archive", where=self.name, received=repr(member[:60]))
        parts = [part for part in parts if part not in ("", ".")]
        is_folder = member.endswith(("/", "\\"))
        return None if is_folder or _JUNK & set(parts) or not parts else self.folder.joinpath(*parts)

    def write(self, member: str, content: IO[bytes]) -> None:
        """Write a file; `content` has at most the bytes that were taken from the budget."""
        path = self.path(member)
        if path is not None:
            with self._opened(path, member) as file:
                while block := content.read(1 << 20):
                    try:
                        file.write(block)
                    except OSError as error:
                        raise _not_written(path, error) from error
        self.written += 1
        self.on_progress(self.name, self.written, self.total)

    def _opened(self, path: Path, member: str) -> IO[bytes]:
        try:
            if not path.parent.is_dir():
                path.parent.mkdir(parents=True)
            return path.open("xb")
        except FileExistsError as error:
            what, hint = "two files of one name", "their names may differ by case alone"
            raise UserError(what, where=self.name, received=repr(member[:60]), hint=hint) from error
        except OSError as error:
            raise _not_written(path, error) from error

    def refuse_link(self, member: str) -> None:
        hint = "unpack it yourself and name the folder"
        raise UserError("not a file but a link", where=f"{self.name}/{member[:60]}", hint=hint)


def _unpack_zip(archive: Path, writer: _Writer) -> None:
    with compressed.opened_zip(archive, writer.name) as opened:
        members = [member for member in opened.infolist() if not member.is_dir()]
        for member in members:
            # ZipInfo ends its own name at a NUL.
            writer.path(member.orig_filename)
            if stat.S_ISLNK(member.external_attr >> 16):
                writer.refuse_link(member.filename)
            if member.flag_bits & 1:
                raise _needs_password(writer.name)
        writer.total = len(members)
        writer.left.take(len(members), sum(member.file_size for member in members), writer.name)
        for member in members:
            with opened.open(member) as content:
                writer.write(member.filename, content)


def _unpack_tar(archive: Path, writer: _Writer) -> None:
    try:
        with tarfile.open(archive, tarinfo=_CheckedHeader) as opened:
            for member in opened:
                if member.isdir():
                    continue
                content = opened.extractfile(member) if member.isreg() else None
                if content is None:
                    writer.refuse_link(member.name)
                else:
                    writer.left.take(1, member.size, writer.name)
                    writer.write(member.name, content)
            _check_end(opened)
    except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise UserError(f"the archive is truncated or damaged ({error})", where=writer.name) from error
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror or error}", where=writer.name) from error


class _CheckedHeader(tarfile.TarInfo):
    """The header of a file in a tar; a long name or properties are files of their own, read into memory."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """Return the header in `buf`; see `tarfile.TarInfo.frombuf`."""
        header = super().frombuf(buf, encoding, errors)
        # Those of GNU tar, of POSIX, of Solaris.
        if header.type in (b"L", b"K", b"x", b"g", b"X") and header.size > MOST_HEADER:
            raise tarfile.ReadError(f"the name of a file has {header.size:,} bytes")
        return header


def _check_end(archive: tarfile.TarFile) -> None:
    """Raise the error of a truncated archive, which `tarfile` does not notice between two files."""
    file = archive.fileobj
    assert file is not None
    file.seek(archive.offset)
    if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise EOFError("its end is missing")
    while file.read(1 << 20):
        pass  # At its end, the checksum of a compressed file is checked.


def _unpack_7z(archive: Path, writer: _Writer) -> None:
    try:
        import py7zr
    except ImportError:
        hint = "pip install py7zr, or unpack it yourself and name the folder"
        raise UserError("opening a .7z file needs the package py7zr", where=writer.name, hint=hint) from None
    try:
        with py7zr.SevenZipFile(archive) as opened:
            if opened.needs_password():
                raise _needs_password(writer.name)
            members = [member for member in opened.list() if not member.is_directory]
            for member in members:
                writer.path(member.filename)
                if not member.is_file:
                    writer.refuse_link(member.filename)
            _check_distinct((member.filename for member in members), writer.name)
            writer.left.take(len(members), sum(member.uncompressed for member in members), writer.name)
            writer.on_progress(writer.name, 0, len(members))
            opened.extractall(writer.folder)
    except py7zr.PasswordRequired as error:
        raise _needs_password(writer.name) from error
    except (py7zr.exceptions.ArchiveError, lzma.LZMAError, EOFError, ValueError) as error:
        raise UserError(f"the archive is truncated or damaged ({error})", where=writer.name) from error
    except OSError as error:
        raise UserError(f"cannot be unpacked: {error.strerror or error}", where=writer.name) from error
    for name in _JUNK:
        shutil.rmtree(writer.folder / name, ignore_errors=True)


def _not_written(path: Path, error: OSError) -> UserError:
    return UserError(f"cannot be written: {error.strerror or error}", where=str(path))


def _check_distinct(names: Iterable[str], archive: str) -> None:
    seen = set[str]()
    for name in names:
        if name in seen:
            raise UserError("two files of one name", where=archive, received=repr(name[:60]))
        seen.add(name)


def _needs_password(archive: str) -> UserError:
    hint = "unpack it yourself and name the folder"
    return UserError("it needs a password", where=archive, expected="an archive without one", hint=hint)
