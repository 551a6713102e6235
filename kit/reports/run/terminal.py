"""Render the report of a run in a terminal: the main result first, then the details."""

from collections.abc import Sequence

from rich.columns import Columns
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kit.metrics import LOSS, METRICS, Metric
from kit.records import Combination, Finding, Report
from kit.reports.formatting import WIDE, duration, network_size, p_value, table
from kit.reports.html.text import capitalised, counted
from kit.reports.run import ensemble, terminal_tables
from kit.reports.run.score_tables import spread
from kit.runs import Run
from kit.typed import in_typed_form

FINDINGS = 3
"""Most findings that are shown; the page shows all."""
PAIRS = 3
"""Most pairs of models whose verdicts are shown."""
ROWS = 12
"""Most models, and most columns of an ensemble, that are shown."""


def render(report: Report, console: Console, run: Run | None = None) -> None:
    """Write a report to `console`, for 80 columns or more.

    Args:
        report: report.json.
        console: where to write.
        run: list the files of this run at the end.
    """
    metric = METRICS[report.metric]
    console.print(Text.assemble((report.run, "bold"), "   ", _made_of(report)))
    console.print()
    console.print(_headline(report, metric))
    if report.sample:
        _paragraph(
            console,
            f"bundled sample of {report.data.rows:,} digits: these figures say nothing about the competition",
            "bold yellow",
        )
    for warning in report.warnings:
        _paragraph(console, f"warning: {warning}", "yellow")
    if report.details:
        _findings(console, report.details.findings)
    if len(report.models) > 1:
        console.print()
        ordered = sorted(report.models, key=lambda one: one.score.rank(metric))
        console.print(terminal_tables.models(ordered[:ROWS], metric, console))
        _rest(console, len(ordered), "model")
        _pairs(console, report, metric)
    if report.combination:
        _ensemble(console, report, report.combination, metric)
    _tables(console, report, metric)
    if report.notes:
        _paragraph(console, " ".join(report.notes), "dim")
    if run is not None:
        written = [run.oof_path, run.submission_path, run.report_path, run.page_path]
        _paragraph(console, f"{run.path}: {', '.join(path.name for path in written if path.is_file())}")
        if run.page_path.is_file():
            # Not wrapped: terminals make a link of it.
            console.print(Text(f"Page: {run.page_path}"), soft_wrap=True)


def _tables(console: Console, report: Report, metric: Metric) -> None:
    tables = [terminal_tables.folds(report.folds.each, metric)] if report.folds.each else []
    if len(report.seeds.each) > 1:
        tables.append(terminal_tables.seeds(report.seeds.each, metric))
    if report.confusions:
        tables.append(terminal_tables.confusions(report.confusions))
    if tables:
        console.print()
        console.print(Columns(tables, padding=(0, 4)))
    if report.tta:
        console.print()
        console.print(terminal_tables.views(report.tta, metric))
        console.print(Text(terminal_tables.effect_of_views(report.tta)))


def _findings(console: Console, findings: Sequence[Finding]) -> None:
    """Print the most useful findings; the sample is named anyway."""
    grid = Table.grid(padding=(0, 1))
    for one in [one for one in findings if one.kind not in {"sample", "none"}][:FINDINGS]:
        evidence = in_typed_form(one.evidence).replace("`", "")
        grid.add_row(Text("•"), Text.assemble((one.text, "bold"), f"\n{evidence}"))
    if grid.row_count:
        console.print()
        console.print(grid)


def _pairs(console: Console, report: Report, metric: Metric) -> None:
    """Print the verdicts of the models against each other, if they are few."""
    pairs = report.details.pairs if report.details else ()
    if len(pairs) > PAIRS:
        return
    for one in pairs:
        verdict = (
            f"{one.b} is {one.verdict} than {one.a}"
            if one.verdict != "no difference"
            else f"{one.b} against {one.a}: no difference that {one.rows:,} rows can show"
        )
        low, high = map(metric.format_difference, one.interval)
        _paragraph(
            console,
            f"{verdict}: {metric.format_difference(one.difference)}{' points' * metric.percent} "
            f"(95 % interval {low} to {high}), {p_value(one.p_corrected)}",
        )


def _ensemble(console: Console, report: Report, given: Combination, metric: Metric) -> None:
    """Print methods and columns, if a method was looked for or runs were combined."""
    if given.requested in {"mean", ""} and not report.sources:
        return
    methods = ensemble.methods(given, metric)
    if console.width < WIDE:
        for heading in (ensemble.FITTED_ERRORS, ensemble.FITTED_LOSS):
            del methods[heading]
    console.print()
    console.print(table(methods))
    columns = ensemble.columns(report, given, metric)
    console.print()
    console.print(
        table(
            {
                heading: columns[heading][:ROWS]
                for heading in (ensemble.COLUMN, ensemble.WORTH, ensemble.WEIGHT, ensemble.ERRORS)
            }
        )
    )
    _rest(console, len(given.columns), "column")


def _rest(console: Console, number: int, noun: str) -> None:
    """Print how many more rows a table on the page has."""
    if number > ROWS:
        console.print(Text(f"and {counted(number - ROWS, f'more {noun}')} on the page"))


def _made_of(report: Report) -> str:
    is_named = report.combination is None and len(report.columns) > 1
    return ensemble.makeup(report) + (f", ensemble by {report.ensemble}" if is_named else "")


def _headline(report: Report, metric: Metric) -> Table:
    oof, time, models = report.oof, report.time, report.models
    grid = Table.grid(padding=(0, 3))
    value = Text(f"{metric.format(oof.value)}{metric.unit}", "bold green")
    grid.add_row(
        f"OOF {metric.title}",
        value.append(f"   {counted(oof.errors, 'error')} in {counted(oof.rows, 'row')}", "default"),
    )
    grid.add_row("95 % interval", f"{metric.format_interval(oof.interval)}{metric.unit}")
    if not report.sample:
        score = report.expected_score
        span = f"{metric.format_interval((score.low, score.high))}{metric.unit}"
        grid.add_row("Expected score", f"{span}, 95 % interval on {score.rows or 0:,} leaderboard rows")
    if metric is not LOSS:
        grid.add_row(capitalised(LOSS.title), LOSS.format(oof.loss))
    if report.combination:
        grid.add_row("Ensemble", ensemble.summary(report.combination))
    if report.folds.mean is not None:
        grid.add_row("Fold mean", f"{spread(report.folds, metric)}{metric.unit}")
    if len(report.seeds.each) > 1:
        grid.add_row("Seed mean", f"{spread(report.seeds, metric)}{metric.unit}")
    if len(models) == 1 and models[0].gap is not None:
        gap = f"{metric.format(models[0].gap)}{' points' * metric.percent}"
        train = f"{metric.format(models[0].train_score)}{metric.unit}"
        grid.add_row(f"Train {metric.title}", f"{train}, a gap of {gap} to the held-out folds")
    if len(models) == 1 and models[0].parameters is not None:
        grid.add_row("Network", network_size(models[0].parameters, models[0].multiply_adds or 0))
    training = f"training {duration(time.member_seconds)} in {counted(len(report.members), 'member')}"
    start = f", start-up {duration(time.startup_seconds)}" if time.startup_seconds else ""
    own = f"{duration(time.wall_seconds)} ({training}{start})"
    grid.add_row("Time", training if report.sources else own)
    return grid


def _paragraph(console: Console, text: str, style: str = "default") -> None:
    console.print()
    console.print(Text(text, style))
