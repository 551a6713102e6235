"""The report of a study in a terminal: the search, then the result and the next command."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from kit.metrics import METRICS
from kit.records import StudyReport
from kit.reports.formatting import table
from kit.reports.study import wording as words
from kit.typed import typed

STYLES = {"confirmed": "bold green", "none better": "bold", "no candidate": "bold"}


def render_study(report: StudyReport, console: Console, page: Path | None = None) -> None:
    """Write the report of a study to `console`.

    Args:
        report: the figures.
        console: the terminal.
        page: the page of the study, named at the end.
    """
    console.print(Text.assemble((report.study, "bold"), "   ", words.counts(report)))
    headings = [words.column(METRICS[name]) for name in (report.score, report.metric)]
    for cells in (words.best_table(report), words.confirmation_table(report)):
        _show(cells, console, ["Baseline", headings[0], "Time", headings[1]])
    prefix, names = words.short_names(report.importance)
    cells = words.parameter_table(report, names)
    others = [heading for heading in cells if heading.startswith("Trial ")][1:]
    _show(cells, console, [*reversed(others), "Importance %", "Baseline"])
    if prefix:
        console.print(Text(f"Names omit the prefix {prefix}", "dim"))
    if report.importance_missing and report.importance:
        console.print(Text(f"No importance: {report.importance_missing}.", "dim"))
    elif report.importance:
        console.print(Text(f"Importance is a rough estimate from {report.importance_trials} trials.", "dim"))
    _show(words.failure_table(report), console)
    for note in report.notes:
        _paragraph(console, note, "dim")
    _answer(report, console, page)


def _answer(report: StudyReport, console: Console, page: Path | None) -> None:
    """Write what was found and what to do next: the end of the report, which stays on the screen."""
    status = report.confirmation.status if report.confirmation else ""
    _paragraph(console, words.conclusion(report), STYLES.get(status, "bold yellow"))
    console.print()
    grid = Table.grid(padding=(0, 3))
    for name, text in words.headline(report).items():
        grid.add_row(name, Text(text))
    console.print(grid)
    if report.sample:
        _paragraph(console, "bundled sample: these figures do not apply to the competition", "bold yellow")
    console.print()
    for what, command in words.next_steps(report, page):
        # Not wrapped: people copy it.
        console.print(
            Text(f"{what}: {typed(command) if command.startswith('kit ') else command}"), soft_wrap=True
        )


def fitting(
    cells: Mapping[str, Sequence[str]], width: int, dispensable: Sequence[str]
) -> Mapping[str, Sequence[str]]:
    """Return a table without the dispensable columns that do not fit; the first of them goes first."""
    shown = dict(cells)
    for heading in dispensable:
        if sum(2 + max(map(len, [name, *texts])) for name, texts in shown.items()) - 2 <= width:
            break
        shown.pop(heading, None)
    return shown


def _show(cells: Mapping[str, Sequence[str]], console: Console, dispensable: Sequence[str] = ()) -> None:
    if cells:
        console.print()
        console.print(table(fitting(cells, console.width, dispensable)))


def _paragraph(console: Console, text: str, style: str) -> None:
    console.print()
    console.print(Text(text, style))
