"""The form table: a CSV file with names and labels of image files."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from kit.data.inspection.clues import Clues
from kit.data.inspection.files import shown, stem
from kit.data.inspection.findings import Setting, Training
from kit.data.inspection.image_index import ImageIndex
from kit.data.inspection.labels import counted, find_labels, no_label, training_table
from kit.data.inspection.table import Table
from kit.errors import UserError

MATCHED = 0.5
"""Share of the rows whose image must be there; kit data check names the missing ones."""


@dataclass(frozen=True, eq=False)
class ImageTable:
    """A table with names of images: the column with the names, and the folder of the images."""

    table: Table
    column: str
    folder: str

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the images as written in the table."""
        return self.table.values(self.column)

    @property
    def others(self) -> list[str]:
        """Columns without the names."""
        return [one for one in self.table.columns if one != self.column]


def image_table(table: Table, index: ImageIndex, word: str = "train") -> ImageTable | None:
    """Return the column with the names of images; None if there is none.

    Args:
        table: any CSV file.
        index: of the images.
        word: name of the folder that is preferred if several have images of these names.
    """
    found = []
    for column in table.columns:
        cells = table.values(column)
        if 2 * len({*cells}) > len(cells):
            share, folder = index.best(cells, word)
            found.append((share, ImageTable(table, column, folder)))
    share, best = max(found, key=lambda one: one[0], default=(0.0, None))
    return best if share >= MATCHED else None


def find(clues: Clues, index: ImageIndex) -> Training | None:
    """Return the training rows of a table with image names and labels; None if there is no such table.

    Raises:
        UserError: no table has labels, or several could be the training table, or a row has several labels.
    """
    found = [one for table in clues.tables if (one := image_table(table, index))]
    named = {one: labels for one in found if (labels := find_labels(one.table, one.others, clues))}
    if not named:
        if found:
            raise no_label(found[0].table, found[0].others)
        return None
    chosen = training_table([one.table for one in named], clues)
    train, labels = next((one, labels) for one, labels in named.items() if one.table is chosen)
    _check_header(train, index)
    _check_one_label(train, labels.cells)
    settings = (
        Setting("competition.form", "table"),
        Setting("competition.train", chosen.name),
        Setting("competition.image_column", train.column),
        labels.setting,
        Setting("competition.train_images", train.folder),
    )
    paths = (index.find(train.folder, name) for name in train.names)
    return Training(
        "table",
        f"table of image names and labels: {chosen.name} ({train.column}, {labels.column or labels.text}), "
        f"images in {shown(train.folder)}",
        settings,
        counted(labels.cells),
        f"in {chosen.name}, {labels.text}",
        labels.column,
        chosen,
        train.folder,
        train.names,
        [path for path in paths if path],
        is_sampled=chosen.is_sampled,
    )


def check_spelling(tables: Sequence[Table], index: ImageIndex) -> None:
    """Check for a table whose names differ from those of the images by case or ending alone.

    Raises:
        UserError: there is one.
    """
    files = {stem(name).lower(): name for _, name in index.files.below(".")}
    for table in tables:
        for column in table.columns:
            cells = table.values(column)[:100]
            alike = [cell for cell in cells if (stem(cell).lower() in files or cell.lower() in files)]
            if len({*alike}) > MATCHED * len(cells):
                cell = alike[0]
                image = files.get(cell.lower()) or files[stem(cell).lower()]
                raise UserError(
                    f"the names in column {column} differ from those of the image files by case or ending",
                    where=table.name,
                    expected=repr(image),
                    received=repr(cell),
                    hint="rename the files, or correct the table",
                )


def _check_header(one: ImageTable, index: ImageIndex) -> None:
    if index.find(one.folder, one.column):
        hint = "add a first line with names of the columns, as in image,label"
        raise UserError(
            "no header",
            where=f"{one.table.name}, line 1",
            received=", ".join(one.table.columns[:3]),
            hint=hint,
        )


def _check_one_label(one: ImageTable, labels: Sequence[str]) -> None:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for name, label in zip(one.names, labels, strict=True):
        found[name].add(label)
    several = [name for name, some in found.items() if len(some) > 1]
    if len(several) > len(found) / 100:
        labels_shown = ", ".join(sorted(found[several[0]])[:3])
        raise UserError(
            f"image {several[0]!r} has the labels {labels_shown}",
            where=one.table.name,
            expected="one row per image",
            received=f"{len(several):,} images with several labels",
            hint="several labels per image are not supported",
        )
