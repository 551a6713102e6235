"""Choose the rows that the gallery shows, and describe them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kit import metrics
from kit.ensembling.columns import Column
from kit.records import ClassShare, GalleryRow, UncertainRow

ERRORS = 400
"""Maximum number of errors; the hardest count."""
HARDEST, SUSPICIOUS, DISPUTED = 100, 60, 60
"""Rows of each kind that are shown in any case."""
PER_CELL = 3
"""Rows per cell of the confusion matrix that are shown if there is room."""
MOST = 600
TOP = 5
"""Classes per row."""
UNCERTAIN = 24
"""Test rows."""
Probabilities = NDArray[np.floating]
Labels = NDArray[np.integer]


def choose(
    probs: Probabilities,
    predicted: Labels,
    labels: Labels,
    suspicion: NDArray[np.floating],
    disagreement: NDArray[np.floating],
) -> NDArray[np.intp]:
    """Return the rows to show, at most MOST, hardest first.

    Args:
        probs: (rows, classes) of the ensemble.
        predicted: (rows,) its predicted classes.
        labels: (rows,) from 0.
        suspicion: (rows,), how much each label looks wrong.
        disagreement: (rows,), how much the columns disagree.
    """
    hardest = np.argsort(-metrics.row_losses(probs, labels), kind="stable")
    errors = hardest[predicted[hardest] != labels[hardest]]
    # The order is the priority, if they are more than MOST.
    wanted = np.concatenate(
        [
            np.argsort(-suspicion, kind="stable")[:SUSPICIOUS],
            np.argsort(-disagreement, kind="stable")[:DISPUTED],
            hardest[:HARDEST],
            errors[:ERRORS],
            _per_cell(hardest, predicted, labels, probs.shape[1]),
        ]
    )
    first = np.sort(np.unique(wanted, return_index=True)[1])
    chosen = np.zeros(len(labels), np.bool_)
    chosen[wanted[first[:MOST]]] = True
    return hardest[chosen[hardest]]


def _per_cell(hardest: NDArray[np.intp], predicted: Labels, labels: Labels, classes: int) -> NDArray[np.intp]:
    """Return up to PER_CELL rows of each cell of the confusion matrix: the first of each, then the second."""
    cells = labels[hardest].astype(np.intp) * classes + predicted[hardest]
    order = np.argsort(cells, kind="stable")
    starts = np.searchsorted(cells[order], cells[order])
    rank = np.arange(len(order)) - starts
    kept = rank < PER_CELL
    by_rank = np.argsort(rank[kept], kind="stable")
    return np.asarray(hardest[order[kept][by_rank]])


def describe(
    rows: NDArray[np.intp],
    probs: Probabilities,
    predicted: Labels,
    labels: Labels,
    columns: Sequence[Column],
    *,
    suspicion: NDArray[np.floating],
    disagreement: NDArray[np.floating],
    suspects: set[int],
) -> tuple[GalleryRow, ...]:
    """Return one record per row of `rows`.

    Args:
        rows: to describe.
        probs: (rows, classes) of the ensemble, of all rows.
        predicted: (rows,) its predicted classes.
        labels: (rows,) from 0.
        columns: of the ensemble.
        suspicion: (rows,), how much each label looks wrong.
        disagreement: (rows,), how much the columns disagree.
        suspects: rows whose labels are suspected, as many as are expected to be wrong.
    """
    losses = metrics.row_losses(probs[rows], labels[rows])
    agree = _agreeing(probs[rows], [column.oof[rows] for column in columns])
    return tuple(
        GalleryRow(
            row=int(row),
            label=int(labels[row]),
            predicted=int(predicted[row]),
            probability=float(probs[row, labels[row]]),
            loss=float(loss),
            top=_top(probs[row]),
            agree=int(count),
            columns=len(columns),
            disagreement=float(disagreement[row]),
            suspicion=float(suspicion[row]),
            suspect=int(row) in suspects,
        )
        for row, loss, count in zip(rows, losses, agree, strict=True)
    )


def least_certain(
    probs: Probabilities, columns: Sequence[Column], ids: Sequence[str]
) -> tuple[UncertainRow, ...]:
    """Return the test rows with the lowest probability of the predicted class, lowest first.

    Args:
        probs: (test rows, classes) of the ensemble.
        columns: of the ensemble.
        ids: (test rows,) of the submission.
    """
    rows = np.argsort(probs.max(axis=1), kind="stable")[:UNCERTAIN]
    agree = _agreeing(probs[rows], [column.test[rows] for column in columns])
    return tuple(
        UncertainRow(row=int(row), id=ids[row], top=_top(probs[row]), agree=int(count), columns=len(columns))
        for row, count in zip(rows, agree, strict=True)
    )


def _agreeing(probs: Probabilities, columns: Sequence[Probabilities]) -> NDArray[np.intp]:
    predicted = probs.argmax(axis=1)
    return np.asarray(np.sum([column.argmax(axis=1) == predicted for column in columns], axis=0))


def _top(probs: Probabilities) -> tuple[ClassShare, ...]:
    best = np.argsort(-probs, kind="stable")[:TOP]
    return tuple(ClassShare(label=int(label), probability=float(probs[label])) for label in best)
