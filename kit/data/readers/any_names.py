"""The columns of a CSV file whose pixel columns have any names, or that has no header."""

import math
import re
from collections import Counter

import numpy as np

from kit.config import Competition
from kit.data.readers.exact import shown
from kit.data.readers.pixel_table import Columns
from kit.errors import UserError


def find(columns: list[str], name: str, competition: Competition, *, labelled: bool) -> Columns:
    """Return the columns: all are pixels but those of the label, the ids and the ignored ones.

    Args:
        columns: headers; without a header, the numbers of the columns from 0.
        name: of the file, for errors.
        competition: names the columns that are not pixels.
        labelled: whether the file must have labels; if not, its labels are ignored.

    Raises:
        UserError: a column is absent or duplicate, or the number of pixel columns is not that of an image.
    """
    place = {column: index for index, column in enumerate(columns)}
    if len(place) < len(columns):
        _check_header(columns, name)
        again = next(index for index, one in enumerate(columns) if columns.index(one) < index)
        raise UserError(f"duplicate column {columns[again]}", where=f"{name}, line 1, column {again + 1}")
    labels = competition.label_columns or (competition.label_column,)
    ids = [] if competition.test_id_column is None else [competition.test_id_column]
    size = math.prod(competition.image_shape)
    if not (labelled or competition.header) and len(columns) == size + len(ids):
        labels = ()  # The columns of a file without a header are numbered; this one has no label.
    for column in labels if labelled else ids:
        if column not in place:
            _check_header(columns, name)
            raise _absent(column, columns, name, competition)
    beside = {*labels, *ids, *competition.ignored_columns}
    pixels = [place[column] for column in in_number_order([one for one in columns if one not in beside])]
    if len(pixels) != size:
        raise _wrong_number(columns, pixels, name, competition)
    texts = [place[column] for column in (labels if labelled else ids)]
    key = place.get(ids[0]) if labelled and ids else None
    return Columns(columns, in_image_order(pixels, competition), texts, key, body=0, line=2)


def in_number_order(columns: list[str]) -> list[str]:
    """Return pixel columns in the order of the numbers in their names, or as they are.

    The numbers of a name are compared one by one, as in p_1_10 after p_1_9. If some names have none, or two
    names have the same, the order is that of the file.
    """
    numbers = {column: tuple(map(_number, re.findall(r"[0-9]+", column))) for column in columns}
    lengths = {len(one) for one in numbers.values()}
    if len(lengths) > 1 or 0 in lengths or len(set(numbers.values())) < len(columns):
        return columns
    return sorted(columns, key=numbers.__getitem__)


def _number(digits: str) -> tuple[int, str]:
    """Return what sorts like the number: Python refuses to convert thousands of digits."""
    digits = digits.lstrip("0")
    return len(digits), digits


def in_image_order(places: list[int], competition: Competition) -> list[int]:
    """Return the places of the pixels in the order of (height, width, channels).

    Args:
        places: of the pixels, in the order that `pixel_order` and `channel_order` state.
        competition: states the order and the shape.
    """
    axes = [0, 1] if competition.pixel_order == "rows" else [1, 0]
    axes.insert(2 if competition.channel_order == "last" else 0, 2)
    stored = np.array(places).reshape([competition.image_shape[axis] for axis in axes])
    return [int(place) for place in stored.transpose(np.argsort(axes)).ravel()]


def check_no_header(first: list[str], columns: Columns, name: str) -> None:
    """Check that the first line of a file without a header has pixels.

    Raises:
        UserError: it has no number at the place of any pixel.
    """
    pixels = [first[place] for place in columns.pixels]
    if not any(re.fullmatch(r"[0-9.]+", cell) for cell in pixels):
        raise UserError(
            "the first line is a header",
            where=f"{name}, line 1",
            expected="a row of pixels, as of competition.header: false",
            received=f"{shown(pixels[0])} …",
            hint="set competition.header: true",
        )


def _check_header(columns: list[str], name: str) -> None:
    if all(re.fullmatch(r"[0-9.]+", column) for column in columns):
        raise UserError(
            "no header",
            where=f"{name}, line 1",
            expected="names of columns",
            received=f"{', '.join(columns[:3])} … ({len(columns)} columns)",
            hint="if the file has none, set competition.header: false",
        )


def _absent(column: str, columns: list[str], name: str, competition: Competition) -> UserError:
    keys = {competition.test_id_column: "test_id_column", competition.label_column: "label_column"}
    key = keys.get(column, "label_columns")
    received = f"{', '.join(shown(one) for one in columns[:3])} … ({len(columns)} columns)"
    where, hint = f"{name}, line 1", f"competition.{key} names it"
    if len(columns) == 1:
        return UserError("not separated by commas", where=where, expected="commas", received=received)
    return UserError(f"no column {column}", where=where, expected=column, received=received, hint=hint)


def _wrong_number(columns: list[str], pixels: list[int], name: str, competition: Competition) -> UserError:
    height, width, channels = competition.image_shape
    expected = f"{height * width * channels} ({height} x {width} x {channels}, competition.image_shape)"
    # Columns named unlike most are rarely pixels.
    kinds = [re.sub("[0-9]+", "0", columns[place]) for place in pixels]
    usual = Counter(kinds).most_common(1)[0][0] if kinds else ""
    odd = [columns[place] for place, kind in zip(pixels, kinds, strict=True) if kind != usual]
    hint = "is a column no pixel? set competition.ignored_columns"
    if odd and len(pixels) > height * width * channels:
        hint = f"is {shown(odd[0])} no pixel? set competition.ignored_columns: [{odd[0][:30]}]"
    return UserError(f"{len(pixels)} pixel columns", where=f"{name}, line 1", expected=expected, hint=hint)
