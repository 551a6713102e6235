"""The form pixel_text: CSV files with all pixels of an image in one column."""

import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import cast

from kit.data.inspection.clues import Clues
from kit.data.inspection.files import is_named
from kit.data.inspection.findings import Setting, Test, Training
from kit.data.inspection.labels import Labels, counted, find_labels, no_label, test_table, training_table
from kit.data.inspection.pixel_shapes import Shape, likely_shapes, setting, shape_of
from kit.data.inspection.pixel_tables import id_settings
from kit.data.inspection.table import MANY, Table

_TRIED = 20


@dataclass(frozen=True, eq=False)
class PixelTexts:
    """A CSV file with a column of pixels.

    Attributes:
        table: the file.
        pixels: the column.
        shapes: of the images, the most likely first; one if the number of pixels states it.
        usage: the column that says which rows are training rows.
        identity: the column with the ids of the test rows.
    """

    table: Table
    pixels: str
    shapes: tuple[Shape, ...]
    usage: str | None
    identity: str | None = None

    @property
    def others(self) -> list[str]:
        """Columns that are neither pixels nor usage."""
        return [one for one in self.table.columns if one not in {self.pixels, self.usage}]

    @property
    def uses(self) -> tuple[Counter[str], Counter[str]]:
        """Rows of each usage: of those for training, and of those named test, else of all others."""
        counts = counted(self.table.values(self.usage)) if self.usage else Counter[str]()
        train = Counter({one: count for one, count in counts.items() if "train" in one.lower()})
        test = Counter({one: count for one, count in counts.items() if "test" in one.lower()})
        return train, test or counts - train


def find(clues: Clues) -> tuple[Training, Test] | None:
    """Return training and test rows in CSV files with a column of pixels; None if there are none.

    Raises:
        UserError: no file has labels, or several could be the training table.
    """
    found = [one for one in map(_pixel_texts, clues.tables) if one]
    labelled = {one: labels for one in found if (labels := find_labels(one.table, one.others, clues))}
    if not labelled:
        if found:
            meant = max(found, key=lambda one: (is_named(one.table.name, "train"), len(one.others)))
            raise no_label(meant.table, meant.others)
        return None
    chosen = training_table([one.table for one in labelled], clues)
    train, labels = next((one, labels) for one, labels in labelled.items() if one.table is chosen)
    alike = {one.table: one for one in found if one is not train and {*one.shapes} == {*train.shapes}}
    tested = None if train.usage else test_table(chosen, [*alike], [one.table for one in labelled])
    test = alike[tested] if tested else None
    uses = chosen.values(train.usage) if train.usage else ()
    cells = [cell for row, cell in enumerate(labels.cells) if not uses or uses[row] in train.uses[0]]
    if with_ids := train if train.usage else test:
        train = replace(train, identity=clues.identity(with_ids.table, with_ids.others))
    image_shape = setting(train.shapes, clues)
    guess = ", which is a guess" if image_shape.comment else ""
    height, width, channels = shape = cast("Shape", image_shape.value)
    training = Training(
        "pixel_text",
        f"pixels in column {train.pixels} of {chosen.name}: {height} x {width}, "
        f"{'grey' if channels == 1 else 'RGB'}{guess}",
        tuple(_settings(train, test, labels, image_shape, clues)),
        counted(cells),
        f"in {chosen.name}, {labels.text}",
        labels.column,
        chosen,
        shape=shape,
        is_sampled=chosen.is_sampled,
    )
    return training, _test_rows(train, test, clues)


def _pixel_texts(table: Table) -> PixelTexts | None:
    for column in table.columns:
        if "\t" in column:  # Tabs separate the cells of this file.
            continue
        cells = table.values(column)[:_TRIED]
        counts = {len(cell.split()) for cell in cells}
        is_pixels = all(re.fullmatch(r"\d{1,3}(\s+\d{1,3})+", cell) for cell in cells)
        if not is_pixels or len(counts) > 1 or min(counts) < MANY:
            continue
        shape = shape_of([str(place) for place in range(min(counts))])
        shapes = (shape,) if shape else likely_shapes([[*map(int, cell.split())] for cell in cells])
        if shapes:
            usage = next((one for one in table.columns if _is_usage(table, one)), None)
            return PixelTexts(table, column, shapes, usage)
    return None


def _is_usage(table: Table, column: str) -> bool:
    """Return whether a column says which rows are training rows."""
    values = table.counts(column)
    return 2 <= len(values) <= 5 and any("train" in one.lower() for one in values)


def _settings(
    train: PixelTexts,
    test: PixelTexts | None,
    labels: Labels,
    image_shape: Setting,
    clues: Clues,
) -> list[Setting]:
    found = [
        Setting("competition.form", "pixel_text"),
        Setting("competition.train", train.table.name),
        *([] if train.table.has_header else [Setting("competition.header", False)]),
        labels.setting,
        Setting("competition.pixels_column", train.pixels),
        image_shape,
    ]
    if train.usage:
        train_usage, test_usage = train.uses
        found += [
            Setting("competition.usage_column", train.usage),
            Setting("competition.train_usage", tuple(train_usage)),
            Setting("competition.test_usage", tuple(test_usage), "all other rows are left out"),
        ]
    else:
        found.append(Setting("competition.test", test.table.name if test else None))
    ignored = sorted(one for one in train.others if not labels.are_in(one) and one != train.identity)
    if ignored:
        found.append(Setting("competition.ignored_columns", tuple(ignored)))
    return [*found, *id_settings(train.identity, clues)]


def _test_rows(train: PixelTexts, test: PixelTexts | None, clues: Clues) -> Test:
    ids = f"column {train.identity}" if train.identity else clues.ids_text
    if train.usage:
        names = " or ".join(train.uses[1])
        return Test(f"rows with {names} in column {train.usage}, ids: {ids}", (), train.uses[1].total())
    if test is None:
        return Test("no file with test rows: nothing to submit", (), 0)
    return Test(f"{test.table.total:,} rows in {test.table.name}, ids: {ids}", (), test.table.total)
