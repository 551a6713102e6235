"""Render a comparison of runs in a terminal: the result first."""

from rich.console import Console
from rich.text import Text

from kit.metrics import LOSS, METRICS
from kit.records import RunComparison
from kit.reports.compare import wording as words
from kit.reports.formatting import WIDE, table
from kit.reports.html.scores import pairs_table


def render(comparison: RunComparison, console: Console) -> None:
    """Write a comparison to `console`, for 80 columns or more.

    Args:
        comparison: the figures.
        console: where to write.
    """
    wide = console.width >= WIDE
    console.print(Text(words.conclusion(comparison), "bold"))
    if comparison.sample:
        console.print()
        console.print(Text("bundled sample: these figures say nothing about the competition", "bold yellow"))
    console.print()
    console.print(table(words.runs_table(comparison, wide=wide)))
    console.print()
    if len(comparison.pairs) == 1:
        console.print(table(words.difference_table(comparison)))
    else:
        console.print(table(_pairs(comparison, wide=wide)))
        console.print(Text(words.correction(comparison), "dim"))
    console.print()
    console.print(Text(" ".join([*comparison.notes, words.CAVEAT]), "dim"))


def _pairs(comparison: RunComparison, *, wide: bool) -> words.Cells:
    """Return one row per pair; in a narrow terminal with verdict, difference and p alone."""
    metric = METRICS[comparison.metric]
    pairs = pairs_table(words.ranked_pairs(comparison), metric)
    first = ("Pair", "Verdict", f"{metric.title}{', points' * metric.percent}")
    headings = (
        *first,
        "95 % interval",
        "p",
        "Gained",
        "Lost",
        *([] if metric is LOSS else [LOSS.title]),
        "Time",
    )
    columns = zip(*([cell.text for cell in row] for row in pairs.cells()), strict=True)
    cells = dict(zip(headings, columns, strict=True))
    return cells if wide else {heading: cells[heading] for heading in (*first, "p")}
