"""The submission file: written one way, and checked before it costs one of the day's submissions.

Nothing here talks to Kaggle.
"""

import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kit.errors import UserError
from kit.files import REPAIR, atomic
from kit.task.format import SubmissionFormat
from kit.task.ids import Row, check_any_order, check_order, lines_by_id

_BOM = b"\xef\xbb\xbf"
_NOT_TEXT = {
    b"": "an empty file",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
    _BOM: "text with a byte order mark",
    b"PK\x03\x04": "a zip file",
    b"\x1f\x8b": "a gzip file",
    b"<": "a web page",
}


@dataclass(frozen=True)
class CheckedSubmission:
    """A submission file that passed every check.

    Attributes:
        content: the file, byte for byte.
        predictions: by id, in the order of the file: the prediction cells as they are, joined by commas.
        counts: (classes,) int64: how many rows predict each class; of probabilities, the most probable one.
    """

    content: bytes
    predictions: dict[str, str]
    counts: NDArray[np.int64]

    @property
    def rows(self) -> int:
        """Number of predictions."""
        return len(self.predictions)

    @property
    def sha256(self) -> str:
        """SHA-256 of the content, 64 hex digits."""
        return hashlib.sha256(self.content).hexdigest()


def submitted_ids(path: Path) -> tuple[str, ...]:
    """Return the ids of a file that `write_submission` wrote, in its order.

    Raises:
        UserError: the file is missing or damaged.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            _, *rows = csv.reader(file)
        return tuple(row[0] for row in rows)
    except (OSError, ValueError, LookupError, csv.Error) as error:
        raise UserError("missing or damaged", where=str(path), hint=REPAIR) from error


def write_submission(
    path: Path,
    ids: Sequence[str],
    probs: NDArray[np.floating],
    form: SubmissionFormat,
    predicted: NDArray[np.integer] | None = None,
) -> None:
    """Write a submission: a header, then one line per test row; lines end with LF.

    Args:
        path: the file.
        ids: of the test rows.
        probs: (test rows, classes), probabilities.
        form: the competition's format.
        predicted: (test rows,) predicted classes; None: the most probable ones.

    Raises:
        ValueError: the number of ids, or of classes, differs; a row holds no probabilities.
    """
    if len(ids) != len(probs):
        raise ValueError(f"expected one row per id, received {len(ids)} ids and {len(probs)} rows")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(form.header)
    rows = form.to_cells(probs, predicted)
    writer.writerows([identity, *cells] for identity, cells in zip(ids, rows, strict=True))
    with atomic(path) as file:
        file.write(text.getvalue().encode())


def check_submission(
    path: Path,
    form: SubmissionFormat,
    *,
    ids: Sequence[str] | None = None,
    source: str = "",
    ordered: bool = True,
) -> CheckedSubmission:
    """Read the submission at `path` and check it.

    Args:
        path: the file.
        form: the competition's format.
        ids: of the test rows; None if unknown. Then consecutive ids must have no gap, and any number of rows
            passes.
        source: where `ids` come from, for errors.
        ordered: whether the ids must be in this order; Kaggle accepts any.

    Raises:
        UserError: the first thing wrong, with its line and column.
    """
    content = _read(path)
    rows = _rows(str(path), content, form)
    lines = _checked_ids(str(path), rows, form, ids, source=source, ordered=ordered)
    counts = np.bincount(form.to_classes(str(path), rows), minlength=len(form.labels))
    predictions = [",".join(cells[1:]) for _, cells in rows]
    return CheckedSubmission(content, dict(zip(lines, predictions, strict=True)), counts)


def check_sample_submission(content: bytes, name: str, form: SubmissionFormat, ids: Sequence[str]) -> None:
    """Check header and ids of a competition's sample submission; its predictions may be anything.

    It may start with a byte order mark and end with blank lines. Ids that are not counted may be in any
    order.

    Args:
        content: the file, not compressed.
        name: of the file, for errors.
        form: the competition's format.
        ids: of the test rows.

    Raises:
        UserError: it does not belong to the competition, or to test.csv.
    """
    content = _without_harmless(content)
    _check_text(name, content)
    _checked_ids(name, _rows(name, content, form), form, ids, ordered=form.first_id is not None)


def predictions_of(content: bytes, name: str, form: SubmissionFormat) -> dict[str, str]:
    """Return the predictions of a file by id, joined by commas; they may be anything.

    A byte order mark and blank lines at the end are left out, which some sample submissions have.

    Args:
        content: the file, not compressed.
        name: of the file, for errors.
        form: the competition's format.

    Raises:
        UserError: it has no such columns, or an id twice.
    """
    content = _without_harmless(content)
    _check_text(name, content)
    rows = _rows(name, content, form)
    lines = lines_by_id(name, rows, form.id_column)
    return dict(zip(lines, (",".join(cells[1:]) for _, cells in rows), strict=True))


def _without_harmless(content: bytes) -> bytes:
    return content.removeprefix(_BOM).rstrip(b"\r\n")


def _checked_ids(
    name: str,
    rows: Sequence[Row],
    form: SubmissionFormat,
    ids: Sequence[str] | None,
    *,
    source: str = "",
    ordered: bool = True,
) -> dict[str, int]:
    lines = lines_by_id(name, rows, form.id_column, integers=form.first_id is not None)
    if ids is None and form.first_id is None:
        return lines
    wanted = form.counted_ids(len(rows)) if ids is None else ids
    if ordered:
        check_order(name, lines, wanted, form.id_column)
    else:
        check_any_order(name, lines, wanted, form.id_column, source)
    return lines


def _read(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise UserError("no such file", where=str(path)) from None
    except OSError as error:
        raise UserError(f"not readable: {error.strerror}", where=str(path)) from error
    _check_text(str(path), content)
    return content


def _check_text(name: str, content: bytes) -> None:
    for start, kind in _NOT_TEXT.items():
        if content.lstrip().startswith(start) if start else not content.strip():
            raise UserError(
                "not a submission", where=name, expected="a CSV file in plain UTF-8", received=kind
            )


def _rows(name: str, content: bytes, form: SubmissionFormat) -> list[Row]:
    """Return (line, cells) of each row below the header."""
    try:
        reader = csv.reader(io.StringIO(content.decode("utf-8"), newline=""), strict=True)
        header = next(reader)
        if header != form.header:
            raise UserError(
                "wrong header",
                where=f"{name}, line 1",
                expected=",".join(form.header)[:200],
                received=repr(",".join(header)[:80]),
            )
        rows = [(reader.line_num, cells) for cells in reader]
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UserError(
            "not a submission", where=f"{name}, line {line}", expected="plain UTF-8", received="other bytes"
        ) from None
    except csv.Error as error:
        raise UserError(f"not a CSV file: {error}", where=f"{name}, line {reader.line_num}") from None
    expected = len(form.header)
    for line, cells in rows:
        if len(cells) != expected:
            received = f"{len(cells)} in {','.join(cells)[:60]!r}" if cells else "a blank line"
            raise UserError(
                "wrong number of cells",
                where=f"{name}, line {line}",
                expected=str(expected),
                received=received,
            )
    if not rows:
        raise UserError("no rows below the header", where=name)
    return rows
