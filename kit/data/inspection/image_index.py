"""Which folder has the images that a table names."""

from collections.abc import Sequence

from kit.data.inspection.files import Files, is_named, joined, stem

TRIED = 1000
"""Names of a column that are looked up to find the folder."""


class ImageIndex:
    """The images of a competition by their names and by their names without the ending."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self._known: dict[str, dict[str, str]] = {}

    def paths(self, folder: str) -> dict[str, str]:
        """Return the path of each image in `folder` and below.

        Its keys are its name and its path in `folder`, both with and without the ending.
        """
        if folder not in self._known:
            start = 0 if folder == "." else len(folder) + 1
            found = {}
            for where, name in self.files.below(folder):
                path = joined(where, name)
                for key in (name, path[start:]):
                    found[key] = found[stem(key)] = path
            self._known[folder] = found
        return self._known[folder]

    def share(self, folder: str, names: Sequence[str]) -> float:
        """Return the share of some of the names, at equal distances, that are images in `folder`."""
        some = names[:: max(1, len(names) // TRIED)]
        return sum(name in self.paths(folder) for name in some) / max(1, len(some))

    def best(self, names: Sequence[str], word: str, avoid: str | None = None) -> tuple[float, str]:
        """Return the largest share of names in one folder, and that folder.

        Of folders with the same share, those named by `word` come first, then others than `avoid` and the
        folders that contain it, then the one with the fewest images, then the one nearest to the root.
        """

        def rank(one: tuple[float, str]) -> tuple[bool, bool, int, bool, int]:
            _, folder = one
            parts = folder.split("/")
            is_word = any(is_named(part, word) for part in parts)
            is_avoided = avoid is not None and (folder == "." or f"{avoid}/".startswith(f"{folder}/"))
            return not is_word, is_avoided, len(self.paths(folder)), folder == ".", len(parts)

        shares = [(self.share(folder, names), folder) for folder in self.files.folders()]
        most = max((share for share, _ in shares), default=0.0)
        return min((one for one in shares if one[0] >= most - 0.01), key=rank, default=(0.0, "."))
