"""The first line of a CSV file: the place of each column, and whether the file is a CSV at all."""

import math
import re
from dataclasses import replace
from difflib import get_close_matches

from kit.config import Competition
from kit.data.compressed import Raw
from kit.data.readers import any_names
from kit.data.readers.any_names import in_image_order
from kit.data.readers.exact import cells, checked, shown
from kit.data.readers.pixel_table import Columns
from kit.errors import UserError

BOM = b"\xef\xbb\xbf"
_FORMATS = {
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
    b"PK\x03\x04": "a zip archive",
    b"PAR1": "a Parquet file",
    b"\x89PNG": "a PNG image",
    b"<": "an HTML or XML page",
    b"{": "JSON",
}


def read(raw: Raw, name: str, competition: Competition, *, labelled: bool) -> Columns:
    """Return the places of the columns of a CSV file with a column per pixel.

    Raises:
        UserError: the file is empty or not a CSV; a column is missing, unexpected or duplicate.
    """
    check_format(raw, name)
    start = len(BOM) * (raw[: len(BOM)] == BOM)
    end = re.compile(rb"[\r\n]|$").search(raw, start)
    text = raw[start : end.start()] if end else b""
    pixels = math.prod(competition.image_shape)
    if len(text) > max(1 << 20, 100 * pixels):
        # Splitting gigabytes without a line end would take all memory.
        raise UserError(
            "far too long for a header",
            where=f"{name}, line 1",
            expected=f"{pixels + 1} columns",
            received=f"a line of {len(text):,} bytes",
        )
    where = f"{name}, line 1"
    first = [checked(cell, where) for cell in cells(text.decode(errors="surrogateescape"), where)]
    ending = re.compile(rb"\r\n|\r|\n|$").match(raw, start + len(text))
    if not competition.header:
        headers = [str(number) for number in range(len(first))]
        columns = any_names.find(headers, name, competition, labelled=labelled)
        any_names.check_no_header(first, columns, name)
        return replace(columns, body=start, line=1)
    find = any_names.find if competition.pixel_prefix is None else _find
    columns = find(first, name, competition, labelled=labelled)
    return replace(columns, body=ending.end() if ending else len(raw))


def text_columns(competition: Competition, *, labelled: bool) -> tuple[str, ...]:
    """Return the columns beside the pixels: those of the label, or of the test ids; none without ids."""
    if labelled:
        return competition.label_columns or (competition.label_column,)
    return () if competition.test_id_column is None else (competition.test_id_column,)


def pixel_names(competition: Competition) -> list[str]:
    """Return the names of the pixel columns that `pixel_prefix` states."""
    return [f"{competition.pixel_prefix}{pixel}" for pixel in range(math.prod(competition.image_shape))]


def _find(columns: list[str], name: str, competition: Competition, *, labelled: bool) -> Columns:
    """Return the columns of a file that must have just the pixels and the label or id."""
    texts = text_columns(competition, labelled=labelled)
    pixels = pixel_names(competition)
    expected = [*texts, *pixels]
    if sorted(columns) != sorted(expected):
        raise _fault(columns, expected, name, competition, labelled=labelled)
    place = {column: index for index, column in enumerate(columns)}
    return Columns(
        columns,
        in_image_order([place[pixel] for pixel in pixels], competition),
        [place[text] for text in texts],
        None,
        body=0,
        line=2,
    )


def check_format(raw: Raw, name: str) -> None:
    """Raise UserError if a file is empty, or its first bytes are those of another format."""
    start = raw[:4096].removeprefix(BOM).lstrip()
    if not raw:
        raise UserError(
            "the file is empty",
            where=name,
            expected="a CSV file",
            received="0 bytes",
            hint="download the file again",
        )
    for signature, kind in _FORMATS.items():
        if start.startswith(signature):
            raise UserError("not a CSV file", where=name, expected="CSV as plain text (UTF-8)", received=kind)
    if not start or b"\0" in start.splitlines()[0]:
        received = "binary data (NUL bytes)" if start else "only blank lines"
        raise UserError("not a CSV file", where=name, expected="CSV as plain text (UTF-8)", received=received)


def _fault(
    columns: list[str], expected: list[str], name: str, competition: Competition, *, labelled: bool
) -> UserError:
    where = f"{name}, line 1"
    known, present = set(expected), set(columns)
    absent = [column for column in expected if column not in present]
    extra = [column for column in columns if column not in known]
    label = competition.label_column
    text = next(iter(text_columns(competition, labelled=labelled)), None)
    whole = f"{expected[0]}, {expected[1]} … {expected[-1]} ({len(expected)} columns)"
    received = f"{', '.join(shown(column) for column in columns[:3])} … ({len(columns)} columns)"

    separators = re.findall(r"[;\t|]", columns[0])
    if len(columns) == 1 and len(separators) > 1:
        kind = {";": "semicolons", "\t": "tabs", "|": "bars"}[separators[0]]
        return UserError("not separated by commas", where=where, expected="commas", received=kind)
    if all(re.fullmatch(r"[\d.]+", column) for column in columns):
        return UserError("no header", where=where, expected=whole, received=received)
    if text and absent == [text] and not extra:
        hint = "is it test.csv?" if labelled else "competition.test_id_column names it"
        return UserError(f"no column {text}", where=where, expected=whole, hint=hint)
    if not labelled and extra == [label] and not absent:
        return UserError(f"it has a column {label}", where=where, expected=whole, hint="is it train.csv?")
    if len(absent) == len(expected):
        return UserError("not the competition's columns", where=where, expected=whole, received=received)
    return _single_fault(columns, absent, extra, where, whole)


def _single_fault(
    columns: list[str], absent: list[str], extra: list[str], where: str, whole: str
) -> UserError:
    received = f"{len(columns)} columns"
    if extra:
        near = get_close_matches(extra[0][:100], absent, 1) or absent[:1] or [whole]
        what = f"unexpected column {shown(extra[0])}" + (f" and {len(extra) - 1} more" if extra[1:] else "")
        where += f", column {columns.index(extra[0]) + 1}"
        hint = None
        if extra[0] in {"", "Unnamed: 0"}:
            first = columns[0] == extra[0]
            hint = "written by pandas? use to_csv(index=False)" if first else "a comma too many?"
        return UserError(what, where=where, expected=near[0], received=received, hint=hint)
    again = [place for place, column in enumerate(columns) if columns.index(column) < place]
    if again:
        what, where = f"duplicate column {columns[again[0]]}", f"{where}, column {again[0] + 1}"
        return UserError(what, where=where, expected=absent[0] if absent else whole, received=received)
    what = f"{len(absent)} columns are missing (the first: {absent[0]})"
    what = what if absent[1:] else f"column {absent[0]} is missing"
    return UserError(what, where=where, expected=whole, received=received)
