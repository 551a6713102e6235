"""The ids that a submission must have: those of the data that `kit cv` would use on this machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kit.config import Config
from kit.data import compressed, layout
from kit.data.dataset import open_folder
from kit.data.readers import pixel_csv
from kit.errors import UserError
from kit.task.format import SubmissionFormat
from kit.task.labels import declared_labels
from kit.task.submission import predictions_of
from kit.task.task import Task, make_task


@dataclass(frozen=True)
class Expected:
    """The ids of the test rows, and where they come from.

    Attributes:
        ids: (rows,); None if nothing on this machine has them.
        source: the file or run that has the ids, for people.
        example: predictions of the sample submission by id; None without one.
        warnings: what could not be used or checked, one sentence each.
    """

    ids: Sequence[str] | None
    source: str = ""
    example: dict[str, str] | None = None
    warnings: tuple[str, ...] = ()


def task_of_file(config: Config) -> Task:
    """Return the task for a file that belongs to no run.

    Raises:
        UserError: labels are learned from train.csv, which is missing or wrong.
    """
    labels = declared_labels(config.competition)
    if labels is not None:
        return make_task(config.competition, labels)
    folder = layout.local_folder(config)
    if folder is None:
        hint = "get the data (`kit data fetch`), or list them: competition.labels"
        raise UserError("the labels are unknown", where="competition.labels", hint=hint)
    return open_folder(folder, config).task


def of_file(config: Config, form: SubmissionFormat) -> Expected:
    """Return the ids for a file of no run: those of the sample submission, else those of the test rows.

    Raises:
        UserError: the data directory that the configuration names, or the file with the ids, cannot be used.
    """
    for folder in layout.folders(config):
        try:
            found = _of_sample(folder, config, form) or _of_test(folder, config, form)
        except UserError as error:
            hint = error.hint or "the ids of a submission come from this file: correct it, or move it away"
            raise UserError(
                error.what, where=error.where, expected=error.expected, received=error.received, hint=hint
            ) from error
        if found:
            return found
    if config.names_data:
        layout.local_folder(config)
    else:
        layout.locate(config)
    places = " or ".join(f"{folder}/" for folder in layout.folders(config))
    wanted = [name for name in (config.competition.sample_submission, config.competition.test) if name]
    missing = " or ".join(wanted or ["test images"])
    unchecked = f"the number of rows was not checked: no {missing} in {places}"
    return Expected(None, warnings=(unchecked,))


def of_run(config: Config, form: SubmissionFormat, name: str, rows: int) -> Expected:
    """Return the ids for the submission of a run.

    Args:
        config: of the run.
        form: of the run's task.
        name: of the run.
        rows: number of the run's test rows: their ids are used without a sample submission.

    Raises:
        UserError: only a file has the ids, and it cannot be used.
    """
    if form.first_id is None:
        return of_file(config, form)
    ids, own = form.counted_ids(rows), f"the test rows of run {name}"
    try:
        found = (_of_sample(folder, config, form) for folder in layout.folders(config))
        return next((one for one in found if one), Expected(ids, own))
    except UserError as error:
        reason = f"{error.where}: {error.what}" if error.where else error.what
        return Expected(ids, own, warnings=(f"the ids were checked against {own} alone: {reason}",))


def _of_sample(folder: Path, config: Config, form: SubmissionFormat) -> Expected | None:
    name = config.competition.sample_submission
    path = layout.file_in(folder, name) if name else None
    if path is None:
        return None
    by_id = predictions_of(compressed.content(path), str(path), form)
    return Expected(tuple(by_id), str(path), by_id)


def _of_test(folder: Path, config: Config, form: SubmissionFormat) -> Expected | None:
    competition = config.competition
    if competition.form != "pixels":
        return _of_all(folder, config)
    path = None if competition.test is None else layout.file_in(folder, competition.test)
    if path is None:
        return None
    table = pixel_csv.parse(compressed.content(path), str(path), competition, labelled=False)
    if table.texts:
        return Expected(table.texts, str(path))
    return None if form.first_id is None else Expected(form.counted_ids(len(table.images)), str(path))


def _of_all(folder: Path, config: Config) -> Expected | None:
    """Return the ids of the test images, whose names only the reader of the whole folder knows."""
    names = [*layout.tables(config.competition), *layout.image_folders(config.competition)]
    if not all(layout.file_in(folder, name) for name in names):
        return None
    return Expected(open_folder(folder, config).test_ids, f"{folder}/")
