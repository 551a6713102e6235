"""The data of a competition as arrays, read from one folder and cached."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kit.config import Competition, Config
from kit.data import cache, compressed, layout
from kit.data.duplicates import copies
from kit.data.readers import pixel_csv
from kit.data.shift import differences
from kit.errors import UserError
from kit.task.format import SubmissionFormat
from kit.task.ids import lines_by_id
from kit.task.labels import MOST, LabelEncoder, declared_labels
from kit.task.submission import check_sample_submission, predictions_of
from kit.task.task import Task, make_task

Content = tuple[bytes, str]
"""A file's bytes, not compressed, and its name in errors."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Training and test rows of a competition; arrays are memory-mapped.

    Attributes:
        train_images: (rows, height, width, channels) uint8.
        train_labels: (rows,) uint8, class indices.
        test_images: (test rows, height, width, channels) uint8.
        task: labels, image shape, submission format.
        fingerprint: SHA-256 (64 hex digits) of arrays and labels: equal data in another file format has the
            same.
        sample: whether it is the bundled sample.
        source: where it comes from, for people.
        warnings: what is odd but allowed, one sentence each.
        folder: holds train_images.npy, train_labels.npy and test_images.npy while this process runs.
        stored_ids: (test rows,) ids from test.csv or sample_submission.csv; empty: they are counted.
        train_names: (rows,) names of the training images, or ids; empty if the files have none.
        groups: (rows,) int64, rows of one number stay in one fold; None: no groups.
    """

    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.uint8]
    test_images: NDArray[np.uint8]
    task: Task
    fingerprint: str
    sample: bool
    source: str
    warnings: tuple[str, ...]
    folder: Path
    stored_ids: tuple[str, ...] = ()
    train_names: tuple[str, ...] = ()
    groups: NDArray[np.int64] | None = None

    @cached_property
    def test_ids(self) -> tuple[str, ...]:
        """(test rows,) ids as the submission has them; made when needed, which saves 3 ms on a warm start."""
        return self.stored_ids or tuple(self.task.submission.counted_ids(len(self.test_images)))


@dataclass(frozen=True, eq=False)
class Tables:
    """The content of train.csv and test.csv, checked.

    Attributes:
        arrays: train_images, train_labels and test_images, as in `Dataset`.
        labels: the labels of the training rows.
        test_ids: of the test rows; empty if test.csv has none.
    """

    arrays: dict[str, NDArray[np.uint8]]
    labels: LabelEncoder
    test_ids: list[str]


def open_folder(folder: Path, config: Config) -> Dataset:
    """Return the data of a folder that holds train.csv and test.csv; its cache is <folder>/.cache.

    Raises:
        UserError: a file is missing or wrong, or the disk has no room for the cache.
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
    task = make_task(config.competition, LabelEncoder(entry.meta.labels))
    ids = entry.meta.test_ids
    if not ids and task.submission.first_id is None:
        ids = ids_of_sample(_sample_submission(folder), len(entry.arrays["test_images"]), task.submission)
    return Dataset(
        **entry.arrays,
        task=task,
        fingerprint=entry.meta.fingerprint,
        sample=folder == layout.SAMPLE,
        source="the bundled sample" if folder == layout.SAMPLE else f"{folder}/",
        warnings=entry.meta.warnings,
        folder=entry.folder,
        stored_ids=ids,
        train_names=(),
        groups=None,
    )


def check_folder(folder: Path, dataset: Dataset) -> None:
    """Check that sample_submission.csv, if `folder` holds one, belongs to the test rows.

    Raises:
        UserError: header or ids differ.
    """
    sample = _sample_submission(folder)
    if sample:
        check_sample_submission(*sample, dataset.task.submission, dataset.test_ids)


