"""Find image files in a folder, and the file that a name in a table means."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from unicodedata import normalize

from kit.data.archive_formats import SUFFIXES as ARCHIVES
from kit.errors import UserError

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
"""Endings of image files, in lower case."""
_IGNORED = frozenset({"__MACOSX", "Thumbs.db", "desktop.ini"})
_AMBIGUOUS = -1


def walk(folder: Path, *, leave_out: Path | None = None) -> Iterator[tuple[str, "os.DirEntry[str]"]]:
    """Yield the image files below a folder: path relative to it (with "/"), entry; in no particular order.

    Hidden files, what operating systems add (`__MACOSX`, `Thumbs.db`), files with another ending than
    SUFFIXES and the folder `leave_out` are left out. A link to nothing and a folder that is named as an image
    are kept: reading them fails.

    Raises:
        UserError: a folder is missing or cannot be read.
    """
    seen, waiting = set[tuple[int, int]](), [("", os.fspath(folder))]
    while waiting:
        prefix, path = waiting.pop()
        try:
            status = Path(path).stat()
            # A link may lead to a folder above.
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(path) as entries:
                for entry in entries:
                    name = entry.name
                    if _ignored(name):
                        continue
                    is_image = name.lower().endswith(SUFFIXES)
                    if entry.is_dir() and not is_image:
                        if leave_out is None or Path(entry.path) != leave_out:
                            waiting.append((f"{prefix}{name}/", entry.path))
                    elif is_image and _is_readable(entry):
                        yield prefix + name, entry
        except OSError as error:
            raise _unreadable(path, error) from error


def image_files(folder: Path, *, leave_out: Path | None = None) -> list[str]:
    """Return the image files below a folder, relative to it, in no particular order.

    Raises:
        UserError: a folder is missing or cannot be read; there is no image file.
    """
    files = [name for name, _ in walk(folder, leave_out=leave_out)]
    if not files:
        expected = f"files that end with {', '.join(SUFFIXES)}"
        raise UserError("there are no image files", where=f"{folder}/", expected=expected)
    return files


def class_folders(folder: Path, leave_out: Path | None) -> set[str]:
    """Return the names of the folders in a folder, without the hidden ones and `leave_out`."""
    with os.scandir(folder) as entries:
        return {
            entry.name
            for entry in entries
            if entry.is_dir() and not _ignored(entry.name) and Path(entry.path) != leave_out
        }


def natural(name: str) -> list[tuple[int, str]]:
    """Return the key that sorts names by the numbers in them: 2.png before 10.png."""
    parts = re.split("([0-9]+)", name)
    return [(int(part), "") if place % 2 else (0, part) for place, part in enumerate(parts)]


def stem(name: str) -> str:
    """Return a name without the ending of an image file."""
    base, _, ending = name.rpartition(".")
    return base if base and f".{ending.lower()}" in SUFFIXES else name


def inside(name: str, folder: str) -> str:
    """Return a path in a table as it is inside a folder of this name: 1.png for ../input/train/1.png."""
    path = name.replace("\\", "/").removeprefix("./").removeprefix("/")
    return f"/{path}".rpartition(f"/{folder}/")[2].removeprefix("/")


@dataclass(frozen=True)
class Index:
    """The files that names mean.

    A name means the file whose path below the folder, name, or one of these without ending is equal to it. Of
    a path that contains the name of the folder, the part after it counts.

    Attributes:
        folder: of the files.
        files: relative to the folder.
    """

    folder: Path
    files: Sequence[str]

    @cached_property
    def _names(self) -> dict[str, int]:
        return _numbers(self._paths)

    @cached_property
    def _stems(self) -> dict[str, int]:
        return _numbers([stem(path) for path in self._paths])

    @cached_property
    def _paths(self) -> list[str]:
        return [normalize("NFC", file) for file in self.files]

    def find(self, name: str) -> int | None:
        """Return the number of the file that `name` means; None if there is no file or more than one."""
        name = normalize("NFC", name)
        for one in (name, inside(name, self.folder.name)):
            for numbers in (self._names, self._stems):
                if one in numbers:
                    return numbers[one] if numbers[one] != _AMBIGUOUS else None
        return None

    def fault(self, name: str, where: str, count: int) -> UserError:
        """Return the error that says why `name` means no file.

        Args:
            name: from the table.
            where: its place.
            count: how many names mean no file.
        """
        more = f"; {count:,} names have no image" if count > 1 else ""
        if not name:
            return UserError(f"a blank cell{more}", where=where, expected="the name of an image")
        wanted = normalize("NFC", name)
        same = sorted(file for file in self.files if wanted in _keys(file))
        if len(same) > 1:
            what, received = f"more than one image {name!r}{more}", " and ".join(same[:2])
            hint = "write the ending in the table, or remove the other file"
            return UserError(what, where=where, expected="one file", received=received, hint=hint)
        what, expected = f"there is no image {name!r}{more}", f"a file in {self.folder}/"
        if (self.folder / name).is_dir():
            return UserError(what, where=where, expected=expected, received="a folder of that name")
        lower = wanted.lower()
        for file in self.files:
            if lower in {key.lower() for key in _keys(file)}:
                received, hint = f"{file}, which differs by case", "rename the files, or correct the table"
                return UserError(what, where=where, expected=expected, received=received, hint=hint)
        for file in self.files:
            if stem(lower) in {stem(key.lower()) for key in _keys(file)}:
                received, hint = f"{file}, which has another ending", "rename the files, or correct the table"
                return UserError(what, where=where, expected=expected, received=received, hint=hint)
        first = f"{len(self.files):,} files, as {min(self.files, key=natural)}"
        return UserError(what, where=where, expected=expected, received=first)


def _ignored(name: str) -> bool:
    return name[0] == "." or name in _IGNORED


def _numbers(paths: Sequence[str]) -> dict[str, int]:
    """Return the place of each path, and of the last part of each, which must mean one path alone."""
    inner = ((path.rpartition("/")[2], number) for number, path in enumerate(paths) if "/" in path)
    return _places(inner) | _places((path, number) for number, path in enumerate(paths))


def _places(keys: Iterable[tuple[str, int]]) -> dict[str, int]:
    places = dict[str, int]()
    for key, number in keys:
        if places.setdefault(key, number) != number:
            places[key] = _AMBIGUOUS
    return places


def _keys(file: str) -> set[str]:
    path = normalize("NFC", file)
    name = path.rpartition("/")[2]
    return {path, name, stem(path), stem(name)}


def _is_readable(entry: "os.DirEntry[str]") -> bool:
    """Return whether opening it ends, if with an error: a named pipe would block its reader."""
    return entry.is_file() or entry.is_dir() or not Path(entry.path).exists()


def _unreadable(path: str, error: OSError) -> UserError:
    archive = next((path + one for one in ARCHIVES if Path(path + one).exists()), None)
    if archive:
        hint = f"unpack it: `kit data fetch --source {Path(path).parent}`, with the same -c"
        expected = "a folder with images"
        return UserError("not unpacked yet", where=archive, expected=expected, hint=hint)
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        what = "there is no such folder" if isinstance(error, FileNotFoundError) else "not a folder"
        hint = "competition.train_images and competition.test_images name the folders of images"
        return UserError(what, where=path, expected="a folder with images", hint=hint)
    return UserError(f"cannot be read: {error.strerror or error}", where=path, expected="a readable folder")
