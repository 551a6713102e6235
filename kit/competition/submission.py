"""The submission file: written one way, and checked before it costs one of the day's submissions.

Knows the form of the file alone; nothing here talks to Kaggle.
"""

import csv
import hashlib
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kit.config import Competition
from kit.errors import UserError
from kit.files import atomic

_WHOLE_NUMBER = re.compile(r"0|-?[1-9][0-9]{0,17}")
_Row = tuple[int, list[str]]
"""Line in the file, cells."""

_NOT_TEXT = {
    b"": "an empty file",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
    b"\xef\xbb\xbf": "text with a byte order mark",
    b"PK\x03\x04": "a zip file",
    b"\x1f\x8b": "a gzip file",
    b"<": "a web page",
}


@dataclass(frozen=True)
class Checked:
    """A submission file that holds every rule.

    Attributes:
        content: the file, byte for byte.
        ids: (rows,) int64.
        labels: (rows,) int64, each from 0 to classes - 1.
        counts: (classes,) int64, how often each class is predicted.
    """

    content: bytes
    ids: NDArray[np.int64]
    labels: NDArray[np.int64]
    counts: NDArray[np.int64]

    @property
    def rows(self) -> int:
        """How many predictions there are."""
        return len(self.labels)

    @property
    def by_id(self) -> dict[int, int]:
        """The prediction of each id."""
        return dict(zip(self.ids.tolist(), self.labels.tolist(), strict=True))

    @property
    def sha256(self) -> str:
        """The content's SHA-256, 64 hex digits."""
        return hashlib.sha256(self.content).hexdigest()


def write_submission(
    path: Path, ids: NDArray[np.int64], labels: NDArray[np.integer], competition: Competition
) -> None:
    """Write `ids` and `labels`, both (rows,), as the competition's CSV: a header, then a line a row, LF ends.

    Raises:
        ValueError: lengths differ, or a label is no integer of 0 … classes - 1.
    """
    if ids.shape != labels.shape or ids.ndim != 1:
        raise ValueError(
            f"ids and labels must be of one length, received shapes {ids.shape} and {labels.shape}"
        )
    if not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"labels must be integers, received {labels.dtype}")
    if labels.size and not 0 <= labels.min() <= labels.max() < competition.classes:
        raise ValueError(
            f"labels must lie in 0 … {competition.classes - 1}, received {labels.min()} … {labels.max()}"
        )
    with atomic(path) as file:
        header = f"{competition.id_column},{competition.prediction_column}"
        np.savetxt(file, np.column_stack([ids, labels]), fmt="%d", delimiter=",", header=header, comments="")


def check_submission(
    path: Path,
    competition: Competition,
    *,
    ids: NDArray[np.int64] | None = None,
    sample_submission: Path | None = None,
    ordered: bool = True,
) -> Checked:
    """Read the submission at `path` and check it against the competition's rules.

    Args:
        path: the file.
        competition: names of the columns, first id, number of classes.
        ids: (rows,) the ids that the file must have.
        sample_submission: the competition's example; its ids count where `ids` is not given. With neither,
            ids count up from `competition.first_id` and any number of rows passes.
        ordered: whether the ids must be in this order; Kaggle takes them in any.

    Raises:
        UserError: the first thing wrong, with its line and column.
    """
    if ids is None and sample_submission is not None:
        example = _rows(sample_submission, _read(sample_submission), competition)
        ids = np.array(_whole_numbers(sample_submission, example, 0, competition.id_column), np.int64)
    content = _read(path)
    rows = _rows(path, content, competition)
    found = _whole_numbers(path, rows, 0, competition.id_column)
    wanted = range(competition.first_id, competition.first_id + len(found)) if ids is None else ids.tolist()
    check = _check_order if ordered else _check_members
    check(path, rows, found, wanted, competition.id_column)
    labels = np.array(_whole_numbers(path, rows, 1, competition.prediction_column), np.int64)
    for (line, _), label in zip(rows, labels.tolist(), strict=True):
        if not 0 <= label < competition.classes:
            raise UserError(
                "no such class",
                where=_place(path, line, competition.prediction_column),
                expected=f"0 to {competition.classes - 1}",
                received=str(label),
            )
    return Checked(
        content, np.array(found, np.int64), labels, np.bincount(labels, minlength=competition.classes)
    )


def predictions(path: Path, competition: Competition) -> dict[str, str]:
    """Return the prediction of each id, as a file of the competition has them.

    Raises:
        UserError: it is not such a file.
    """
    return {identity: label for _, (identity, label) in _rows(path, _read(path), competition)}


