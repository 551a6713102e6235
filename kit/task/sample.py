"""What the sample submission says: the ids, the columns in their order, and labels that training lacks."""

import csv
import io

from kit.config import Competition, Config
from kit.errors import UserError
from kit.task.format import resolved_format
from kit.task.labels import LabelEncoder
from kit.task.submission import predictions_of
from kit.task.task import Task


def ids_in(content: bytes, name: str) -> list[str]:
    """Return the first cell of each row below the header; `check_sample_submission` checks the file.

    Args:
        content: the file, not compressed.
        name: of the file, for errors.

    Raises:
        UserError: it is not a CSV file in UTF-8, or has no rows.
    """
    rows = _rows(content, name)
    if len(rows) < 2:
        raise UserError("no rows below the header", where=name)
    return [cells[0] for cells in rows[1:] if cells]


def with_columns(
    competition: Competition, labels: LabelEncoder, sample: tuple[bytes, str] | None
) -> Competition:
    """Return the competition with the columns of the sample submission, if they are one per label.

    Args:
        competition: its section of the configuration.
        labels: of the task.
        sample: content and name of the sample submission; None: there is none.

    Raises:
        UserError: the columns are not the labels.
    """
    wanted = competition.submission
    if sample is None or wanted.columns is not None:
        return competition
    if resolved_format(competition, len(labels)) != "probabilities":
        return competition
    content, name = sample
    _, *columns = _rows(content, name)[0] or [""]
    if tuple(columns) == labels.labels:
        return competition
    if sorted(columns) != sorted(labels.labels):
        raise _not_the_labels(columns, labels, name)
    update = {"submission": wanted.model_copy(update={"columns": tuple(columns)})}
    return competition.model_copy(update=update)


def kept_columns(config: Config, task: Task) -> Config:
    """Return the configuration with the columns of the task, for a run that must not depend on the sample."""
    columns, wanted = task.submission.columns, config.competition.submission
    if task.submission.predicts != "probabilities" or columns == (wanted.columns or task.labels.labels):
        return config
    submission = wanted.model_copy(update={"columns": columns})
    return config.model_copy(
        update={"competition": config.competition.model_copy(update={"submission": submission})}
    )


def unknown_labels(sample: tuple[bytes, str] | None, task: Task) -> list[str]:
    """Return a sentence on what the sample submission predicts that is no label, or nothing."""
    if sample is None or task.submission.predicts != "label":
        return []
    try:
        cells = predictions_of(*sample, task.submission)
    except UserError:
        return []  # `check_sample_submission` names the fault.
    found = dict.fromkeys(cells.values())
    places = zip(found, task.submission.submitted.find(list(found)), strict=True)
    unknown = [text for text, place in places if place < 0 and text.strip()]
    if not unknown:
        return []
    shown = ", ".join(repr(text[:40]) for text in unknown[:3]) + (", …" if len(unknown) > 3 else "")
    return [f"{sample[1]} predicts {shown}: not among the labels of the training rows"]


def _rows(content: bytes, name: str) -> list[list[str]]:
    try:
        return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError("not a CSV file in UTF-8", where=name) from error


def _not_the_labels(columns: list[str], labels: LabelEncoder, name: str) -> UserError:
    missing = [label for label in labels.labels if label not in columns]
    unexpected = [column for column in columns if column not in labels.index]
    if missing:
        what = f"no column for label {missing[0]!r}"
        what += f", and a column {unexpected[0]!r} that is no label" if unexpected else ""
    elif unexpected:
        what = f"column {unexpected[0]!r} is no label of the training rows"
    else:
        what = f"duplicate column {_again(columns)!r}"
    return UserError(
        what,
        where=f"{name}, line 1",
        expected=f"one column per label, {len(labels)}",
        received=f"{len(columns)} columns",
        hint="if they have other names: competition.submission.columns lists them in the order of the labels",
    )


def _again(columns: list[str]) -> str:
    return next(one for place, one in enumerate(columns) if one in columns[:place])
