"""Fetch the competition's files into the data directory: all of them, checked, or none."""

import tempfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from kit.config import Config
from kit.data import cache, compressed, dataset, layout
from kit.data.csv_data import read_tables
from kit.data.obtain_all import fetch_all, is_there
from kit.data.progress import Stage, ignore
from kit.data.readers.exact import shown
from kit.data.staging import move, staging
from kit.errors import UserError
from kit.files import atomic
from kit.scratch import scratch
from kit.task.submission import check_sample_submission
from kit.task.task import make_task
from kit.typed import typed

Contents = dict[str, compressed.Content]
"""By name of the file in the competition."""


def fetch(
    config: Config,
    source: str = "auto",
    *,
    force: bool = False,
    timeout: float = 30.0,
    stage: Stage = ignore,
) -> str:
    """Fetch the data into the data directory, unless it can be read in place.

    Of a competition with train.csv and test.csv these are taken, checked. Of others, all files are taken.

    Args:
        config: gives the data directory and the form of the files.
        source: "kaggle", "sample", "auto" (as `kit.data.source.load`), or the path of a folder or a zip.
        force: whether to replace files that differ.
        timeout: of one attempt to download, in seconds.
        stage: receives what takes time, as in "unpacking train.zip: 1,000 of 50,000 files".

    Returns:
        One sentence on what is in place now.

    Raises:
        UserError: the source lacks a file, one is wrong, other files are in place, or the disk has no space;
            the data directory is then exactly as it was. Or the source is the sample, and the configuration
            names a data directory.
        KitError: Kaggle cannot be reached.
    """
    from kit import kaggle_client

    directory = Path(config.data.directory)
    if layout.has_variable(directory) and not directory.exists():
        raise UserError("there is no such folder", where=str(directory), hint=layout.NO_VARIABLES)
    if not _is_plain(config):
        return _fetch_all(config, source, stage, force=force, timeout=timeout)
    if source == "auto":
        place = layout.locate(config)
        if place:
            layout.required(place, config.competition)
            return f"{place}/ holds the data; nothing to fetch"
        source = "kaggle" if kaggle_client.has_credentials() else str(layout.archive_in(config) or "sample")
    if source == "sample":
        if config.names_data:
            raise UserError(
                "the bundled sample is not copied into a folder",
                where=str(directory),
                hint="data.directory names it: get data with --source PATH or --source kaggle",
            )
        return (
            "the bundled sample is read in place; nothing to fetch\n"
            "for real data, download the zip from Kaggle: " + typed("kit data fetch --source FILE.zip")
        )
    if source == "kaggle":
        with tempfile.TemporaryDirectory(dir=scratch()) as folder:
            archive = kaggle_client.download(config.competition.slug, Path(folder), timeout=timeout)
            contents = _from_zip(archive)
    else:
        contents = _from_path(Path(source))
    train_rows, test_rows = _check(contents, str(Path(source)), config, stage)
    done = _put(contents, directory, force=force)
    return f"{done}: {train_rows:,} training and {test_rows:,} test images"


def _is_plain(config: Config) -> bool:
    """Return whether the configuration needs no other files than `layout.FILES`."""
    one = config.competition
    names = (one.train, one.test, one.sample_submission)
    return one.form == "pixels" and names == layout.FILES and not config.folds.group


def _fetch_all(config: Config, source: str, stage: Stage, *, force: bool, timeout: float) -> str:
    from kit.kaggle_client import has_credentials

    if source == "auto":
        place = next((folder for folder in layout.folders(config) if is_there(config, folder)), None)
        if place:
            return f"{place}/ holds the data; nothing to fetch"
        if not has_credentials():
            hint = (
                "download the competition's zip from Kaggle, then `kit data fetch -c NAME --source FILE.zip`"
            )
            where = f"{config.data.directory}/"
            raise UserError("the data is missing, and there are no credentials", where=where, hint=hint)
        source = "kaggle"
    if source == "sample":
        what, expected = "the bundled sample is of another competition", "kaggle, or the path of a zip"
        raise UserError(what, where="--source", expected=expected, received="sample")
    return fetch_all(config, source, stage, force=force, timeout=timeout)


