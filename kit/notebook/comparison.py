"""A comparison of runs in a notebook."""

from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from kit.metrics import METRICS
from kit.notebook import markup
from kit.records import RunComparison
from kit.reports.compare import wording as words
from kit.reports.html.scores import pairs_table

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Comparison:
    """Runs on the same rows: better, worse, or no difference.

    Attributes:
        result: every figure, typed.
        path: of the page; None if it could not be written.
    """

    result: RunComparison
    path: Path | None

    @property
    def pairs(self) -> "pd.DataFrame":
        """One row per pair: `b` compared with `a`; differences are `b` minus `a`."""
        import pandas as pd

        return pd.DataFrame([pair.model_dump() for pair in self.result.pairs])

    def __repr__(self) -> str:
        return words.conclusion(self.result)

    def _repr_html_(self) -> str:
        result = self.result
        if len(result.pairs) == 1:
            differences = markup.table(words.difference_table(result))
        else:
            pairs = pairs_table(words.ranked_pairs(result), METRICS[result.metric])
            columns = zip(*([cell.text for cell in row] for row in pairs.cells()), strict=True)
            differences = markup.table(dict(zip(pairs.head, map(list, columns), strict=True)))
        notes = escape(" ".join([*result.notes, words.CAVEAT]))
        return (
            f"<p><b>{escape(words.conclusion(result))}</b></p>"
            f"{markup.table(words.runs_table(result))}{differences}<p><small>{notes}</small></p>"
        )
