"""The data of a competition as arrays, from wherever it lies."""

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kit.config import Competition, Config
from kit.data import cache, compressed
from kit.data.duplicates import copies
from kit.data.readers import pixel_csv
from kit.data.shift import differences
from kit.errors import UserError
from kit.scratch import scratch

SAMPLE = Path(__file__).parent / "sample"
KAGGLE_INPUTS = Path("/kaggle/input/competitions"), Path("/kaggle/input")
"""Where a Kaggle notebook finds a competition's folder, today and formerly."""
FILES = ("train.csv", "test.csv", "sample_submission.csv")
"""Names of the competition's files; each may also be there as NAME.gz or NAME.zip."""

NO_VARIABLES = "environment variables are not filled in: write the path out, or ~ for the home folder"

Content = tuple[bytes, str]
"""A file's bytes, not compressed, and what to call it in errors."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Training and test rows of a competition, memory-mapped.

    Attributes:
        train_images: (rows, height, width, channels) uint8.
        train_labels: (rows,) uint8.
        test_images: (test rows, height, width, channels) uint8.
        fingerprint: SHA-256 (64 hex digits) of the arrays: equal data in another file format has the same.
        sample: whether it is the bundled sample.
        source: where it comes from, for people.
        warnings: what is odd but allowed, a sentence each.
        sample_submission: the competition's sample_submission.csv, if it lies there.
        folder: holds train_images.npy, train_labels.npy and test_images.npy while this process runs.
    """

    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.uint8]
    test_images: NDArray[np.uint8]
    fingerprint: str
    sample: bool
    source: str
    warnings: tuple[str, ...]
    sample_submission: Path | None
    folder: Path

    def ids(self, competition: Competition) -> NDArray[np.int64]:
        """Return (test rows,) int64: the ids of the test rows, counted up from the competition's first."""
        return np.arange(competition.first_id, competition.first_id + len(self.test_images))


def load(config: Config) -> Dataset:
    """Return the data of the data directory; else of /kaggle/input; else of Kaggle, where credentials are.

    Without any of these it is the bundled sample. A data directory that the configuration names is read, or
    is an error.

    Raises:
        UserError: a file is missing or wrong (which, and where), or Kaggle refuses the download.
    """
    return open_folder(place(config) or _downloaded(config) or sample(config), config)


def place(config: Config) -> Path | None:
    """Return the folder on this machine that `load` reads; None where it asks Kaggle, or takes the sample.

    Raises:
        UserError: the folder lacks a file, or cannot be read; a data directory that is named is not there.
    """
    if config.data.is_named:
        _check_named(Path(config.data.directory))
    folder = locate(config)
    if folder:
        required(folder)
    return folder


def locate(config: Config) -> Path | None:
    """Return the folder on this machine that holds train.csv or test.csv; None where there is none.

    Raises:
        UserError: the data directory cannot be read.
    """
    directory = Path(config.data.directory)
    if os.path.lexists(directory):
        compressed.check_folder(directory)
    there = (folder for folder in folders(config) if any(file_in(folder, name) for name in FILES[:2]))
    return next(there, None)


def folders(config: Config) -> tuple[Path, ...]:
    """Return the folders on this machine where the competition's files may be, in the order of looking."""
    elsewhere = () if config.data.is_named else (root / config.competition.slug for root in KAGGLE_INPUTS)
    return Path(config.data.directory), *elsewhere


def sample(config: Config) -> Path:
    """Return the folder of the bundled sample.

    Raises:
        UserError: the configuration is of another competition.
    """
    if not _fits_sample(config.competition):
        hint = "get them: kit data fetch --source FOLDER or ZIP"
        raise UserError("there are no train.csv and test.csv", where=f"{config.data.directory}/", hint=hint)
    return SAMPLE


def _check_named(directory: Path) -> None:
    try:
        directory.stat()
    except OSError as error:
        absent = isinstance(error, FileNotFoundError)
        hint = "data.directory names it; bring the data there with kit data fetch, or correct the name"
        raise UserError(
            "there is no such folder" if absent else f"cannot be read: {error.strerror}",
            where=str(directory),
            hint=NO_VARIABLES if has_variable(directory) else hint if absent else "look at the permissions",
        ) from error
    compressed.check_folder(directory)
    required(directory)


def has_variable(path: Path) -> bool:
    """Say whether a path looks as if an environment variable was to be filled in."""
    return re.search(r"\$\{?[A-Za-z_]", str(path)) is not None


