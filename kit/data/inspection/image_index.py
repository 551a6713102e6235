"""Which folder has the images that a table names."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from unicodedata import normalize

from kit.data.inspection.files import Files, is_named, joined, stem
from kit.data.readers.image_names import inside

TRIED = 1000
"""Names of a column that are looked up to find the folder."""
_COMPANIONS = "mask", "thumb", "annot", "segment", "preview"
"""Words in the names of folders with other pictures of the same images, under the same names."""


class ImageIndex:
    """The images of a competition.

    A name means an image if it is its name or its path in a folder, with or without the ending.
    """

    def __init__(self, files: Files) -> None:
        self.files = files
        self._paths: defaultdict[str, list[str]] = defaultdict(list)
        self._counts: Counter[str] = Counter()
        for folder, names in files.images.items():
            for name in names:
                self._paths[normalize("NFC", stem(name))].append(joined(folder, name))
            for one in _with_parents(folder):
                self._counts[one] += len(names)

    def find(self, folder: str, name: str) -> str | None:
        """Return the path of an image in `folder` or below; None if there is none of this name."""
        return next((path for path in self._matches(name) if folder in _folders(path, name)), None)

    def best(self, names: Sequence[str], word: str, avoid: str | None = None) -> tuple[float, str]:
        """Return the largest share of names in one folder, and that folder.

        Of folders with the same share, those come last that are named after masks or previews. First come
        those named by `word`, then others than `avoid` and the folders that contain it, then the one with the
        fewest images, then the one nearest to the root.
        """
        some = names[:: max(1, len(names) // TRIED)]
        found: Counter[str] = Counter()
        for name in some:
            found.update({folder for path in self._matches(name) for folder in _folders(path, name)})

        def rank(folder: str) -> tuple[bool, bool, bool, int, bool, int]:
            parts = folder.split("/")
            is_companion = any(is_named(part, *_COMPANIONS) for part in parts)
            is_word = any(is_named(part, word) for part in parts)
            is_avoided = avoid is not None and (folder == "." or f"{avoid}/".startswith(f"{folder}/"))
            return is_companion, not is_word, is_avoided, self._counts[folder], folder == ".", len(parts)

        most = max(found.values(), default=0)
        candidates = [folder for folder, count in found.items() if count >= 0.99 * most]
        return most / max(1, len(some)), min(candidates, key=rank, default=".")

    def _matches(self, name: str) -> list[str]:
        """Return the paths of the images that the last part of a name means."""
        last = normalize("NFC", re.split(r"[/\\]", name)[-1])
        found = self._paths.get(last, []) if last else []
        return found or [
            path
            for path in self._paths.get(stem(last), [])
            if normalize("NFC", path.rpartition("/")[2]) == last
        ]


def _folders(path: str, name: str) -> Iterator[str]:
    """Yield the folders in which `name` means the image at `path`."""
    for folder in _with_parents(str(PurePosixPath(path).parent)):
        below = path if folder == "." else path[len(folder) + 1 :]
        if not {"/", "\\"} & {*name} or {name, inside(name, folder.rpartition("/")[2])} & {
            below,
            stem(below),
        }:
            yield folder


def _with_parents(folder: str) -> Iterator[str]:
    """Yield a folder and those that contain it; "." is the last."""
    while folder != ".":
        yield folder
        folder = folder.rpartition("/")[0] or "."
    yield "."