def _from_path(source: Path) -> Contents:
    if not source.exists():
        expected = "auto, kaggle, sample, or the path of a folder or a zip"
        raise UserError("no such file or folder", where=str(source), expected=expected)
    if source.is_file():
        return _from_zip(source)
    compressed.check_folder(source)
    found = {name: layout.file_in(source, name) for name in layout.FILES}
    return {name: (compressed.content(path), str(path)) for name, path in found.items() if path}


def _from_zip(source: Path) -> Contents:
    if compressed.plain_name(source.name).endswith(".csv"):
        expected = "a folder or a zip with train.csv and test.csv"
        raise UserError("a single file", where=str(source), expected=expected)
    contents = {}
    with compressed.opened_zip(source, str(source)) as archive:
        for name, member in _members(archive, source).items():
            called = f"{source}/{member.filename}"
            content = compressed.unpacked(compressed.extracted(archive, member, called), called)
            contents[name] = (bytes(content), called)
    return contents


def _members(archive: zipfile.ZipFile, source: Path) -> dict[str, zipfile.ZipInfo]:
    members: dict[str, zipfile.ZipInfo] = {}
    for member in archive.infolist():
        path = PurePosixPath(member.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts:
            raise UserError("a path leads out of the zip", where=str(source), received=shown(member.filename))
        name = compressed.plain_name(path.name)
        if name not in layout.FILES or member.is_dir():
            continue
        if name in members:
            received = f"{shown(members[name].filename)} and {shown(member.filename)}"
            raise UserError(f"more than one {name}", where=str(source), expected="one", received=received)
        members[name] = member
    return members


def _check(contents: Contents, source: str, config: Config, stage: Stage) -> tuple[int, int]:
    """Return the number of training and of test rows."""
    train, test, submission = (contents.get(name) for name in layout.FILES)
    if train is None or test is None:
        absent = layout.TRAIN if train is None else layout.TEST
        received = ", ".join(contents) or "neither"
        raise UserError(
            f"there is no {absent}", where=source, expected="train.csv and test.csv", received=received
        )
    tables = read_tables(train, test, config, stage)
    rows = len(tables.arrays["test_images"])
    if submission:
        form = make_task(config.competition, tables.labels).submission
        ids: Sequence[str] = tables.test_ids
        if not ids:
            counted = form.first_id is not None
            ids = form.counted_ids(rows) if counted else dataset.ids_of_sample(submission, rows, form)
        check_sample_submission(*submission, form, ids)
    return len(tables.arrays["train_images"]), rows


def _put(contents: Contents, directory: Path, *, force: bool) -> str:
    there = {name: path for name in layout.FILES if (path := layout.file_in(directory, name))}
    differing = [
        there[name] for name in contents if name in there and not _holds(there[name], contents[name][0])
    ]
    if differing and not force:
        raise UserError("differs from the source", where=str(differing[0]), hint="--force replaces it")
    if not differing and set(contents) <= set(there):
        return f"{directory}/ holds the same files already"
    outdated = [path for name, path in there.items() if name in contents or differing]
    _place({name: content for name, (content, _) in contents.items()}, outdated, directory)
    return f"{directory}/ holds {', '.join(contents)}"


def _holds(path: Path, content: bytes) -> bool:
    try:
        return compressed.content(path) == content
    except UserError:
        return False


def _place(files: Mapping[str, bytes], outdated: Iterable[Path], directory: Path) -> None:
    """Replace `outdated` in `directory` by `files`: all of them, or on any failure none."""
    cache.check_space(directory, sum(map(len, files.values())), "the data")
    with staging(directory) as folder:
        for name, content in files.items():
            with atomic(folder / "new" / name) as file:
                file.write(content)
        (folder / "old").mkdir()
        moves = [(path, folder / "old" / path.name) for path in outdated]
        move(moves + [(folder / "new" / name, directory / name) for name in files])
