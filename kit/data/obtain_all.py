"""Fetch all files of a competition, as images, into the data directory: all of them, or none."""

import filecmp
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from kit.config import Config
from kit.data import layout
from kit.data.archives import unpack
from kit.data.staging import move, staging
from kit.errors import UserError

_WITH_TABLE = ("pixels", "pixel_text", "table")
"""Forms whose training rows are in a CSV file."""
Stage = Callable[[str], None]
"""Receives what takes time, as in "unpacking train.zip: 1,000 of 50,000 files"."""


def is_there(config: Config, directory: Path) -> bool:
    """Return whether `directory` holds the competition's training data."""
    competition = config.competition
    if competition.form in _WITH_TABLE:
        return layout.file_in(directory, competition.train) is not None
    return (directory / competition.train_images).is_dir()


def fetch_all(config: Config, source: str, stage: Stage, *, force: bool, timeout: float) -> str:
    """Copy all files of the source into the data directory; archives in it are unpacked.

    Args:
        config: names the data directory, and the files and folders that must be in the source.
        source: "kaggle", or the path of a folder or an archive.
        stage: receives what takes time.
        force: whether to replace files that differ.
        timeout: of one attempt to download, in seconds.

    Returns:
        One sentence on what is in place now.

    Raises:
        UserError: the source lacks a file, cannot be unpacked, or differs from what is in place.
        KitError: Kaggle cannot be reached.
    """
    from kit import kaggle_client

    directory = Path(config.data.directory)
    with staging(directory) as folder:
        path = Path(source)
        if source == "kaggle":
            path = kaggle_client.download(config.competition.slug, folder, timeout=timeout)
        stage(f"copying the files of {path.name}")
        # The name of the data directory, because an archive may hold all files in a folder of that name.
        new = folder / "new" / directory.name
        unpack(path, new, _in_words(stage))
        _check(config, new, source)
        return _put(new, directory, folder / "old", force=force)


def _in_words(stage: Stage) -> Callable[[str, int, int], None]:
    def report(archive: str, done: int, total: int) -> None:
        if done % 100 == 0 or done == total:
            ending = f" of {total:,}" if total else ""
            stage(f"unpacking {Path(archive).name}: {done:,}{ending} files")

    return report


def _check(config: Config, new: Path, source: str) -> None:
    competition = config.competition
    files, folders = dict[str, str | None](), dict[str, str | None]()
    if not (competition.form == "pixel_text" and competition.usage_column):
        files["competition.test"] = competition.test
    if competition.form in _WITH_TABLE:
        files["competition.train"] = competition.train
    if config.folds.group:
        files["folds.group.table"] = config.folds.group.table
    if competition.has_files:
        folders["competition.train_images"] = competition.train_images
        folders["competition.test_images"] = competition.test_images
    for key, name in (files | folders).items():
        if name is None:
            continue
        there = (new / name).is_dir() if key in folders else layout.file_in(new, name) is not None
        if not there:
            names = sorted(path.name for path in new.iterdir())
            received = ", ".join(names[:6]) + (", …" if len(names) > 6 else "") or "nothing"
            hint = f"{key} names it in the configuration"
            raise UserError(f"there is no {name}", where=source, expected=name, received=received, hint=hint)


def _put(new: Path, directory: Path, old: Path, *, force: bool) -> str:
    names = sorted(path.name for path in new.iterdir())
    there = [name for name in names if os.path.lexists(directory / name)]
    same = {name for name in there if _equal(new / name, directory / name)}
    differing = [name for name in there if name not in same]
    if differing and not force:
        where, hint = f"{directory / differing[0]}", "--force replaces it"
        raise UserError("differs from the source", where=where, hint=hint)
    if len(same) == len(names):
        return f"{directory}/ holds the same files already"
    old.mkdir()
    # What is the same stays, so that its images need not be decoded again.
    moves = [(directory / name, old / name) for name in differing]
    moves += [(new / name, directory / name) for name in names if name not in same]
    move(moves)
    return f"{directory}/ holds {', '.join(names[:8])}" + (", …" if len(names) > 8 else "")


def _equal(one: Path, other: Path) -> bool:
    """Return whether two files have the same content, or two folders files of the same names and sizes."""
    if one.is_dir() and other.is_dir():
        return sorted(_sizes(one)) == sorted(_sizes(other))
    return one.is_file() and other.is_file() and filecmp.cmp(one, other, shallow=False)


def _sizes(folder: Path) -> Iterator[tuple[str, int]]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path.stat().st_size
