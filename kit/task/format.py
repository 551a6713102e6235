"""The submission format: its columns, and how predictions are written in them."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kit.config import Competition
from kit.errors import UserError
from kit.metrics import METRICS
from kit.task.ids import Row, cell
from kit.task.labels import LabelEncoder

Predicts = Literal["label", "probability", "probabilities"]
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")
_NUMBER = re.compile(r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_DIGITS = "%.9g"
"""Enough to distinguish any two float32 probabilities."""
SUM_TOLERANCE = 0.01
"""Largest deviation of a row's probabilities from a sum of 1: files may be rounded to two digits."""


@dataclass(frozen=True)
class SubmissionFormat:
    """Columns and predictions of a submission.

    Attributes:
        predicts: the predicted label, the probability of one label (two classes), or one probability per
            class.
        id_column: header of the first column.
        columns: headers of the others; one per class for `probabilities`, else one.
        classes: the class whose probability is in each column; empty: 0, 1, …
        labels: the task's labels.
        positive: class index of the label whose probability is submitted.
        first_id: id of the first test row if ids are consecutive integers; None if they are any text.
        written: what is submitted for class 0, 1, … in place of the labels; None: the labels.
    """

    predicts: Predicts
    id_column: str
    columns: tuple[str, ...]
    labels: LabelEncoder
    positive: int = 1
    first_id: int | None = None
    classes: tuple[int, ...] = ()
    written: LabelEncoder | None = None

    @property
    def submitted(self) -> LabelEncoder:
        """What is submitted for each class, if the submission holds labels."""
        return self.written or self.labels

    @property
    def header(self) -> list[str]:
        """All columns."""
        return [self.id_column, *self.columns]

    def counted_ids(self, rows: int) -> list[str]:
        """Return the ids of `rows` test rows.

        Raises:
            ValueError: ids are not consecutive integers.
        """
        if self.first_id is None:
            raise ValueError("ids are not consecutive integers")
        return [str(self.first_id + row) for row in range(rows)]

    def to_cells(
        self, probs: NDArray[np.floating], predicted: NDArray[np.integer] | None = None
    ) -> list[list[str]]:
        """Return the prediction cells of each row.

        Args:
            probs: (rows, classes); each row sums to 1, but for rounding.
            predicted: (rows,) the class whose label is submitted; None: the most probable one.

        Raises:
            ValueError: another number of classes, or a row that holds no probabilities.
        """
        if probs.ndim != 2 or probs.shape[1] != len(self.labels):
            raise ValueError(f"expected (rows, {len(self.labels)}) probabilities, received {probs.shape}")
        sums = probs.sum(axis=1, dtype=np.float64)
        if not (np.abs(sums - 1) < 1e-3).all() or (probs < 0).any():
            raise ValueError("expected probabilities, received rows that do not sum to 1")
        if self.predicts == "label":
            chosen = probs.argmax(axis=1) if predicted is None else predicted
            return [[label] for label in self.submitted.decode(chosen)]
        exact = probs.astype(np.float64) / sums[:, None]
        columns = exact[:, self._class_of_each_column()]
        return [[_DIGITS % value for value in row] for row in columns.tolist()]

    def to_classes(self, path: str, rows: Sequence[Row]) -> NDArray[np.int64]:
        """Return (rows,) int64: the predicted, or most probable, class of each row.

        Args:
            path: of the file, for errors.
            rows: all cells of each row.

        Raises:
            UserError: the first cell that is not a label, or not a probability.
        """
        if self.predicts == "label":
            return self._labels(path, rows)
        probs = np.array(
            [
                [_probability(path, line, *one) for one in zip(self.columns, cells[1:], strict=True)]
                for line, cells in rows
            ]
        )
        if self.predicts == "probabilities":
            wrong = np.flatnonzero(np.abs(probs.sum(axis=1) - 1) > SUM_TOLERANCE)
            if wrong.size:
                total = f"a sum of {probs[wrong[0]].sum():.4g}"
                where = f"{path}, line {rows[wrong[0]][0]}"
                raise UserError(
                    "probabilities do not sum to 1", where=where, expected="a sum of 1", received=total
                )
            return np.asarray(np.take(self._class_of_each_column(), probs.argmax(axis=1)), np.int64)
        return np.where(probs[:, 0] >= 0.5, self.positive, 1 - self.positive)

    def _class_of_each_column(self) -> list[int]:
        """Return the class of each column."""
        if self.predicts == "probability":
            return [self.positive]
        return list(self.classes) or list(range(len(self.labels)))

    def _labels(self, path: str, rows: Sequence[Row]) -> NDArray[np.int64]:
        texts = [cells[1] for _, cells in rows]
        for (line, _), text in zip(rows, texts, strict=True):
            if text not in self.submitted.index:
                raise self._no_label(cell(path, line, self.columns[0]), text)
        return self.submitted.find(texts)

    def _no_label(self, where: str, text: str) -> UserError:
        if not text.strip():
            what, expected = "blank cell", self.submitted.summary
        # Stricter than int(): Kaggle might not accept " 3", "3.0", "03" or digits of another script.
        elif self.submitted.are_integers and not _INTEGER.fullmatch(text):
            what, expected = "not an integer", "digits alone"
        else:
            what, expected = "not a label", self.submitted.summary
        return UserError(what, where=where, expected=expected, received=repr(text[:40]))


