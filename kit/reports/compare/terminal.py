"""Render a comparison of runs in a terminal: the details, then the result, which stays on the screen."""

from pathlib import Path

from rich.console import Console

from kit.metrics import LOSS, METRICS
from kit.records import RunComparison
from kit.reports.compare import wording as words
from kit.reports.formatting import WIDE, print_table, print_text
from kit.reports.html.scores import pairs_table


def render(comparison: RunComparison, console: Console, page: Path | None = None) -> None:
    """Write a comparison to `console`.

    Args:
        comparison: the figures.
        console: where to write.
        page: the page of the comparison, named at the end.
    """
    wide = console.width >= WIDE
    print_table(
        console, words.runs_table(comparison, wide=wide), ["Training", "Members", "Log loss", "Errors"]
    )
    console.print()
    if len(comparison.pairs) == 1:
        print_table(console, words.difference_table(comparison))
    else:
        print_table(console, _pairs(comparison, wide=wide))
        print_text(console, words.correction(comparison), "dim")
    console.print()
    print_text(console, " ".join([*comparison.notes, words.CAVEAT]), "dim")
    console.print()
    if comparison.sample:
        print_text(console, "bundled sample: these figures say nothing about the competition", "bold yellow")
    print_text(console, words.conclusion(comparison), "bold")
    if page:
        print_text(console, f"Page: `{page}`")


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
