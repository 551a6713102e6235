"""`kit report`: the report of a finished run, computed again from its folder where it is out of date."""

from collections.abc import Callable
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from kit.config import Config, validate
from kit.data import layout
from kit.data.dataset import Dataset, open_folder
from kit.errors import KitError, UserError
from kit.images import Images
from kit.pipeline.combining import combine_members
from kit.records import Report, RunRecord
from kit.reports.run.figures import summarise
from kit.reports.run.page import write_page
from kit.runs import Run
from kit.task.submission import submitted_ids


def refresh(run: Run, say: Callable[[str], None]) -> Report:
    """Compute report.json and draw report.html from the files of a finished run, without its data.

    Args:
        run: the run.
        say: receives what is missing on the page, or why it cannot be written, one line each.

    Raises:
        UserError: there is no report.json, and it cannot be computed.
    """
    try:
        report = _computed(run)
    except (KitError, OSError, BadZipFile, LookupError) as error:
        if not run.report_path.is_file():
            raise
        report = run.read_report()
        say(f"the page shows only what report.json has: {_line(error)}")
    else:
        _try(lambda: run.write_report(report), say)
    draw(run, report, say)
    return report


def draw(run: Run, report: Report, say: Callable[[str], None]) -> None:
    """Write report.html; without its images if they are missing. See `refresh` for the arguments."""
    _try(lambda: write_page(run.page_path, report, _images(run, report)), say)


def _try(write: Callable[[], None], say: Callable[[str], None]) -> None:
    try:
        write()
    except OSError as error:
        say(f"the report cannot be written: {error.filename}: {error.strerror}")


def _line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _computed(run: Run) -> Report:
    record, table = run.read_record(), run.read_oof()
    config, folds = validate(record.config), run.read_folds()
    done = combine_members(run, config, folds, table.labels)
    return summarise(
        record,
        config,
        labels=table.labels,
        names=table.names,
        columns=done.columns,
        combined=done.combined,
        folds=folds,
        members=done.members,
        test_ids=submitted_ids(run.submission_path),
        tta=done.tta,
        warnings=run.read_report().warnings if run.report_path.is_file() else (),
    )


def images_of(report: Report, dataset: Dataset) -> Images:
    """Return the images of the rows that the page of a report shows."""
    train, test = _shown_rows(report)
    return Images(
        train, np.asarray(dataset.train_images[train]), test, np.asarray(dataset.test_images[test])
    )


def _shown_rows(report: Report) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the training and the test rows on the page, ascending."""
    if report.details is None:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    train = [one.row for one in report.details.gallery]
    test = [one.row for one in report.details.test.uncertain]
    return np.array(sorted(train), np.int64), np.array(sorted(test), np.int64)


def _images(run: Run, report: Report) -> Images:
    """Return the stored images; those that are missing are read from the data if it is on this machine."""
    try:
        stored = run.read_images()
    except UserError:
        stored = Images.none()
    train, test = _shown_rows(report)
    if np.isin(train, stored.train_rows).all() and np.isin(test, stored.test_rows).all():
        return stored
    record = run.read_record()
    dataset = _local_data(record, validate(record.config))
    if dataset is None:
        return stored
    found = images_of(report, dataset)
    run.write_images(found)
    return found


def _local_data(record: RunRecord, config: Config) -> Dataset | None:
    """Return the data that the run was trained on; None if this machine does not have it."""
    try:
        folder = layout.SAMPLE if record.sample else layout.local_folder(config)
        dataset = open_folder(folder, config) if folder else None
    except UserError:
        return None
    return dataset if dataset and dataset.fingerprint == record.fingerprint else None
