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

NO_VARIABLES = "environment variables are not expanded: write the path out, or ~ for the home folder"


def file_in(folder: Path, name: str) -> Path | None:
    """Return the path of `name`, `name`.gz or `name`.zip in `folder`; None if there is none."""
    paths = (folder / f"{name}{suffix}" for suffix in ("", *compressed.SUFFIXES))
    return next((path for path in paths if os.path.lexists(path)), None)


def required(folder: Path) -> tuple[Path, Path]:
    """Return the paths of train.csv and test.csv in `folder`.

    Raises:
        UserError: a file is missing, is not a regular file, or is not readable.
    """
    train, test = (file_in(folder, name) for name in (TRAIN, TEST))
    if train is None or test is None:
        absent = TRAIN if train is None else TEST
        hint = "get both: `kit data fetch --source kaggle`, or the path of a folder or a zip"
        raise UserError(
            f"there is no {absent}", where=f"{folder}/", expected="train.csv and test.csv", hint=hint
        )
    for path in (train, test):
        compressed.check_file(path)
    return train, test


def folders(config: Config) -> tuple[Path, ...]:
    """Return the folders on this machine that may hold the competition's files, in search order."""
    elsewhere = () if config.data.is_named else (root / config.competition.slug for root in KAGGLE_INPUTS)
    return Path(config.data.directory), *elsewhere


def locate(config: Config) -> Path | None:
    """Return the first folder on this machine that holds train.csv or test.csv; None if there is none.

    Raises:
        UserError: the data directory is not readable.
    """
    directory = Path(config.data.directory)
    if os.path.lexists(directory):
        compressed.check_folder(directory)
    found = (folder for folder in folders(config) if any(file_in(folder, name) for name in (TRAIN, TEST)))
    return next(found, None)


def local_folder(config: Config) -> Path | None:
    """Return the folder on this machine that holds train.csv and test.csv; None if there is none.

    Raises:
        UserError: the folder lacks one of them or is not readable; `data.directory` names a folder that does
            not exist.
    """
    if config.data.is_named:
        _check_named(Path(config.data.directory))
    folder = locate(config)
    if folder:
        required(folder)
    return folder


def bundled_sample(config: Config) -> Path:
    """Return the folder of the bundled sample.

    Raises:
        UserError: the configuration describes another competition.
    """
    if not _fits_sample(config.competition):
        hint = "get them: `kit data fetch --source FOLDER` or ZIP"
        raise UserError("there are no train.csv and test.csv", where=f"{config.data.directory}/", hint=hint)
    return SAMPLE


def has_variable(path: Path) -> bool:
    """Return whether a path contains an environment variable that was not expanded."""
    return re.search(r"\$\{?[A-Za-z_]", str(path)) is not None


def _check_named(directory: Path) -> None:
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
    required(directory)


def _fits_sample(competition: Competition) -> bool:
    names = {"slug", "label_column", "classes", "labels", "pixel_prefix", "image_shape", "test_id_column"}
    return competition.model_dump(include=names) == Competition().model_dump(include=names)
