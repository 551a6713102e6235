"""The data of a competition as arrays, read from one folder and cached."""

import codecs
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kit.config import Competition, Config
from kit.data import compressed, csv_data, image_data, layout
from kit.data.compressed import Content
from kit.data.groups import doubts, read_groups
from kit.data.progress import Decoding, Stage, ignore
from kit.errors import UserError
from kit.task.format import SubmissionFormat
from kit.task.labels import LabelEncoder
from kit.task.sample import unknown_labels, with_columns
from kit.task.submission import check_sample_submission, predictions_of
from kit.task.task import Task, make_task


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
        stored_ids: (test rows,) ids from the competition's files; empty: they are counted.
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

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of an image."""
        _, height, width, channels = self.train_images.shape
        return height, width, channels

    @cached_property
    def test_ids(self) -> tuple[str, ...]:
        """(test rows,) ids as the submission has them; made when needed, which saves 3 ms on a warm start."""
        rows = len(self.test_images)
        return self.stored_ids or (tuple(self.task.submission.counted_ids(rows)) if rows else ())


def open_folder(folder: Path, config: Config, stage: Stage = ignore) -> Dataset:
    """Return the data of a folder that holds the competition's files; its cache is <folder>/.cache.

    Args:
        folder: the folder.
        config: describes the files.
        stage: receives what takes time, as in "reading data/train.csv, 43 %".

    Raises:
        UserError: a file is missing or wrong, or the disk has no room for the cache.
    """
    paths = layout.required(folder, config.competition)
    sample = _sample_submission(folder, config.competition)
    if config.competition.has_files:
        entry = image_data.open_entry(folder, paths, config, sample, Decoding(stage))
    else:
        entry = csv_data.open_entry(folder, paths, config, stage)
    labels = LabelEncoder(entry.meta.labels)
    task = make_task(with_columns(config.competition, labels, sample), labels)
    ids, rows = entry.meta.test_ids, len(entry.arrays["test_images"])
    if rows and not ids and task.submission.first_id is None:
        ids = ids_of_sample(sample, rows, task.submission)
    classes, group, names = entry.arrays["train_labels"], config.folds.group, entry.meta.train_names
    groups, of_groups = read_groups(folder, group, names, len(classes)) if group else (None, ())
    return Dataset(
        **entry.arrays,
        task=task,
        fingerprint=entry.meta.fingerprint,
        sample=folder == layout.SAMPLE,
        source="the bundled sample" if folder == layout.SAMPLE else f"{folder}/",
        warnings=(
            *entry.meta.warnings,
            *unknown_labels(sample, task),
            *doubts(classes, labels.labels, config.folds.count, groups, of_groups),
        ),
        folder=entry.folder,
        stored_ids=ids,
        train_names=names,
        groups=groups,
    )


def check_folder(folder: Path, config: Config, dataset: Dataset) -> None:
    """Check that the sample submission, if `folder` holds one, belongs to the test rows, if there are any.

    Raises:
        UserError: header or ids differ.
    """
    sample = _sample_submission(folder, config.competition)
    # Of a competition that accepts only notebooks, the test images may be secret.
    if sample and len(dataset.test_images):
        check_sample_submission(*sample, dataset.task.submission, dataset.test_ids)


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
        raise UserError("there is no sample submission, which has the ids", hint=hint)
    ids = tuple(predictions_of(*sample_submission, form))
    if len(ids) != rows:
        raise UserError(
            "another number of rows than there are test rows",
            where=sample_submission[1],
            expected=str(rows),
            received=f"{len(ids)}",
        )
    return ids


def _sample_submission(folder: Path, competition: Competition) -> Content | None:
    name = competition.sample_submission
    path = layout.file_in(folder, name) if name else None
    if path is None or not path.is_file():
        return None
    return compressed.content(path).removeprefix(codecs.BOM_UTF8), str(path)