def read_tables(train: Content, test: Content, config: Config) -> Tables:
    """Return the content of a train.csv and a test.csv.

    Raises:
        UserError: a file is wrong, a label is unknown, or a class has fewer rows than there are folds.
    """
    competition = config.competition
    rows = pixel_csv.parse(*train, competition, labelled=True)
    test_rows = pixel_csv.parse(*test, competition, labelled=False)
    where = f"{train[1]}, column {competition.label_column}"
    labels = declared_labels(competition) or _learned(rows.texts, where, competition)
    classes = labels.find(rows.texts)
    unknown = np.flatnonzero(classes < 0)
    if unknown.size:
        line, text = int(unknown[0]) + 2, rows.texts[unknown[0]]
        raise UserError(
            "not a label",
            where=f"{train[1]}, line {line}, column {competition.label_column}",
            expected=labels.summary,
            received=repr(text[:40]),
        )
    _check_counts(np.bincount(classes, minlength=len(labels)), labels, config.folds.count, where)
    if test_rows.texts:
        cells = [(row + 2, [text]) for row, text in enumerate(test_rows.texts)]
        lines_by_id(test[1], cells, competition.test_id_column or "")
    arrays = {
        "train_images": rows.images,
        "train_labels": classes.astype(np.uint8),
        "test_images": test_rows.images,
    }
    return Tables(arrays, labels, test_rows.texts)


def ids_of_sample(sample_submission: Content | None, rows: int, form: SubmissionFormat) -> tuple[str, ...]:
    """Return the ids of the test rows from the sample submission.

    Args:
        sample_submission: the file, if it exists.
        rows: number of test rows.
        form: format of the submission.

    Raises:
        UserError: the file is missing or wrong.
    """
    if sample_submission is None:
        hint = "get it, or set competition.first_id or competition.test_id_column"
        raise UserError(f"there is no {layout.SAMPLE_SUBMISSION}, which has the ids", hint=hint)
    ids = tuple(predictions_of(*sample_submission, form))
    if len(ids) != rows:
        raise UserError(
            "another number of rows than test.csv",
            where=sample_submission[1],
            expected=str(rows),
            received=f"{len(ids)}",
        )
    return ids


def _sample_submission(folder: Path) -> Content | None:
    path = layout.file_in(folder, layout.SAMPLE_SUBMISSION)
    return (compressed.content(path), str(path)) if path and path.is_file() else None


def _learned(texts: Sequence[str], where: str, competition: Competition) -> LabelEncoder:
    labels = LabelEncoder.learned(texts)
    if not 2 <= len(labels) <= MOST:
        what, hint = f"{len(labels)} distinct labels", "does competition.label_column name the labels?"
        raise UserError(what, where=where, expected=f"2 to {MOST}", hint=hint)
    if competition.classes not in (None, len(labels)):
        what, expected = f"{len(labels)} distinct labels", f"{competition.classes} (competition.classes)"
        raise UserError(what, where=where, expected=expected, received=labels.summary)
    return labels


def _check_counts(counts: NDArray[np.int64], labels: LabelEncoder, folds: int, where: str) -> None:
    scarce = int(np.argmax(counts < folds))
    if counts[scarce] < folds:
        what = "has fewer rows than there are folds" if counts[scarce] else "has no row"
        raise UserError(
            f"class {labels.labels[scarce]} {what}",
            where=where,
            expected=f"at least {folds} rows",
            received=f"{counts[scarce]}",
        )


def _read(train: Path, test: Path, config: Config) -> tuple[dict[str, NDArray[np.uint8]], cache.Metadata]:
    """Return the content of a cache entry."""
    tables = read_tables(
        (compressed.content(train), str(train)), (compressed.content(test), str(test)), config
    )
    arrays = tables.arrays
    return arrays, cache.Metadata(
        labels=tables.labels.labels,
        test_ids=tuple(tables.test_ids),
        fingerprint=_fingerprint(arrays, tables.labels),
        warnings=(*differences(arrays["train_images"], arrays["test_images"]), *copies(arrays)),
    )


def _fingerprint(arrays: Mapping[str, NDArray[np.uint8]], labels: LabelEncoder) -> str:
    digest = hashlib.sha256(repr(labels.labels).encode())
    for name in cache.ARRAYS:
        digest.update(f"{name} {arrays[name].shape}\n".encode())
        digest.update(arrays[name].data)
    return digest.hexdigest()