def resolved_format(competition: Competition, classes: int) -> Predicts:
    """Return what a submission holds: as stated, or what the metric needs if that is `auto`.

    Args:
        competition: its section of the configuration.
        classes: number of classes.
    """
    stated = competition.submission.format
    if stated != "auto":
        return stated
    if METRICS[competition.metric].needs == "labels":
        return "label"
    return "probability" if classes == 2 else "probabilities"


def make_format(competition: Competition, labels: LabelEncoder) -> SubmissionFormat:
    """Return the format that a configuration describes, with the task's labels.

    Raises:
        UserError: it does not fit the labels.
    """
    wanted, where = competition.submission, "competition.submission"
    predicts = resolved_format(competition, len(labels))
    positive, classes = 1, list[int]()
    columns: tuple[str, ...] = (competition.prediction_column,)
    if predicts == "probability":
        if len(labels) != 2:
            what = "format: probability needs two classes"
            raise UserError(what, where=where, expected="2", received=str(len(labels)))
        if wanted.positive is not None:
            if wanted.positive not in labels.labels:
                raise UserError(
                    "positive is not a label",
                    where=where,
                    expected=labels.summary,
                    received=repr(wanted.positive),
                )
            positive = labels.labels.index(wanted.positive)
    elif predicts == "probabilities":
        columns = wanted.columns or labels.labels
        if len(columns) != len(labels):
            what = "another number of columns than classes"
            raise UserError(what, where=where, expected=str(len(labels)), received=str(len(columns)))
        if sorted(columns) == sorted(labels.labels):
            classes = [labels.index[column] for column in columns]
    counted = None if competition.test_id_column else competition.first_id
    written = _written(wanted.values, labels) if wanted.values and predicts == "label" else None
    return SubmissionFormat(
        predicts, competition.id_column, columns, labels, positive, counted, tuple(classes), written
    )


def _written(values: Mapping[str, str], labels: LabelEncoder) -> LabelEncoder:
    if {*values} != {*labels.labels}:
        received = f"values for {', '.join(list(values)[:5])}"
        where = "competition.submission.values"
        raise UserError("not a value per label", where=where, expected=labels.summary, received=received)
    return LabelEncoder(tuple(values[label] for label in labels.labels))


def _probability(path: str, line: int, column: str, text: str) -> float:
    value = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not 0 <= value <= 1:
        what = "not a probability" if text.strip() else "blank cell"
        expected = "a number from 0 to 1"
        raise UserError(what, where=cell(path, line, column), expected=expected, received=repr(text[:40]))
    return value
