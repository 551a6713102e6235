"""The classes of the training rows: labels as text to class indices, and how many rows each class has."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from kit.config import Config
from kit.errors import UserError
from kit.task.labels import MOST, LabelEncoder, declared_labels


def encoded(
    texts: Sequence[str], config: Config, where: str, place: Callable[[int], str]
) -> tuple[LabelEncoder, NDArray[np.uint8]]:
    """Return the labels of the task, and (rows,) uint8 class indices.

    Args:
        texts: the label of each row, as in the files.
        config: states the labels, or lets them be learned.
        where: what has the labels, for errors, as in "train.csv, column label".
        place: returns where the label of a row is written, by the 0-based row.

    Raises:
        UserError: a label is unknown, there are too few or too many classes, or a class has too few rows.
    """
    competition = config.competition
    labels = declared_labels(competition) or _learned(texts, where, competition.classes)
    classes = labels.find(texts)
    unknown = np.flatnonzero(classes < 0)
    if unknown.size:
        row = int(unknown[0])
        received = repr(texts[row][:40])
        raise UserError("not a label", where=place(row), expected=labels.summary, received=received)
    _check_counts(np.bincount(classes, minlength=len(labels)), labels, config.folds.count, where)
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
