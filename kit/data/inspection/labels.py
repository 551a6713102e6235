"""Which columns of a table have the label, and which of several tables is the training table."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kit.data.inspection.clues import Clues
from kit.data.inspection.files import is_named
from kit.data.inspection.findings import Choice, Question, Setting
from kit.data.inspection.table import Table, is_integer, is_number
from kit.errors import UserError
from kit.task.labels import MOST

NAMES = (
    "label", "labels", "class", "class_name", "classname", "target", "category", "digit", "letter",
    "character", "emotion", "species", "breed", "diagnosis", "y",
)  # fmt: skip
"""Usual names of the column with the label, the most usual first."""

_BINARY = {"0": 0, "1": 1, "0.0": 0, "1.0": 1}


def counted(cells: Iterable[str]) -> Counter[str]:
    """Return the number of rows of each label, blank cells left out."""
    return Counter(cell for cell in cells if cell.strip())


def can_be_label(cells: Sequence[str]) -> bool:
    """Return whether a column has 2 to 256 distinct values that repeat, and no fractions."""
    found = counted(cells)
    fractions = any(is_number(one) and not is_integer(one) for one in found)
    return 2 <= len(found) <= MOST and 2 * len(found) <= len(cells) and not fractions


@dataclass(frozen=True)
class Labels:
    """The labels in a table.

    Attributes:
        setting: the key with the name of the column, or with those of one-hot columns.
        cells: (rows,) the label of each row.
    """

    setting: Setting
    cells: Sequence[str]

    @property
    def column(self) -> str | None:
        """Name of the column; None for one-hot columns."""
        return None if isinstance(self.setting.value, tuple) else str(self.setting.value)

    @property
    def text(self) -> str:
        """The columns for people."""
        value = self.setting.value
        return f"{len(value)} columns" if isinstance(value, tuple) else f"column {value}"

    def are_in(self, column: str) -> bool:
        """Return whether a column has the label, or a part of it."""
        value = self.setting.value
        return column in value if isinstance(value, tuple) else column == value


def find_labels(table: Table, columns: Sequence[str], clues: Clues) -> Labels | None:
    """Return the labels of `table` in some of its columns; None if no column can have them.

    One-hot columns with the names in the sample submission come first. Then come the known label column, that
    of the sample submission, the usual names, and the order of the file; others that could be the label
    are named in the comment.

    Raises:
        UserError: a row has several labels.
    """
    binary = [one for one in columns if {*table.counts(one)} <= _BINARY.keys()]
    predicted = clues.sample.columns if clues.sample else ()
    if len(predicted) > 1 and {*predicted} <= {*binary}:
        return _one_hot(table, predicted)
    named = sorted(filter(is_usual, columns), key=_rank)
    possible = [one for one in columns if can_be_label(table.values(one))]
    certain = [one for one in [*clues.label_columns, *named] if one in possible]
    if certain:
        return Labels(Setting("competition.label_column", certain[0]), table.values(certain[0]))
    if len(binary) > 2 and not {*possible} - {*binary}:
        return _one_hot(table, binary)
    if not possible:
        return None
    others = ", ".join(f"{one} ({len(table.counts(one))} values)" for one in possible[1:])
    comment = f"or one of {others}?" if others else ""
    return Labels(Setting("competition.label_column", possible[0], comment), table.values(possible[0]))


def _one_hot(table: Table, columns: Sequence[str]) -> Labels:
    """Return the labels of one-hot columns.

    Raises:
        UserError: a row has several labels, or none.
    """
    labels: list[str] = []
    for row, cells in enumerate(zip(*(table.values(one) for one in columns), strict=True), 1):
        found = [column for column, cell in zip(columns, cells, strict=True) if _BINARY.get(cell) == 1]
        if len(found) != 1:
            what = f"{len(found)} labels: {', '.join(found[:3])}" if found else "no label"
            hint = "several labels per row are not supported"
            raise UserError(what, where=f"{table.name}, row {row}", expected="one column with a 1", hint=hint)
        labels += found
    return Labels(Setting("competition.label_columns", tuple(columns)), labels)


def no_label(table: Table, columns: Sequence[str]) -> UserError:
    """Return the error for a table in which no column of `columns` can be the label."""
    what, hint = "no column with a label", "a label is a column with 2 to 256 distinct values that repeat"
    if not columns:
        hint = "is the training file absent, or without rows?"
    for column in columns:
        found = counted(table.values(column))
        if len(found) == 1 and is_usual(column):
            what = f"every row has the label {next(iter(found))!r}, in column {column}: there is one class"
            hint = "a classification needs two classes or more"
        elif found and any(is_number(one) and not is_integer(one) for one in found):
            what, hint = (
                f"column {column} has numbers with fractions",
                "regression and keypoints are not supported",
            )
        elif len(found) > MOST and is_several(found):
            what, hint = (
                f"column {column} has several labels per row",
                "several labels per row are not supported",
            )
    received = (
        ", ".join(f"{one} ({len(table.counts(one)):,} values)" for one in columns[:5]) or "no other column"
    )
    return UserError(what, where=table.name, received=received, hint=hint)


def is_several(found: Counter[str]) -> bool:
    """Return whether cells are lists of a few words, as in "haze primary water"."""
    words = Counter(word for cell in found for word in re.split(r"[ |,;]+", cell.strip()))
    return len(words) <= MOST and len(words) < len(found) / 2


def training_table(candidates: Sequence[Table], clues: Clues) -> Table:
    """Return the training table: the wanted one, the only one, or the only one that is named so.

    Raises:
        UserError: several could be it, and nobody answers.
    """
    wanted = clues.wanted
    if wanted is not None:
        found = [one for one in candidates if f"/{wanted}".endswith(f"/{one.name}")]
        if not found:
            names = ", ".join(one.name for one in candidates)
            raise UserError("not a training table", where=f"--train {wanted}", expected=f"one of {names}")
        return found[0]
    named = [one for one in candidates if is_named(one.name, "train")]
    others = [one for one in candidates if not is_named(one.name, "test", "val", "extra")]
    for some in (candidates, named, others):
        if len(some) == 1:
            return some[0]
    some = named or others or candidates
    choices = tuple(Choice(one.name, f"{one.total:,} rows, {len(one.columns)} columns") for one in some)
    answer = clues.ask(Question("Which file is the training table?", choices))
    if answer is None:
        raise UserError(
            f"{len(some)} files could be the training table",
            received=", ".join(one.word for one in choices[:6]),
            hint=f"name one: `kit init … --train {some[0].name}`",
        )
    return next(one for one in some if one.name == answer)


def test_table(train: Table, candidates: Sequence[Table], labelled: Sequence[Table]) -> Table | None:
    """Return the test file: named like the training file, named test, or without labels; None without one."""
    partner = re.sub("train", "test", train.name, flags=re.IGNORECASE)
    for some in (
        [one for one in candidates if one.name == partner],
        [one for one in candidates if is_named(one.name, "test")],
        [one for one in candidates if one not in labelled],
    ):
        if len(some) == 1:
            return some[0]
    return None


def is_usual(column: str) -> bool:
    """Return whether the name of a column is a usual one for labels."""
    return _rank(column) < len(NAMES)


def _rank(column: str) -> int:
    """Return the place of a column among the usual names of labels; their number if it is none."""
    name = column.lower().replace(" ", "_").replace("-", "_")
    return NAMES.index(name) if name in NAMES else len(NAMES)
