"""The form pixels: CSV files with a column per pixel."""

import math
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from kit.config.competition import Competition
from kit.data.inspection.files import is_named
from kit.data.inspection.findings import Ask, Setting, Test, Training
from kit.data.inspection.known import Known
from kit.data.inspection.labels import can_be_label, counted, label_column, no_label, training_table
from kit.data.inspection.sample import Sample
from kit.data.inspection.table import Table

FEWEST = 49
"""Pixel columns of the smallest image, 7 x 7."""
_TRIED = 50
_DEFAULT = Competition()


@dataclass(frozen=True, eq=False)
class Pixels:
    """A CSV file with a column per pixel: the table, its pixel columns, and the others."""

    table: Table
    pixels: tuple[str, ...]
    others: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, int, int] | None:
        """Height, width, channels."""
        return shape_of(self.pixels)


def pixel_table(table: Table) -> Pixels | None:
    """Return the pixel columns of a table; None if it has none.

    Pixel columns have names that differ in their numbers alone, and integers from 0 to 255. Without a header,
    the first or the last column is the label if the others make an image.
    """
    if table.has_header:
        families: defaultdict[str, list[str]] = defaultdict(list)
        for column in table.columns:
            families[re.sub(r"\d+", "#", column)].append(column)
        pixels = tuple(max(families.values(), key=len))
    else:
        pixels = _without_label(table)
    others = tuple(one for one in table.columns if one not in {*pixels})
    if len(pixels) < FEWEST or not table.rows or len({*table.columns}) < len(table.columns):
        return None
    places = [place for place, one in enumerate(table.columns) if one in {*pixels}]
    fits = all(_is_pixel(row[place]) for row in table.rows[:_TRIED] for place in places)
    return Pixels(table, pixels, others) if fits else None


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


def find(
    tables: Sequence[Table], sample: Sample | None, known: Known | None, wanted: str | None, ask: Ask
) -> tuple[Training, Test] | None:
    """Return training and test rows in CSV files with a column per pixel; None if there are none.

    Raises:
        UserError: no file has labels, or several could be the training table.
    """
    found = [one for one in map(pixel_table, tables) if one and one.shape]
    if not found:
        return None
    hints = [one for one in (known and known.label, *(sample.columns if sample else ())) if one]
    labelled = [one for one in found if label_column(one.table, one.others, hints)]
    if not labelled:
        raise no_label(found[0].table, found[0].others)
    chosen = training_table([one.table for one in labelled], wanted, ask)
    train = next(one for one in labelled if one.table is chosen)
    test = _test(train, [one for one in found if one is not train], labelled)
    label = label_column(chosen, train.others, hints)
    assert label is not None
    assert train.shape is not None
    identity = _identity(test, str(label.value)) if test else None
    settings = [
        Setting("competition.form", "pixels"),
        Setting("competition.train", chosen.name),
        *([] if chosen.has_header else [Setting("competition.header", False)]),
        Setting("competition.test", test.table.name if test else None),
        label,
        *_pixel_settings(train, test, str(label.value), identity),
    ]
    if test and identity:
        settings.append(Setting("competition.test_id_column", identity))
    elif sample and sample.first_id != _DEFAULT.first_id:
        settings.append(Setting("competition.first_id", sample.first_id))
    height, width, channels = train.shape
    if train.shape != _DEFAULT.image_shape:
        settings.append(Setting("competition.image_shape", train.shape))
    settings += _order(train, known)
    labels = counted(chosen.values(str(label.value)))
    kind = "grey" if channels == 1 else f"{channels} channels"
    where = f"column {label.value}" + ("" if chosen.has_header else f" ({chosen.name} has no header)")
    return Training(
        "pixels",
        f"{len(train.pixels):,} pixel columns in {chosen.name}: {height} x {width}, {kind}",
        tuple(settings),
        labels,
        f"in {chosen.name}, {where}",
        str(label.value),
        chosen,
        shape=train.shape,
        is_sampled=chosen.is_sampled,
    ), _test_rows(test, identity, sample)


def _without_label(table: Table) -> tuple[str, ...]:
    """Return the pixel columns of a file without a header."""
    columns = table.columns
    if shape_of(columns):
        return columns
    ends = [one for one in (columns[0], columns[-1]) if can_be_label(table.values(one))]
    if not ends or not shape_of(columns[1:]):
        return ()
    label = min(ends, key=lambda one: _unlike_labels(table, one))
    return tuple(one for one in columns if one != label)


def _unlike_labels(table: Table, column: str) -> tuple[bool, int]:
    """Return a key that is lower for labels than for the pixels of a border, which have one colour mostly."""
    counts = table.counts(column)
    is_numbered = {*counts} == {*map(str, range(len(counts)))}
    return not is_numbered, max(counts.values())


def _is_pixel(cell: str) -> bool:
    return cell.strip().isdecimal() and int(cell) <= 255


def _test(train: Pixels, others: Sequence[Pixels], labelled: Sequence[Pixels]) -> Pixels | None:
    """Return the test file: the one named like the training file, named test, or the one without labels."""
    same = [one for one in others if one.shape == train.shape]
    partner = re.sub("train", "test", train.table.name, flags=re.IGNORECASE)
    for some in (
        [one for one in same if one.table.name == partner],
        [one for one in same if is_named(one.table.name, "test")],
        [one for one in same if one not in labelled],
    ):
        if len(some) == 1:
            return some[0]
    return None


def _identity(test: Pixels, label: str) -> str | None:
    """Return the column of a test file with a different value in every row."""
    others = [one for one in test.others if one != label]
    return next((one for one in others if len(test.table.counts(one)) == len(test.table.rows)), None)


def _pixel_settings(train: Pixels, test: Pixels | None, label: str, identity: str | None) -> list[Setting]:
    """Return how the pixel columns are found: by prefix and number, or as all that is not another column."""
    prefix = train.pixels[0].removesuffix("0")
    numbered = all(one == f"{prefix}{place}" for place, one in enumerate(train.pixels))
    extra = {*train.others, *(test.others if test else ())} - {label, identity}
    alike = test is None or ({*test.pixels} == {*train.pixels} and label not in test.others)
    if prefix and numbered and alike and not extra and train.others == (label,) and train.table.has_header:
        return [] if prefix == _DEFAULT.pixel_prefix else [Setting("competition.pixel_prefix", prefix)]
    settings = [Setting("competition.pixel_prefix", None, "all other columns are pixels")]
    if extra:
        settings.append(Setting("competition.ignored_columns", tuple(sorted(extra))))
    return settings


def _order(train: Pixels, known: Known | None) -> list[Setting]:
    transposed = bool(known and known.pixels_by_column) or "emnist" in train.table.name.lower()
    if transposed:
        return [Setting("competition.pixel_order", "columns", "EMNIST's images are transposed")]
    comment = "columns, if the page of kit data check shows images transposed"
    return [] if known else [Setting("competition.pixel_order", "rows", comment)]


def _test_rows(test: Pixels | None, identity: str | None, sample: Sample | None) -> Test:
    if test is None:
        return Test("no file with test rows: nothing to submit", (), 0)
    ids = f"column {identity}" if identity else f"as in {sample.table.name}" if sample else "numbered from 1"
    return Test(f"{test.table.total:,} rows in {test.table.name}, ids: {ids}", (), test.table.total)
