"""Names of the competition's files, and the folders on this machine that may hold them."""

import os
import re
from pathlib import Path

from kit.config import Competition, Config
from kit.data import compressed
from kit.errors import UserError

FILES = ("train.csv", "test.csv", "sample_submission.csv")
"""Names of the competition's files; each may also be NAME.gz or NAME.zip."""
TRAIN, TEST, SAMPLE_SUBMISSION = FILES
SAMPLE = Path(__file__).parent / "sample"
"""Folder of the bundled sample."""
KAGGLE_INPUTS = Path("/kaggle/input/competitions"), Path("/kaggle/input")
"""Where a Kaggle notebook mounts a competition's folder, today and formerly."""

READING = {
    "train",
    "test",
    "label_column",
    "label_columns",
    "classes",
    "labels",
    "header",
    "pixel_prefix",
    "ignored_columns",
    "pixels_column",
    "usage_column",
    "train_usage",
    "test_usage",
    "pixel_order",
    "channel_order",
    "image_shape",
    "test_id_column",
    "train_images",
    "test_images",
    "image_column",
    "label_pattern",
}
"""Keys of the competition that decide what is read from its files."""

NO_VARIABLES = "environment variables are not expanded: write the path out, or ~ for the home folder"


def file_in(folder: Path, name: str) -> Path | None:
    """Return the path of `name`, `name`.gz or `name`.zip in `folder`; None if there is none."""
    paths = (folder / f"{name}{suffix}" for suffix in ("", *compressed.SUFFIXES))
    return next((path for path in paths if os.path.lexists(path)), None)


def tables(competition: Competition) -> tuple[str, ...]:
    """Return the names of the CSV files with training and test rows."""
    match competition.form:
        case "folders" | "file_names":
            train: tuple[str, ...] = ()
        case _:
            train = (competition.train,)
    split = competition.form == "pixel_text" and competition.usage_column is not None
    return (*train, *([] if split or competition.test is None else [competition.test]))


def image_folders(competition: Competition) -> tuple[str, ...]:
    """Return the distinct names of the folders with images."""
    if not competition.has_files:
        return ()
    test = competition.test_images
    return tuple(dict.fromkeys([competition.train_images, *([] if test is None else [test])]))


def required(folder: Path, competition: Competition) -> tuple[Path, ...]:
    """Return the paths of the competition's CSV files in `folder`, in the order of `tables`.

    Raises:
        UserError: a file or a folder of images is missing, of another kind, or not readable.
    """
    names, folders_ = tables(competition), image_folders(competition)
    found = [file_in(folder, name) for name in names]
    absent = [name for name, path in zip(names, found, strict=True) if path is None]
    absent += [f"{name}/" for name in folders_ if not os.path.lexists(folder / name)]
    if absent:
        hint = "get all: `kit data fetch --source kaggle`, or the path of a folder or a zip"
        raise UserError(
            f"there is no {absent[0]}", where=f"{folder}/", expected=whole(competition), hint=hint
        )
    paths = tuple(path for path in found if path)
    for path in paths:
        compressed.check_file(path)
    for name in folders_:
        compressed.check_folder(folder / name)
    return paths


def whole(competition: Competition) -> str:
    """Return the names of all files and folders of a competition, as in "train.csv and test.csv"."""
    *names, last = [*tables(competition), *(f"{name}/" for name in image_folders(competition))]
    return f"{', '.join(names)} and {last}" if names else last


def folders(config: Config) -> tuple[Path, ...]:
    """Return the folders on this machine that may hold the competition's files, in search order."""
    elsewhere = () if config.names_data else (root / config.competition.slug for root in KAGGLE_INPUTS)
    return Path(config.data.directory), *elsewhere


def locate(config: Config) -> Path | None:
    """Return the first folder on this machine with one of the competition's files; None if there is none.

    Raises:
        UserError: the data directory is not readable.
    """
    directory = Path(config.data.directory)
    if os.path.lexists(directory):
        compressed.check_folder(directory)
    names = [*tables(config.competition), *image_folders(config.competition)]
    found = (folder for folder in folders(config) if any(file_in(folder, name) for name in names))
    return next(found, None)


def local_folder(config: Config) -> Path | None:
    """Return the folder on this machine that holds the competition's files; None if there is none.

    Raises:
        UserError: the folder lacks one of them or is not readable; `data.directory` names a folder that does
            not exist.
    """
    if config.names_data:
        _check_named(config)
    folder = locate(config)
    if folder:
        required(folder, config.competition)
    return folder


def archive_in(config: Config) -> Path | None:
    """Return Kaggle's zip of the competition in the data directory; None if there is none."""
    archive = Path(config.data.directory) / f"{config.competition.slug}.zip"
    return archive if archive.is_file() else None


def bundled_sample(config: Config) -> Path:
    """Return the folder of the bundled sample.

    Raises:
        UserError: the configuration describes another competition, or its zip is in the data directory.
    """
    if archive := archive_in(config):
        hint = f"unpack it: `kit data fetch --source {archive}`"
        raise UserError("the competition's files are still in their zip", where=str(archive), hint=hint)
    if not _fits_sample(config.competition):
        hint = "get them: `kit data fetch --source FOLDER` or ZIP"
        what = f"there are no {whole(config.competition)}"
        raise UserError(what, where=f"{config.data.directory}/", hint=hint)
    return SAMPLE


def has_variable(path: Path) -> bool:
    """Return whether a path contains an environment variable that was not expanded."""
    return re.search(r"\$\{?[A-Za-z_]", str(path)) is not None


def _check_named(config: Config) -> None:
    directory = Path(config.data.directory)
    try:
        directory.stat()
    except OSError as error:
        absent = isinstance(error, FileNotFoundError)
        hint = "data.directory names it; bring the data there with `kit data fetch`, or correct the name"
        raise UserError(
            "there is no such folder" if absent else f"cannot be read: {error.strerror}",
            where=str(directory),
            hint=NO_VARIABLES if has_variable(directory) else hint if absent else "look at the permissions",
        ) from error
    compressed.check_folder(directory)
    required(directory, config.competition)


def _fits_sample(competition: Competition) -> bool:
    names = {"slug", "form", *READING}
    return competition.model_dump(include=names) == Competition().model_dump(include=names)
