"""The classes of the training rows: labels as text to class indices, and how many rows each class has."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from kit.config import Competition
from kit.errors import UserError
from kit.task.labels import MOST, LabelEncoder, declared_labels


def encoded(
    texts: Sequence[str], competition: Competition, where: str, place: Callable[[int], str]
) -> tuple[LabelEncoder, NDArray[np.uint8]]:
    """Return the labels of the task, and (rows,) uint8 class indices.

    Args:
        texts: the label of each row, as in the files.
        competition: states the labels, or lets them be learned.
        where: what has the labels, for errors, as in "train.csv, column label".
        place: returns where the label of a row is written, by the 0-based row.

    Raises:
        UserError: a label is unknown, there are too few or too many classes, or a class has one row.
    """
    declared = declared_labels(competition)
    if declared is None and any(text.lower() == "nan" for text in set(texts)):
        absent = next(row for row, text in enumerate(texts) if text.lower() == "nan")
        hint = f"if it is a class, list all of them: competition.labels: [..., {texts[absent]}]"
        received = repr(texts[absent])
        raise UserError("no label", where=place(absent), expected="a label", received=received, hint=hint)
    labels = declared or _learned(texts, where, competition.classes)
    classes = labels.find(texts)
    unknown = np.flatnonzero(classes < 0)
    if unknown.size:
        row = int(unknown[0])
        received = repr(texts[row][:40])
        raise UserError("not a label", where=place(row), expected=labels.summary, received=received)
    _check_counts(np.bincount(classes, minlength=len(labels)), labels, where)
    return labels, classes.astype(np.uint8)


def _learned(texts: Sequence[str], where: str, classes: int | None) -> LabelEncoder:
    labels = LabelEncoder.learned(texts)
    if not 2 <= len(labels) <= MOST:
        what, hint = f"{len(labels)} distinct labels", "does competition.label_column name the labels?"
        raise UserError(what, where=where, expected=f"2 to {MOST}", hint=hint)
    if classes not in (None, len(labels)):
        what, expected = f"{len(labels)} distinct labels", f"{classes} (competition.classes)"
        raise UserError(what, where=where, expected=expected, received=labels.summary)
    return labels


def _check_counts(counts: NDArray[np.int64], labels: LabelEncoder, where: str) -> None:
    scarce = int(np.argmin(counts))
    if counts[scarce] < 2:
        remedy = "remove the row, or give it the label of another class; fewer folds do not help"
        raise UserError(
            f"class {labels.labels[scarce]} has {'one' if counts[scarce] else 'no'} row",
            where=where,
            expected="at least 2: one to train on, and one that is held out",
            received=f"{counts[scarce]}",
            hint=remedy if counts[scarce] else None,
        )
