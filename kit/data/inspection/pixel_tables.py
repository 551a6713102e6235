"""The form pixels: CSV files with a column per pixel."""

import math
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

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
    training_table,
)
from kit.data.inspection.table import Table

FEWEST = 49
"""Pixel columns of the smallest image, 7 x 7."""
_TRIED = 50
_DEFAULT = Competition()


@dataclass(frozen=True, eq=False)
class Pixels:
    """A CSV file with a column per pixel: its pixel columns, the others, and the shape of an image."""

    table: Table
    pixels: tuple[str, ...]
    others: tuple[str, ...]
    shape: tuple[int, int, int]

    @property
    def identity(self) -> str | None:
        """The column with a different value in every row, if there is one."""
        return next((one for one in self.others if len(self.table.counts(one)) == len(self.table.rows)), None)


def pixel_table(table: Table) -> Pixels | None:
    """Return the pixel columns of a table; None if it has none.

    Pixel columns have integers from 0 to 255, and names that differ in their numbers alone or are no usual
    names of labels. The first or the last of them is the label if only the others make an image.
    """
    pixels = _family(table) if table.has_header else table.columns
    if not shape_of(pixels):
        pixels = _without_label(table, pixels)
    shape = shape_of(pixels)
    if shape is None or len(pixels) < FEWEST or len({*table.columns}) < len(table.columns):
        return None
    is_pixel = [one in {*pixels} for one in table.columns]
    cells = (
        cell for row in table.rows[:_TRIED] for cell, wanted in zip(row, is_pixel, strict=True) if wanted
    )
    if not all(map(_is_pixel, cells)):
        return None
    others = [one for one, wanted in zip(table.columns, is_pixel, strict=True) if not wanted]
    return Pixels(table, pixels, tuple(others), shape)


def shape_of(pixels: Sequence[str]) -> tuple[int, int, int] | None:
    """Return height, width and channels of images with these pixel columns; None if they make no image.

    Names with two or three numbers, as in 1x1 or p_0_0_2, contain row, column and channel. Else the image is
    a square, grey or RGB.
    """
    numbers = [re.findall(r"\d+", one) for one in pixels]
    if {len(one) for one in numbers} in ({2}, {3}):
        extents = [len({*one}) for one in zip(*numbers, strict=True)]
        if math.prod(extents) == len(pixels) and min(extents[:2]) > 1:
            return extents[0], extents[1], extents[2] if len(extents) == 3 else 1
    for channels in (1, 3):
        side = math.isqrt(len(pixels) // channels)
        if side * side * channels == len(pixels):
            return side, side, channels
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
            raise no_label(found[0].table, found[0].others)
        return None
    chosen = training_table([one.table for one in labelled], clues)
    train, labels = next((one, labels) for one, labels in labelled.items() if one.table is chosen)
    test = _test(train, labels, clues.tables, [one.table for one in labelled])
    height, width, channels = train.shape
    colour = "grey" if channels == 1 else f"{channels} channels"
    header = "" if chosen.has_header else ", which has no header"
    identity = test.identity if test else None
    training = Training(
        "pixels",
        f"{len(train.pixels):,} pixel columns in {chosen.name}: {height} x {width}, {colour}",
        tuple(_settings(train, test, labels, clues)),
        counted(labels.cells),
        f"in {chosen.name}, {labels.text}{header}",
        labels.column,
        chosen,
        names=chosen.values(identity) if identity in train.others else (),
        shape=train.shape,
        is_sampled=chosen.is_sampled,
    )
    return training, _test_rows(test, clues)


def _family(table: Table) -> tuple[str, ...]:
    """Return the columns of one family, or of three of the same size: red, green, blue.

    Without a family, these are the columns with the values of pixels.
    """
    families: defaultdict[str, list[str]] = defaultdict(list)
    for column in table.columns:
        families[_pattern(column)].append(column)
    most = max(map(len, families.values()))
    largest = {pattern for pattern, columns in families.items() if len(columns) == most}
    if most * len(largest) >= FEWEST and len(largest) in {1, 3}:
        return tuple(one for one in table.columns if _pattern(one) in largest)
    others = [one for one in table.columns if not is_usual(one)]
    return tuple(one for one in others if all(map(_is_pixel, table.values(one)[:_TRIED])))


def _pattern(column: str) -> str:
    """Return the name of a column without its numbers: pixel columns of one family have the same."""
    return re.sub(r"\d+", "#", column)


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


def _test(train: Pixels, labels: Labels, tables: Sequence[Table], labelled: Sequence[Table]) -> Pixels | None:
    """Return the test file: named like the training file, named test, or without labels."""
    found = {table: one for table in tables if (one := _like(train, labels, table))}
    partner = re.sub("train", "test", train.table.name, flags=re.IGNORECASE)
    for some in (
        [one for table, one in found.items() if table.name == partner],
        [one for table, one in found.items() if is_named(table.name, "test")],
        [one for table, one in found.items() if table not in labelled],
    ):
        if len(some) == 1:
            return some[0]
    return None


def _like(train: Pixels, labels: Labels, table: Table) -> Pixels | None:
    """Return another table with images of this shape, without the columns of labels; None if it has none."""
    if table is train.table:
        return None
    # Too few rows may not show which column of a file without a header is the label.
    one = replace(train, table=table) if table.columns == train.table.columns else pixel_table(table)
    if one is None or one.shape != train.shape:
        return None
    return replace(one, others=tuple(column for column in one.others if not labels.are_in(column)))


def _settings(train: Pixels, test: Pixels | None, labels: Labels, clues: Clues) -> list[Setting]:
    found = [
        Setting("competition.form", "pixels"),
        Setting("competition.train", train.table.name),
        *([] if train.table.has_header else [Setting("competition.header", False)]),
        Setting("competition.test", test.table.name if test else None),
        labels.setting,
        *_pixel_settings(train, test, labels),
    ]
    if train.shape != _DEFAULT.image_shape:
        found.append(Setting("competition.image_shape", train.shape))
    if train.shape[2] > 1:
        names = {_pattern(one) for one in train.pixels}
        is_first = len(names) > 1 and _pattern(train.pixels[0]) == _pattern(train.pixels[1])
        value, other = ("first", "last") if is_first else ("last", "first")
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
