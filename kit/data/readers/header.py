"""The first line of a CSV file: the place of each column, and whether the file is a CSV at all."""

import math
import re
from difflib import get_close_matches

from kit.config import Competition
from kit.data.readers.exact import cells, shown
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


def text_column(competition: Competition, *, labelled: bool) -> str | None:
    """Return the column beside the pixels: the label of train.csv, the id of test.csv; None without ids."""
    return competition.label_column if labelled else competition.test_id_column


def names(competition: Competition, *, labelled: bool) -> list[str]:
    """Return the expected columns: the text column, if there is one, then the pixels."""
    pixels = [f"{competition.pixel_prefix}{pixel}" for pixel in range(math.prod(competition.image_shape))]
    text = text_column(competition, labelled=labelled)
    return pixels if text is None else [text, *pixels]


def read(
    raw: bytes, name: str, competition: Competition, *, labelled: bool
) -> tuple[list[str], list[int], int]:
    """Return the columns of the file, the places of the expected ones, and the offset of the second line.

    Raises:
        UserError: the file is empty or not a CSV; a column is missing, unexpected or duplicate.
    """
    _check_format(raw, name)
    line = re.match(rb"[^\r\n]*", raw.removeprefix(BOM))
    text = line[0] if line else b""
    expected = names(competition, labelled=labelled)
    if len(text) > max(1 << 20, 10 * len(",".join(expected))):
        # Splitting gigabytes without a line end would take all memory.
        raise UserError(
            "far too long for a header",
            where=f"{name}, line 1",
            expected=f"{len(expected)} columns",
            received=f"a line of {len(text):,} bytes",
        )
    columns = cells(text.decode(errors="backslashreplace"))
    if sorted(columns) != sorted(expected):
        raise _fault(columns, expected, name, competition, labelled=labelled)
    place = {column: index for index, column in enumerate(columns)}
    end = len(BOM) * raw.startswith(BOM) + len(text)
    ending = re.compile(rb"\r\n|\r|\n|$").match(raw, end)
    return columns, [place[column] for column in expected], ending.end() if ending else end


def _check_format(raw: bytes, name: str) -> None:
    start = raw[:4096].removeprefix(BOM).lstrip()
    if not raw:
        raise UserError(
            "the file is empty",
            where=name,
            expected="a CSV file",
            received="0 bytes",
            hint="get the file again",
        )
    for signature, kind in _FORMATS.items():
        if start.startswith(signature):
            raise UserError("not a CSV file", where=name, expected="CSV as plain text (UTF-8)", received=kind)
    if not start or b"\0" in start.splitlines()[0]:
        received = "binary data (NUL bytes)" if start else "blank lines alone"
        raise UserError("not a CSV file", where=name, expected="CSV as plain text (UTF-8)", received=received)


def _fault(
    columns: list[str], expected: list[str], name: str, competition: Competition, *, labelled: bool
) -> UserError:
    where = f"{name}, line 1"
    known, present = set(expected), set(columns)
    absent = [column for column in expected if column not in present]
    extra = [column for column in columns if column not in known]
    label, text = competition.label_column, text_column(competition, labelled=labelled)
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
