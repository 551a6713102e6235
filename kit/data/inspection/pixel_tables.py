"""The form pixels: CSV files with a column per pixel."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

from kit.config import Competition
from kit.data.inspection.clues import Clues
from kit.data.inspection.files import is_named
from kit.data.inspection.findings import Setting, Test, Training
from kit.data.inspection.labels import (
    Labels,
    can_be_label,
    counted,
    find_labels,
    is_usual,
    no_label,
    test_table,
    training_table,
)
from kit.data.inspection.pixel_shapes import (
    Shape,
    is_channel_first,
    likely_shapes,
    pattern,
    setting,
    shape_of,
)
from kit.data.inspection.table import MANY, Table
from kit.errors import UserError

_TRIED = 50
_DEFAULT = Competition()


@dataclass(frozen=True, eq=False)
class Pixels:
    """A CSV file with a column per pixel.

    Attributes:
        table: the file.
        pixels: the pixel columns.
        others: all other columns.
        shapes: of the images, the most likely first; one if number or names of the pixels state it.
        identity: column with the ids, of test rows.
    """

    table: Table
    pixels: tuple[str, ...]
    others: tuple[str, ...]
    shapes: tuple[Shape, ...]
    identity: str | None = None


def pixel_table(table: Table) -> Pixels | None:
    """Return the pixel columns of a table; None if it has none.

    Pixel columns have integers from 0 to 255, and names that differ in their numbers alone or are no usual
    names of labels. The first or the last of them is the label if only the others make an image, and in
    a file without a header.
    """
    pixels = _family(table) if table.has_header else table.columns
    shape = shape_of(pixels)
    if not shape:
        inner = _without_label(table, pixels)
        shape = shape_of(inner)
        pixels = inner if shape or not table.has_header else pixels
    if len(pixels) < MANY or len({*table.columns}) < len(table.columns):
        return None
    is_pixel = [one in {*pixels} for one in table.columns]
    images = [
        [cell for cell, wanted in zip(row, is_pixel, strict=True) if wanted] for row in table.rows[:_TRIED]
    ]
    if not all(_is_pixel(cell) for image in images for cell in image):
        return None
    shapes = (shape,) if shape else likely_shapes([[*map(int, image)] for image in images])
    others = [one for one, wanted in zip(table.columns, is_pixel, strict=True) if not wanted]
    return Pixels(table, pixels, tuple(others), shapes) if shapes else None


def refused(table: Table) -> UserError | None:
    """Return why a table is no CSV file with pixels although it may be meant as one; None if it is not."""
    where, first = f"{table.name}, line 1", table.columns[0]
    if "\0" in first or "\ufffd" in first:
        return UserError("not UTF-8 text", where=where, expected="CSV as plain text (UTF-8)")
    if len(table.columns) == 1 and (found := re.search(r"[;\t|]", first)):
        kind = {";": "semicolons", "\t": "tabs", "|": "bars"}[found[0]]
        return UserError("not separated by commas", where=where, expected="commas", received=kind)
    pixels = {*_family(table)}
    if len(pixels) < MANY:
        return None
    again = next((one for place, one in enumerate(table.columns) if one in table.columns[:place]), None)
    if again is not None:
        return UserError(f"duplicate column {again}", where=where, expected="every name once")
    for number, row in enumerate(table.rows[:_TRIED], start=1 + table.has_header):
        for column, cell in zip(table.columns, row, strict=True):
            if column in pixels and not _is_pixel(cell):
                where = f"{table.name}, line {number}, column {column}"
                expected = "an integer from 0 to 255"
                return UserError("not a pixel", where=where, expected=expected, received=repr(cell[:40]))
    return None


def find(clues: Clues) -> tuple[Training, Test] | None:
    """Return training and test rows in CSV files with a column per pixel; None if there are none.

    Raises:
        UserError: no file has labels, or several could be the training table.
    """
    found = [one for one in map(pixel_table, clues.tables) if one]
    labelled = {one: labels for one in found if (labels := find_labels(one.table, one.others, clues))}
    if not labelled:
        if found:
            reasons = (refused(one) for one in clues.tables if one not in {pixels.table for pixels in found})
            meant = max(found, key=lambda one: (is_named(one.table.name, "train"), len(one.others)))
            raise next(filter(None, reasons), None) or no_label(meant.table, meant.others)
        return None
    chosen = training_table([one.table for one in labelled], clues)
    train, labels = next((one, labels) for one, labels in labelled.items() if one.table is chosen)
    test = _test(train, labels, [one.table for one in labelled], clues)
    image_shape = setting(train.shapes, clues)
    height, width, channels = shape = cast("Shape", image_shape.value)
    guess = ", which is a guess" if image_shape.comment else ""
    colour = "grey" if channels == 1 else f"{channels} channels"
    header = "" if chosen.has_header else ", which has no header"
    identity = test.identity if test else None
    training = Training(
        "pixels",
        f"{len(train.pixels):,} pixel columns in {chosen.name}: {height} x {width}, {colour}{guess}",
        tuple(_settings(train, test, labels, image_shape, clues)),
        counted(labels.cells),
        f"in {chosen.name}, {labels.text}{header}",
        labels.column,
        chosen,
        names=chosen.values(identity) if identity in train.others else (),
        shape=shape,
        is_sampled=chosen.is_sampled,
    )
    return training, _test_rows(test, clues)


def _family(table: Table) -> tuple[str, ...]:
    """Return the columns of one family, or of three or four of the same size: red, green, blue, alpha.

    Without a family, these are the columns with the values of pixels.
    """
    families: defaultdict[str, list[str]] = defaultdict(list)
    for column in table.columns:
        families[pattern(column)].append(column)
    most = max(map(len, families.values()))
    largest = {pattern for pattern, columns in families.items() if len(columns) == most}
    if most * len(largest) >= MANY and len(largest) in {1, 3, 4}:
        return tuple(one for one in table.columns if pattern(one) in largest)
    others = [one for one in table.columns if not is_usual(one)]
    return tuple(one for one in others if all(map(_is_pixel, table.values(one)[:_TRIED])))


def _is_pixel(cell: str) -> bool:
    return cell.strip().isdecimal() and int(cell) <= 255


def _without_label(table: Table, columns: tuple[str, ...]) -> tuple[str, ...]:
    """Return the columns without the first or the last one, which has the label."""
    ends = [one for one in (columns[0], columns[-1]) if can_be_label(table.values(one))] if columns else []
    label = min(ends, key=lambda one: _unlike_labels(table, one), default=None)
    return tuple(one for one in columns if one != label) if label else ()


def _unlike_labels(table: Table, column: str) -> tuple[bool, bool, int]:
    """Return a key that is lower for labels than for the pixels of a border.

    Labels are texts or consecutive numbers, or each is at least on two rows; a border has one colour mostly,
    or noise.
    """
    counts = table.counts(column)
    if not all(map(_is_pixel, counts)):
        return False, False, 0
    numbers = sorted(map(int, counts))
    is_numbered = numbers == [*range(numbers[0], numbers[0] + len(numbers))]
    return not is_numbered, min(counts.values()) == 1, max(counts.values())


def _test(train: Pixels, labels: Labels, labelled: Sequence[Table], clues: Clues) -> Pixels | None:
    """Return the test file, without the columns of labels."""
    found = {table: one for table in clues.tables if (one := _like(train, labels, table))}
    chosen = test_table(train.table, [*found], labelled)
    return replace(found[chosen], identity=clues.identity(chosen, found[chosen].others)) if chosen else None


def _like(train: Pixels, labels: Labels, table: Table) -> Pixels | None:
    """Return another table with images of this shape, without the columns of labels; None if it has none."""
    if table is train.table:
        return None
    # Too few rows may not show which column of a file without a header is the label.
    one = replace(train, table=table) if table.columns == train.table.columns else pixel_table(table)
    if not table.has_header and len(table.columns) == len(train.pixels):
        one = Pixels(table, table.columns, (), train.shapes)
    if one is None or {*one.shapes} != {*train.shapes}:
        return None
    return replace(one, others=tuple(column for column in one.others if not labels.are_in(column)))


def _settings(
    train: Pixels, test: Pixels | None, labels: Labels, image_shape: Setting, clues: Clues
) -> list[Setting]:
    found = [
        Setting("competition.form", "pixels"),
        Setting("competition.train", train.table.name),
        *([] if train.table.has_header else [Setting("competition.header", False)]),
        Setting("competition.test", test.table.name if test else None),
        labels.setting,
        *_pixel_settings(train, test, labels),
    ]
    if image_shape.value != _DEFAULT.image_shape:
        found.append(image_shape)
    if train.shapes[0][2] > 1:
        value, other = ("first", "last") if is_channel_first(train.pixels) else ("last", "first")
        comment = f"{other}, if colours look wrong on the page of `kit data check`"
        found.append(Setting("competition.channel_order", value, comment))
    if (clues.known and clues.known.pixels_by_column) or "emnist" in train.table.name.lower():
        found.append(Setting("competition.pixel_order", "columns", "EMNIST's images are transposed"))
    elif not clues.known:
        comment = "columns, if images look transposed on the page of `kit data check`"
        found.append(Setting("competition.pixel_order", "rows", comment))
    return [*found, *id_settings(test.identity if test else None, clues)]


def id_settings(identity: str | None, clues: Clues) -> list[Setting]:
    """Return the keys for the ids of the test rows of CSV files: their column, or the first number."""
    if identity:
        return [Setting("competition.test_id_column", identity)]
    first = clues.sample.first_id if clues.sample else _DEFAULT.first_id
    return [] if first == _DEFAULT.first_id else [Setting("competition.first_id", first)]


def _pixel_settings(train: Pixels, test: Pixels | None, labels: Labels) -> list[Setting]:
    """Return how the pixel columns are found: by prefix and number, or as all that is not another column."""
    prefix = train.pixels[0].removesuffix("0")
    numbered = all(one == f"{prefix}{place}" for place, one in enumerate(train.pixels))
    identity = test.identity if test else None
    columns = {*train.pixels, *([identity] if identity else [])}
    alike = test is None or {*test.table.columns} == columns
    others = {*train.others, *(test.others if test else ())} - {identity}
    extra = {one for one in others if not labels.are_in(one)}
    if prefix and numbered and alike and train.others == (labels.column,) and train.table.has_header:
        return [] if prefix == _DEFAULT.pixel_prefix else [Setting("competition.pixel_prefix", prefix)]
    found = [Setting("competition.pixel_prefix", None, "all other columns are pixels")]
    return [*found, Setting("competition.ignored_columns", tuple(sorted(extra)))] if extra else found


def _test_rows(test: Pixels | None, clues: Clues) -> Test:
    if test is None:
        return Test("no file with test rows: nothing to submit", (), 0)
    ids = f"column {test.identity}" if test.identity else clues.ids_text
    return Test(f"{test.table.total:,} rows in {test.table.name}, ids: {ids}", (), test.table.total)
