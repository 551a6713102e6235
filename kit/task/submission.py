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
from kit.task.ids import Row, check_members, check_order, lines_of, place

_WHOLE_NUMBER = re.compile(r"0|-?[1-9][0-9]{0,17}")

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
    source: str = "",
    ordered: bool = True,
) -> Checked:
    """Read the submission at `path` and check it against the competition's rules.

    Args:
        path: the file.
        competition: names of the columns, first id, number of classes.
        ids: (rows,) the ids that the file must have; without them, ids count up from `competition.first_id`
            and any number of rows passes.
        source: where `ids` come from, for errors.
        ordered: whether the ids must be in this order; Kaggle takes them in any.

    Raises:
        UserError: the first thing wrong, with its line and column.
    """
    content = _read(path)
    rows = _rows(path, content, competition)
    found = _whole_numbers(path, rows, 0, competition.id_column)
    wanted = range(competition.first_id, competition.first_id + len(found)) if ids is None else ids.tolist()
    lines = lines_of(path, rows, found, competition.id_column)
    if ordered:
        check_order(path, lines, wanted, competition.id_column)
    else:
        check_members(path, lines, wanted, competition.id_column, source)
    labels = np.array(_whole_numbers(path, rows, 1, competition.prediction_column), np.int64)
    for (line, _), label in zip(rows, labels.tolist(), strict=True):
        if not 0 <= label < competition.classes:
            raise UserError(
                "no such class",
                where=place(path, line, competition.prediction_column),
                expected=f"0 to {competition.classes - 1}",
                received=str(label),
            )
    return Checked(
        content, np.array(found, np.int64), labels, np.bincount(labels, minlength=competition.classes)
    )


def predictions_of(path: Path, content: bytes, competition: Competition) -> dict[int, str]:
    """Return the prediction of each id in `content`, of a file that may predict anything.

    Raises:
        UserError: it has not the form of a submission; `path` names it.
    """
    _check_text(path, content)
    rows = _rows(path, content, competition)
    ids = _whole_numbers(path, rows, 0, competition.id_column)
    lines_of(path, rows, ids, competition.id_column)
    return {identity: cells[1] for identity, (_, cells) in zip(ids, rows, strict=True)}


def _read(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise UserError("no such file", where=str(path)) from None
    except OSError as error:
        raise UserError(f"not readable: {error.strerror}", where=str(path)) from error
    _check_text(path, content)
    return content


def _check_text(path: Path, content: bytes) -> None:
    for start, kind in _NOT_TEXT.items():
        if content.lstrip().startswith(start) if start else not content.strip():
            raise UserError(
                "not a submission", where=str(path), expected="a CSV file in plain UTF-8", received=kind
            )


def _rows(path: Path, content: bytes, competition: Competition) -> list[Row]:
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


def _whole_numbers(path: Path, rows: Sequence[Row], cell: int, column: str) -> list[int]:
    for line, cells in rows:
        text = cells[cell]
        # Stricter than int(): Kaggle is not asked to read " 3", "3.0", "03" or a number in another script.
        if not _WHOLE_NUMBER.fullmatch(text):
            what = "blank cell" if not text.strip() else "not a whole number"
            raise UserError(
                what, where=place(path, line, column), expected="digits alone", received=repr(text[:40])
            )
    return [int(cells[cell]) for _, cells in rows]
