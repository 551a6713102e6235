"""The sample submission: its ids, its columns, and what its values say."""

from collections.abc import Sequence
from dataclasses import dataclass

from kit.data.inspection.files import is_named
from kit.data.inspection.table import MANY, Table, is_integer, is_number

_TRIED = 50


@dataclass(frozen=True, eq=False)
class Sample:
    """A sample submission.

    Attributes:
        table: all of its rows.
    """

    table: Table

    @property
    def id_column(self) -> str:
        """The first column."""
        return self.table.columns[0]

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids, in the order of the submission."""
        return self.table.values(self.id_column)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns with predictions."""
        return self.table.columns[1:]

    @property
    def first_id(self) -> int | None:
        """The first id, if the ids are consecutive integers without leading zeros; else None."""
        first = self.ids[0]
        if not first.isdecimal():
            return None
        counted = map(str, range(int(first), int(first) + len(self.ids)))
        return int(first) if self.ids == tuple(counted) else None

    @property
    def has_fractions(self) -> bool:
        """Whether a prediction is no whole number, as in 0.5 or 0.0083."""
        cells = {cell for column in self.columns for cell in self.table.counts(column)}
        return any(is_number(one) and not is_integer(one) for one in cells)


def find(tables: Sequence[Table]) -> Sample | None:
    """Return the sample submission; None if there is none.

    It is a table whose name contains sample, submission or random; else one that predicts the same for every
    row, as no training table does.
    """
    possible = [
        one
        for one in tables
        if not is_named(one.name, "train")
        and one.has_header
        and len(one.columns) > 1
        and not one.is_sampled
        and not _has_pixels(one)
    ]
    found = [one for one in possible if is_named(one.name, "sub", "sample", "random")]
    found = found or [one for one in possible if not is_named(one.name, "test") and _is_constant(one)]
    return Sample(min(found, key=_rank)) if found else None


def _has_pixels(table: Table) -> bool:
    """Return whether cells are lists of pixels, or many columns have numbers that are no probabilities."""
    cells = [cell for row in table.rows[:_TRIED] for cell in row[1:]]
    if len(table.columns) > MANY:
        return any(is_number(cell) and float(cell) > 1 for cell in cells)
    return any(len(cell.split()) >= MANY for cell in cells)


def _is_constant(table: Table) -> bool:
    """Return whether the first column has a different value in every row, and each other column one value."""
    first, *others = (len(table.counts(column)) for column in table.columns)
    return first == len(table.rows) > 1 and {*others} == {1}


def _rank(table: Table) -> tuple[bool, bool, int, str]:
    """Return the order of candidates: submission and sample in the name, then submission, near the root."""
    is_submission, is_sample = (
        is_named(table.name, "sub"),
        is_named(table.name, "sample", "random", "example"),
    )
    return not is_submission, not is_sample, table.name.count("/"), table.name
