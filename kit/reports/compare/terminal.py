"""Render a comparison of runs in a terminal: the result first."""

from pathlib import Path

from rich.console import Console
from rich.text import Text

from kit.records import RunComparison
from kit.reports.compare import wording as words
from kit.reports.formatting import WIDE, table


def render(comparison: RunComparison, console: Console, page: Path | None = None) -> None:
    """Write a comparison to `console`, for 80 columns or more.

    Args:
        comparison: the figures.
        console: where to write.
        page: the page, named at the end.
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
        console.print(table(words.pairs_table(comparison, wide=wide)))
        console.print(Text(words.correction(comparison), "dim"))
    console.print()
    console.print(Text(" ".join([*comparison.notes, words.CAVEAT]), "dim"))
    if page is not None:
        console.print()
        console.print(Text(f"page: {page}"))
