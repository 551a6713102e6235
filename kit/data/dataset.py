"""The data of a competition as arrays, from wherever it lies."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kit.config import Competition, Config
from kit.data import cache, compressed, layout
from kit.data.duplicates import copies
from kit.data.readers import pixel_csv
from kit.data.shift import differences
from kit.errors import UserError
from kit.scratch import scratch

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


def open_folder(folder: Path, config: Config) -> Dataset:
    """Return the data of a folder that holds train.csv and test.csv; its cache is <folder>/.cache.

    Raises:
        UserError: a file is missing or wrong, or the cache finds no room.
    """
    train, test = layout.required(folder)
    if folder == layout.SAMPLE:
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
        sample=folder == layout.SAMPLE,
        source="the bundled sample" if folder == layout.SAMPLE else f"{folder}/",
        warnings=tuple(entry.meta["warnings"]),
        sample_submission=sample_submission(folder),
        folder=entry.folder,
    )


def sample_submission(folder: Path) -> Path | None:
    """Return the path of sample_submission.csv, or of a copy where it is compressed; None without one."""
    path = layout.file_in(folder, layout.SAMPLE_SUBMISSION)
    if path is None or not path.is_file() or path.suffix not in compressed.SUFFIXES:
        return path if path and path.is_file() else None
    # Errors name its lines: its own path says most of where they are.
    copy = scratch() / path.name / layout.SAMPLE_SUBMISSION
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
