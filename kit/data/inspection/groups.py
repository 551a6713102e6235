"""Rows that belong together, as the images of one patient: `folds.group`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kit.data.inspection.files import stem
from kit.data.inspection.findings import Training
from kit.data.inspection.image_tables import MATCHED
from kit.data.inspection.table import Table

NAMES = re.compile(
    r"(subject|patient|lesion|person|people|driver|speaker|writer|animal|individual|participant|user|group|case|"
    r"scene|video|clip|session|sequence|series|scan|slide|study|site|camera|location|hospital|family)"
    r"([ _-]?(id|no|name))?",
    re.IGNORECASE,
)
"""Usual names of columns with groups."""
FEWEST = 5
"""Groups below which no folds can be made of them."""


@dataclass(frozen=True)
class Group:
    """A column with groups: its table, its name, the number of groups."""

    table: str
    column: str
    count: int


def find(training: Training, tables: Sequence[Table]) -> Group | None:
    """Return the column with the groups of the training rows; None if there is none.

    It is found by its name and its values, in the training table, in a table with the names of the
    images, or, for CSV files with pixels, in a table of the same length whose rows have the same classes.
    """
    for table in tables:
        columns = [one for one in table.columns if NAMES.fullmatch(one) and one != training.label_column]
        for column in columns:
            cells = table.values(column)
            count = len({*cells})
            if (
                FEWEST <= count < len(cells)
                and not _is_label(table, column, training)
                and _fits(table, training)
            ):
                return Group(table.name, column, count)
    return None


def _fits(table: Table, training: Training) -> bool:
    """Return whether the rows of `table` are the training rows."""
    if table is training.table:
        return True
    if not training.names:
        return _has_same_classes(table, training)
    names = {stem(one) for one in training.names}
    shares = (
        len(names & {stem(cell) for cell in table.values(column)}) / len(names) for column in table.columns
    )
    return max(shares) >= MATCHED


def _has_same_classes(table: Table, training: Training) -> bool:
    """Return whether a column of `table` has the classes of the training rows, row by row."""
    own, label = training.table, training.label_column
    if own is None or label is None or len(table.rows) != len(own.rows) or own.is_sampled or table.is_sampled:
        return False
    labels = own.values(label)
    return any(_is_one_to_one(labels, table.values(column)) for column in table.columns)


def _is_label(table: Table, column: str, training: Training) -> bool:
    """Return whether the column is another name of the label."""
    label = training.label_column
    own = table is training.table and label is not None
    return own and _is_one_to_one(table.values(column), table.values(str(label)))


def _is_one_to_one(first: Sequence[str], second: Sequence[str]) -> bool:
    return len({*first}) == len({*second}) == len({*zip(first, second, strict=True)}) > 1
