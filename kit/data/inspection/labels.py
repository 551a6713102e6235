"""Which column of a table has the label, and which of several tables is the training table."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

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


def counted(cells: Iterable[str]) -> Counter[str]:
    """Return the number of rows of each label, blank cells left out."""
    return Counter(cell for cell in cells if cell.strip())


def can_be_label(cells: Sequence[str]) -> bool:
    """Return whether a column has 2 to 256 distinct values that repeat, and no fractions."""
    found = counted(cells)
    fractions = any(is_number(one) and not is_integer(one) for one in found)
    return 2 <= len(found) <= MOST and 2 * len(found) <= len(cells) and not fractions


def label_column(table: Table, columns: Sequence[str], clues: Clues) -> Setting | None:
    """Return the key of the label column of `table`, one of `columns`; None if no column can be it.

    The known one and those of the sample submission come first, then the usual names, then the order of the
    file; other columns that could be the label are named in the comment.
    """
    named = sorted((one for one in columns if _rank(one) < len(NAMES)), key=_rank)
    possible = [one for one in columns if can_be_label(table.values(one))]
    certain = [one for one in [*clues.label_columns, *named] if one in possible]
    if certain:
        return Setting("competition.label_column", certain[0])
    if not possible:
        return None
    others = ", ".join(f"{one} ({len(table.counts(one))} values)" for one in possible[1:])
    return Setting("competition.label_column", possible[0], f"or one of {others}?" if others else "")


def no_label(table: Table, columns: Sequence[str]) -> UserError:
    """Return the error for a table in which no column of `columns` can be the label."""
    what, hint = "no column with a label", "a label is a column with 2 to 256 distinct values that repeat"
    for column in columns:
        found = counted(table.values(column))
        if len(found) == 1 and _rank(column) < len(NAMES):
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
        found = [one for one in candidates if one.name in {wanted, wanted.removeprefix("./")}]
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


def _rank(column: str) -> int:
    """Return the place of a column among the usual names of labels; their number if it is none."""
    name = column.lower().replace(" ", "_").replace("-", "_")
    return NAMES.index(name) if name in NAMES else len(NAMES)