def file_in(folder: Path, name: str) -> Path | None:
    """Return the path of `name`, `name`.gz or `name`.zip in `folder`; None where none is there."""
    paths = (folder / f"{name}{suffix}" for suffix in ("", *compressed.SUFFIXES))
    return next((path for path in paths if os.path.lexists(path)), None)


def required(folder: Path) -> tuple[Path, Path]:
    """Return the paths of train.csv and test.csv in `folder`.

    Raises:
        UserError: one is missing, is no regular file, or may not be read.
    """
    train, test = (file_in(folder, name) for name in FILES[:2])
    if train is None or test is None:
        absent = FILES[0] if train is None else FILES[1]
        hint = "get both: kit data fetch --source kaggle, or the path of a folder or a zip"
        raise UserError(
            f"there is no {absent}", where=f"{folder}/", expected="train.csv and test.csv", hint=hint
        )
    for path in (train, test):
        compressed.check_file(path)
    return train, test


def open_folder(folder: Path, config: Config) -> Dataset:
    """Return the data of a folder that holds train.csv and test.csv; its cache is <folder>/.cache.

    Raises:
        UserError: a file is missing or wrong, or the cache finds no room.
    """
    train, test = required(folder)
    if folder == SAMPLE:
        entry = cache.write_temporary(*_read(train, test, config))
    else:
        root = folder / ".cache"
        hashed = cache.hashes(root, (train, test))
        place = root / cache.key(hashed, config.competition)
        entry = cache.find(place) or cache.write(place, *_read(train, test, config))
        if entry.folder == place:
            cache.remember(root, hashed)
    return Dataset(
        **entry.arrays,
        fingerprint=entry.meta["fingerprint"],
        sample=folder == SAMPLE,
        source="the bundled sample" if folder == SAMPLE else f"{folder}/",
        warnings=tuple(entry.meta["warnings"]),
        sample_submission=sample_submission(folder),
        folder=entry.folder,
    )


def sample_submission(folder: Path) -> Path | None:
    """Return the path of sample_submission.csv, or of a copy where it is compressed; None without one."""
    path = file_in(folder, FILES[2])
    if path is None or not path.is_file() or path.suffix not in compressed.SUFFIXES:
        return path if path and path.is_file() else None
    # Errors name its lines: its own path says most of where they are.
    copy = scratch() / path.name / FILES[2]
    copy.parent.mkdir(exist_ok=True)
    copy.write_bytes(compressed.content(path))
    return copy


def check(train: Content, test: Content, config: Config) -> dict[str, NDArray[np.uint8]]:
    """Return the arrays of a train.csv and a test.csv, by their names in the cache.

    Raises:
        UserError: a file is wrong, or a class has fewer rows than there are folds.
    """
    competition, folds = config.competition, config.folds.count
    images, labels = pixel_csv.parse(*train, competition, labelled=True)
    test_images, _ = pixel_csv.parse(*test, competition, labelled=False)
    counts = np.bincount(labels, minlength=competition.classes)
    scarce = int(np.argmax(counts < folds))
    if counts[scarce] < folds:
        where = f"{train[1]}, column {competition.label_column}"
        what = "has fewer rows than there are folds" if counts[scarce] else "has no row"
        raise UserError(
            f"class {scarce} {what}",
            where=where,
            expected=f"at least {folds} rows",
            received=f"{counts[scarce]}",
        )
    return {"train_images": images, "train_labels": labels, "test_images": test_images}


def _downloaded(config: Config) -> Path | None:
    from kit.data import obtain
    from kit.kaggle_client import has_credentials

    if not has_credentials():
        return None
    obtain.fetch(config, "kaggle")
    return Path(config.data.directory)


def _fits_sample(competition: Competition) -> bool:
    names = {"slug", "label_column", "pixel_prefix", "image_shape", "classes"}
    return competition.model_dump(include=names) == Competition().model_dump(include=names)


def _read(train: Path, test: Path, config: Config) -> tuple[dict[str, NDArray[np.uint8]], dict[str, object]]:
    arrays = check((compressed.content(train), str(train)), (compressed.content(test), str(test)), config)
    warnings = [*differences(arrays["train_images"], arrays["test_images"]), *copies(arrays)]
    return arrays, {"fingerprint": _fingerprint(arrays), "warnings": warnings}


def _fingerprint(arrays: Mapping[str, NDArray[np.uint8]]) -> str:
    digest = hashlib.sha256()
    for name in cache.ARRAYS:
        digest.update(f"{name} {arrays[name].shape}\n".encode())
        digest.update(arrays[name].data)
    return digest.hexdigest()
