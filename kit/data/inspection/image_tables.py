"""The form table: a CSV file with names and labels of image files."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from kit.data.inspection.clues import Clues
from kit.data.inspection.files import shown, stem
from kit.data.inspection.findings import Setting, Training
from kit.data.inspection.image_index import ImageIndex
from kit.data.inspection.labels import counted, label_column, no_label, training_table
from kit.data.inspection.table import Table
from kit.errors import UserError

MATCHED = 0.5
"""Share of the rows whose image must be there; kit data check names the missing ones."""
_BINARY = {"0": 0, "1": 1, "0.0": 0, "1.0": 1}


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
    named = [(one, labels) for one in found if (labels := _labels(one, clues))]
    if not named:
        if found:
            raise no_label(found[0].table, found[0].others)
        return None
    chosen = training_table([one.table for one, _ in named], clues)
    one, setting = next(pair for pair in named if pair[0].table is chosen)
    if isinstance(setting.value, tuple):
        label, cells = None, _one_hot_labels(chosen, [str(name) for name in setting.value])
        columns = f"{len(setting.value)} columns"
    else:
        label = columns = str(setting.value)
        cells = list(chosen.values(label))
    _check_one_label(one, cells)
    settings = (
        Setting("competition.form", "table"),
        Setting("competition.train", chosen.name),
        Setting("competition.image_column", one.column),
        setting,
        Setting("competition.train_images", one.folder),
    )
    paths = index.paths(one.folder)
    return Training(
        "table",
        f"table of image names and labels: {chosen.name} ({one.column}, {columns}), "
        f"images in {shown(one.folder)}",
        settings,
        counted(cells),
        f"in {chosen.name}, {columns if label is None else f'column {label}'}",
        label,
        chosen,
        one.folder,
        one.names,
        [paths[name] for name in one.names if name in paths],
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


def _labels(one: ImageTable, clues: Clues) -> Setting | None:
    """Return the key of the label column or of the one-hot columns of a table; None if it has none."""
    table = one.table
    binary = [column for column in one.others if {*table.counts(column)} <= _BINARY.keys()]
    predicted = clues.sample.columns if clues.sample else ()
    expected = [column for column in predicted if column in binary]
    if len(expected) == len(predicted) > 1:
        binary = expected
    else:
        label = label_column(table, one.others, clues)
        if len(binary) < 3 or (label and label.value not in binary):
            return label
    return Setting("competition.label_columns", tuple(binary))


def _one_hot_labels(table: Table, columns: Sequence[str]) -> list[str]:
    """Return the label of each row: the column with the 1.

    Raises:
        UserError: a row has several, or none.
    """
    labels = []
    for row, cells in enumerate(zip(*(table.values(one) for one in columns), strict=True)):
        found = [column for column, cell in zip(columns, cells, strict=True) if _BINARY.get(cell) == 1]
        if len(found) != 1:
            what = (
                f"{len(found) or 'no'} labels in one row: {', '.join(found[:3])}"
                if found
                else "no label in a row"
            )
            hint = "several labels per row are not supported"
            raise UserError(what, where=f"{table.name}, row {row + 1}", expected="one 1", hint=hint)
        labels += found
    return labels


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
