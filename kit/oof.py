"""oof.csv: the OOF probabilities of a run, one line per training row."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from kit.errors import UserError
from kit.files import atomic
from kit.lazy import LazyModule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    _Block = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]
else:
    np = LazyModule("numpy")


ID = "id"
"""Header of the ids."""
ROUNDING = 1e-3
"""Largest difference of a row's sum from 1: earlier versions of kit wrote fewer digits."""
_ROWS = 10_000
"""Rows of a block: what is read or written at once."""


@dataclass(frozen=True, eq=False)
class Oof:
    """OOF predictions of training rows.

    Attributes:
        labels: (rows,) from 0.
        probs: (rows, classes).
        names: names of class 0, 1, …, as in train.csv.
        numbers: (rows,) 0-based rows of train.csv, each once; None: 0, 1, …
        ids: (rows,) names of the training images, or ids; empty if the files have none.
        predicted: (rows,) predicted classes; None: the most probable ones.
    """

    labels: NDArray[np.integer]
    probs: NDArray[np.floating]
    names: tuple[str, ...]
    numbers: NDArray[np.integer] | None = None
    ids: Sequence[str] = ()
    predicted: NDArray[np.integer] | None = None

    @property
    def rows(self) -> NDArray[np.integer]:
        """(rows,) 0-based rows of train.csv."""
        return np.arange(len(self.labels)) if self.numbers is None else self.numbers


def write(path: Path, table: Oof) -> None:
    """Write row, id if there are ids, label, predicted label, and one probability per class with 12 digits.

    Probabilities are normalised in float64, so that the written rows sum to 1.
    """
    cells = [cell(name) for name in table.names]
    first = ["row", *([ID] if table.ids else [])]
    header = ",".join([*first, "label", "predicted", *(cell(f"p{name}") for name in table.names)])
    form = ",".join(["%s,%s,%s", *["%.12g"] * len(cells)]) + "\n"
    starts: Iterable[object] = table.rows
    if table.ids:
        starts = (f"{row},{cell(one)}" for row, one in zip(table.rows, table.ids, strict=True))
    predicted = table.probs.argmax(axis=1) if table.predicted is None else table.predicted
    with atomic(path) as file:
        file.write(f"{header}\n".encode())
        for start, label, guess, probs in zip(
            starts, table.labels, predicted, _lists(table.probs), strict=True
        ):
            file.write((form % (start, cells[label], cells[guess], *probs)).encode())


def _lists(probs: NDArray[np.floating]) -> Iterator[list[float]]:
    """Yield normalised rows; as Python numbers, all at once would take 5 times the memory of the array."""
    for start in range(0, len(probs), _ROWS):
        yield from normalised(probs[start : start + _ROWS]).tolist()


def read(path: Path) -> Oof:
    """Return the table that `write` wrote.

    Raises:
        UserError: the file is missing or damaged.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.reader(file)
            header = next(reader, [])
            # A class may be called "id": its column comes after the first three.
            fixed = 4 if header[1] == ID else 3
            names = tuple(name.removeprefix("p") for name in header[fixed:])
            index = {name: number for number, name in enumerate(names)}
            blocks: list[_Block] = []
            ids = list[str]()
            # In blocks: the cells of a million rows would take a gigabyte.
            while rows := list(islice(reader, _ROWS)):
                blocks.append(_parsed(rows, fixed, index))
                ids += [row[1] for row in rows] if fixed == 4 else []
        if not blocks:
            raise ValueError("there is no row")
        numbers, labels = (np.concatenate([block[part] for block in blocks]) for part in (0, 1))
        probs = np.concatenate([block[2] for block in blocks])
        if len(np.unique(numbers)) < len(numbers):
            raise ValueError("a row is there twice")
        if not (np.isfinite(probs).all() and (abs(probs.sum(axis=1) - 1) < ROUNDING).all()):
            raise ValueError("a row has no probabilities")
    except (OSError, ValueError, LookupError, OverflowError, csv.Error) as error:
        hint = "delete it, and run `kit cv` again as for this run: members are kept"
        raise UserError("missing or damaged", where=str(path), hint=hint) from error
    return Oof(labels, probs, names, numbers, ids=tuple(ids))


def _parsed(rows: Sequence[list[str]], fixed: int, index: Mapping[str, int]) -> _Block:
    """Return row numbers, labels and probabilities of some lines; probabilities begin at cell `fixed`."""
    numbers = np.array([row[0] for row in rows], np.int64)
    labels = np.array([index[row[fixed - 2]] for row in rows], np.int64)
    return numbers, labels, np.array([row[fixed:] for row in rows], np.float64).reshape(len(rows), len(index))


def normalised(probs: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return (rows, classes) probabilities divided by the sums of their rows, in float64."""
    exact = probs.astype(np.float64)
    exact /= exact.sum(axis=1, keepdims=True)
    return exact


def cell(text: str) -> str:
    """Return text as a CSV cell, quoted if necessary."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow([text])
    return line.getvalue()