def _read(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise UserError("no such file", where=str(path)) from None
    except OSError as error:
        raise UserError(f"not readable: {error.strerror}", where=str(path)) from error
    for start, kind in _NOT_TEXT.items():
        if content.lstrip().startswith(start) if start else not content.strip():
            raise UserError(
                "not a submission", where=str(path), expected="a CSV file in plain UTF-8", received=kind
            )
    return content


def _rows(path: Path, content: bytes, competition: Competition) -> list[_Row]:
    """Return (line, [id, label]) of each row below the header."""
    columns = [competition.id_column, competition.prediction_column]
    try:
        reader = csv.reader(io.StringIO(content.decode("utf-8"), newline=""), strict=True)
        header = next(reader)
        if header != columns:
            raise UserError(
                "wrong header",
                where=f"{path}, line 1",
                expected=",".join(columns),
                received=repr(",".join(header)[:80]),
            )
        rows = [(reader.line_num, cells) for cells in reader]
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UserError(
            "not a submission", where=f"{path}, line {line}", expected="plain UTF-8", received="other bytes"
        ) from None
    except csv.Error as error:
        raise UserError(f"not a CSV file: {error}", where=f"{path}, line {reader.line_num}") from None
    for line, cells in rows:
        if len(cells) != 2:
            received = f"{len(cells)} in {','.join(cells)[:60]!r}" if cells else "a blank line"
            raise UserError(
                "wrong number of cells", where=f"{path}, line {line}", expected="2", received=received
            )
    if not rows:
        raise UserError("no rows below the header", where=str(path))
    return rows


def _whole_numbers(path: Path, rows: Sequence[_Row], cell: int, column: str) -> list[int]:
    for line, cells in rows:
        text = cells[cell]
        # Stricter than int(): Kaggle is not asked to read " 3", "3.0", "03" or a number in another script.
        if not _WHOLE_NUMBER.fullmatch(text):
            what = "blank cell" if not text.strip() else "not a whole number"
            raise UserError(
                what, where=_place(path, line, column), expected="digits alone", received=repr(text[:40])
            )
    return [int(cells[cell]) for _, cells in rows]


def _lines_of(path: Path, rows: Sequence[_Row], found: Sequence[int], column: str) -> dict[int, int]:
    """Return the line of each id, and check that none is there twice."""
    lines: dict[int, int] = {}
    for (line, _), identity in zip(rows, found, strict=True):
        if identity in lines:
            what = f"id {identity} is already in line {lines[identity]}"
            raise UserError(what, where=_place(path, line, column), expected="every id once")
        lines[identity] = line
    return lines


def _check_order(
    path: Path, rows: Sequence[_Row], found: Sequence[int], wanted: Sequence[int], column: str
) -> None:
    """Check that the ids are the wanted ones, in their order."""
    known, lines = set(wanted), _lines_of(path, rows, found, column)
    for (line, _), identity, expected in zip(rows, found, wanted, strict=False):
        if identity != expected:
            what = "ids out of order" if identity in known else "unknown id"
            if expected not in lines:
                what = f"id {expected} is missing"
            raise UserError(
                what, where=_place(path, line, column), expected=str(expected), received=str(identity)
            )
    sizes = {"expected": f"{len(wanted)} rows", "received": f"{len(found)} rows"}
    if len(found) > len(wanted):
        raise UserError("too many rows", where=f"{path}, line {rows[len(wanted)][0]}", **sizes)
    if len(found) < len(wanted):
        what = f"id {wanted[len(found)]} and what follows are missing"
        raise UserError(what, where=f"{path}, line {rows[-1][0]}", **sizes)


def _check_members(
    path: Path, rows: Sequence[_Row], found: Sequence[int], wanted: Sequence[int], column: str
) -> None:
    """Check that every wanted id is there once, in any order, and no other."""
    known, lines = set(wanted), _lines_of(path, rows, found, column)
    sizes = {"expected": f"{len(wanted)} rows", "received": f"{len(found)} rows"}
    for identity, line in lines.items():
        if identity not in known:
            raise UserError(f"unknown id {identity}", where=_place(path, line, column), **sizes)
    missing = [identity for identity in wanted if identity not in lines]
    if missing:
        what = f"id {missing[0]} is missing" + (f", and {len(missing) - 1} more" if missing[1:] else "")
        raise UserError(what, where=str(path), **sizes)


def _place(path: Path, line: int, column: str) -> str:
    return f"{path}, line {line}, column {column}"
