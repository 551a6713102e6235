"""The report of a study in a terminal: the search, then the result and the next command."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from kit.metrics import METRICS
from kit.records import StudyReport
from kit.reports.formatting import print_row, print_table, print_text
from kit.reports.study import summary, tables
from kit.reports.study.steps import next_steps
from kit.reports.study.wording import column, short_names

SAMPLE = "bundled sample: these figures say nothing about the competition"
STYLES = {"confirmed": "bold green", "none better": "bold", "no candidate": "bold"}


def render_study(report: StudyReport, console: Console, page: Path | None = None) -> None:
    """Write the report of a study to `console`: the answer is in the last lines.

    Args:
        report: the figures.
        console: the terminal.
        page: the page of the study, named at the end.
    """
    console.print(Text.assemble((report.study, "bold"), "   ", summary.counts(report)))
    score, value = (column(METRICS[name]) for name in (report.score, report.metric))
    _show(tables.best_table(report), console, [score, "Time", value])
    rounds = tables.screening_table(report)
    _show(rounds, console, [heading for heading in rounds if heading.startswith("Round ")])
    _show(tables.confirmation_table(report), console, ["Baseline", value, "Gain", "Replicates", "P(better)"])
    prefix, names = short_names(report.importance)
    cells = tables.parameter_table(report, names)
    others = [heading for heading in cells if heading.startswith("Trial ")][1:]
    _show(cells, console, [*reversed(others), "Importance %", "Baseline"])
    if prefix:
        print_text(console, f"Names omit the prefix {prefix}", "dim")
    if report.importance_missing and report.importance:
        print_text(console, f"No importance: {report.importance_missing}.", "dim")
    elif report.importance:
        print_text(console, f"Importance is a rough estimate from {report.importance_trials} trials.", "dim")
    _show(tables.failure_table(report), console)
    for note in report.notes:
        console.print()
        print_text(console, note, "dim")
    console.print()
    headline = summary.headline(report)
    answer = {name: headline.pop(name) for name in ("Confirmation", "Change") if name in headline}
    for name, text in headline.items():
        print_row(console, name, text)
    steps = next_steps(report)
    for name, command in steps[1:]:
        print_row(console, name, f"`{command}`")
    console.print()
    status = report.confirmation.status if report.confirmation else ""
    print_text(console, summary.conclusion(report), STYLES.get(status, "bold yellow"))
    for name, text in answer.items():
        print_row(console, name, text)
    if report.sample:
        print_row(console, "Warning", SAMPLE, "bold yellow")
    name, command = steps[0]
    print_row(console, name, f"`{command}`")
    if page:
        # In one line: terminals make a link of it.
        print_row(console, "Page", f"`{page}`")


def _show(cells: Mapping[str, Sequence[str]], console: Console, dispensable: Sequence[str] = ()) -> None:
    if cells:
        console.print()
        print_table(console, cells, dispensable)
