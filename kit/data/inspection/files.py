"""The files of a folder by kind: one walk, names only."""

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from kit.data import compressed

IMAGES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".gif"})
"""Endings of image files."""
ARCHIVES = frozenset({".zip", ".7z", ".tar", ".gz", ".tgz"})
_IGNORED = {"__MACOSX", "Thumbs.db"}
_SPLIT = re.compile(
    r"(train|test|val|valid|validation|dev|holdout|images?|imgs?|pics?|data)"
    r"(ing)?(set|images?|imgs?|data)?([^a-z].*)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, eq=False)
class Files:
    """The files of a folder; paths are relative to it, with /.

    Attributes:
        root: the folder.
        images: names of the image files by folder ("." is the root), in natural order.
        tables: paths of CSV files without the ending of their compression.
        archives: paths of archives that are not single CSV files.
        others: number of other files by ending.
    """

    root: Path
    images: dict[str, tuple[str, ...]]
    tables: dict[str, Path]
    archives: tuple[str, ...]
    others: Counter[str]

    def folders(self) -> list[str]:
        """Return every folder that has images, directly or below, in natural order."""
        found = {
            str(one)
            for folder in self.images
            for one in (PurePosixPath(folder), *PurePosixPath(folder).parents)
        }
        return sorted(found, key=natural)

    def below(self, folder: str) -> Iterator[tuple[str, str]]:
        """Yield folder and name of the images in `folder` and its folders."""
        for one, names in self.images.items():
            if folder in {".", one} or one.startswith(f"{folder}/"):
                yield from ((one, name) for name in names)


def walk(root: Path) -> Files:
    """Return the files of `root` without hidden ones.

    Raises:
        UserError: the folder cannot be read.
    """
    compressed.check_folder(root)
    images: defaultdict[str, list[str]] = defaultdict(list)
    tables: dict[str, Path] = {}
    archives: list[str] = []
    others: Counter[str] = Counter()
    seen: set[tuple[int, int]] = set()
    for where, folders, names in os.walk(root, followlinks=True):
        status = Path(where).stat()
        if (status.st_dev, status.st_ino) in seen:  # A link leads to a folder above.
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(one for one in folders if not _is_ignored(one))
        folder = Path(where).relative_to(root).as_posix()
        for name in names:
            ending = os.path.splitext(name)[1].lower()  # noqa: PTH122 - a Path per file would take seconds
            if _is_ignored(name):
                continue
            if ending in IMAGES:
                images[folder].append(name)
            elif compressed.plain_name(name).lower().endswith(".csv"):
                tables[joined(folder, compressed.plain_name(name))] = Path(where, name)
            elif ending in ARCHIVES:
                archives.append(joined(folder, name))
            else:
                others[ending] += 1
    ordered = {folder: tuple(sorted(images[folder], key=natural)) for folder in sorted(images, key=natural)}
    return Files(root, ordered, dict(sorted(tables.items())), tuple(sorted(archives)), others)


def natural(text: str) -> list[tuple[int, str]]:
    """Return a key that sorts numbers in names by value: 2.png before 10.png."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", text)]


def joined(folder: str, name: str) -> str:
    """Return the path of a file in a folder, in which "." is the root."""
    return name if folder == "." else f"{folder}/{name}"


def stem(name: str) -> str:
    """Return a name without the ending of an image file."""
    base, _, ending = name.rpartition(".")
    return base if base and f".{ending.lower()}" in IMAGES else name


def is_split(name: str) -> bool:
    """Return whether a folder is named after a part of the data, as in train or test1, and not a class."""
    return _SPLIT.fullmatch(name) is not None


def is_test(folder: str) -> bool:
    """Return whether a folder is named after the test images."""
    return is_split(folder) and folder.lower().startswith("test")


def shown(folder: str) -> str:
    """Return a folder for people."""
    return "the folder itself" if folder == "." else f"{folder}/"


def is_named(path: str, *words: str) -> bool:
    """Return whether the last part of a path contains one of the words, in any case."""
    name = path.rpartition("/")[2].lower()
    return any(word in name for word in words)


def _is_ignored(name: str) -> bool:
    return name.startswith(".") or name in _IGNORED
