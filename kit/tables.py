"""test.csv and history.csv: test probabilities and learning curves of a run, for use outside of kit."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kit.files import atomic
from kit.lazy import LazyModule
from kit.oof import cell, normalised

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from kit.records import Report
else:
    np = LazyModule("numpy")

HISTORY = ("model", "fold", "seed", "epoch", "loss", "accuracy", "val_loss", "val_score", "seconds")
"""Columns of history.csv: see `kit.records.run.Curves`; `fold` is empty for a member trained on all rows."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """Test predictions.

    Attributes:
        ids: (rows,) in the order of the submission.
        probs: (rows, classes).
        names: names of class 0, 1, …, as in train.csv.
        id_column: header of the ids, as in the submission.
        predicted: (rows,) predicted classes; None: the most probable ones.
    """

    ids: Sequence[str]
    probs: NDArray[np.floating]
    names: tuple[str, ...]
    id_column: str
    predicted: NDArray[np.integer] | None = None


def write_test(path: Path, table: Predictions) -> None:
    """Write id, predicted label, and one probability per class with 12 digits.

    The most probable class has the highest probability as it is written: the two highest of a row may differ
    after the 12th digit, and such a row gets 17.
    """
    exact, best = normalised(table.probs), table.probs.argmax(axis=1)
    predicted = best if table.predicted is None else table.predicted
    cells = [cell(name) for name in table.names]
    header = ",".join([cell(table.id_column), "predicted", *(cell(f"p{name}") for name in table.names)])
    with atomic(path) as file:
        file.write(f"{header}\n".encode())
        for identity, guess, top, probs in zip(table.ids, predicted, best, exact.tolist(), strict=True):
            texts = [f"{value:.12g}" for value in probs]
            written = [float(text) for text in texts]
            if written.index(max(written)) != top:
                texts = [f"{value:.17g}" for value in probs]
            file.write(f"{','.join([cell(identity), cells[guess], *texts])}\n".encode())


def write_history(path: Path, report: Report) -> None:
    """Write the learning curves of all members, one line per member and epoch.

    A model without epochs has no lines.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HISTORY)
    for one in report.members:
        curves = one.epochs
        figures = (curves.loss, curves.accuracy, curves.val_loss, curves.val_score, curves.seconds)
        for epoch in range(len(curves.loss)):
            row = (values[epoch] if epoch < len(values) else None for values in figures)
            writer.writerow([one.model, one.fold, one.seed, epoch + 1, *row])
    with atomic(path) as file:
        file.write(text.getvalue().encode())
