"""What all parts of an inspection look at."""

from collections.abc import Sequence
from dataclasses import dataclass

from kit.data.inspection.findings import Ask
from kit.data.inspection.known import Known
from kit.data.inspection.sample import Sample
from kit.data.inspection.table import Table, is_integer, is_number

MATCHED = 0.9
"""Share of the sample submission's ids in a column that must have all of them."""


@dataclass(frozen=True, eq=False)
class Clues:
    """Tables, sample submission, what is known, and who answers questions.

    Attributes:
        tables: the CSV files without the sample submission.
        sample: the sample submission.
        known: of a well-known competition.
        wanted: name of the training table that the user gave.
        ask: answers questions.
    """

    tables: Sequence[Table]
    sample: Sample | None
    known: Known | None
    wanted: str | None
    ask: Ask

    @property
    def label_columns(self) -> tuple[str, ...]:
        """Columns that have the label if a table has them: the known one, then those of the sample."""
        known = [self.known.label] if self.known and self.known.label else []
        return (*known, *(self.sample.columns if self.sample else ()))

    def identity(self, table: Table, columns: Sequence[str]) -> str | None:
        """Return the column with the ids of test rows; None if there is none.

        It has the ids of the sample submission, or most of them (the reader names the fault); else, unless
        these are counted, text or integers that differ in every row. An index as pandas writes it has all ids
        of the sample submission, or is none.
        """
        submitted, counted = ({*self.sample.ids}, self.sample.first_id) if self.sample else (set[str](), None)
        shares = {
            one: len(submitted.intersection(table.values(one))) / max(1, len(submitted))
            for one in columns
            if one
        }
        same = [one for one, share in shares.items() if share == 1]
        named = [one for one in shares if not one.startswith("Unnamed:")]
        close = [one for one in named if shares[one] >= MATCHED]
        unique = [
            one
            for one in named
            if counted is None
            and len(table.counts(one)) == len(table.rows)
            and all(is_integer(cell) or not is_number(cell) for cell in table.values(one))
        ]
        return next(iter([*same, *close, *unique]), None)

    @property
    def ids_text(self) -> str:
        """Where the ids of test rows are that have no names, for people."""
        return f"as in {self.sample.table.name}" if self.sample else "numbered from 1"
