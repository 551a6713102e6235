"""Render the report of a run in a terminal: the details, then the answer, which stays on the screen."""

from collections.abc import Sequence

from rich.columns import Columns
from rich.console import Console
from rich.text import Text

from kit.metrics import LOSS, METRICS, Metric
from kit.records import Combination, Finding, Report
from kit.reports.formatting import WIDE, duration, network_size, p_value, print_row, print_table, print_text
from kit.reports.html.text import capitalised, counted
from kit.reports.run import ensemble, terminal_tables
from kit.reports.run.commands import next_step
from kit.reports.run.score_tables import spread
from kit.run_folder import Run

FINDINGS = 3
"""Most findings that are shown; the page shows all."""
PAIRS = 3
"""Most pairs of models whose verdicts are shown."""
ROWS = 12
"""Most models, and most columns of an ensemble, that are shown."""


def render(
    report: Report,
    console: Console,
    run: Run | None = None,
    *,
    gain: str = "",
    step: tuple[str, str] | None = None,
) -> None:
    """Write a report to `console`: the answer is in the last ten lines.

    Args:
        report: report.json.
        console: where to write.
        run: name the files of this run.
        gain: of an ensemble of runs over the best of them, one sentence.
        step: what to do next and its command; the default is that of `next_step`.
    """
    metric = METRICS[report.metric]
    console.print(Text.assemble((report.run, "bold"), "   ", _made_of(report)), soft_wrap=True)
    console.print()
    _figures(console, report, metric)
    if report.details:
        _findings(console, report.details.findings)
    if len(report.models) > 1:
        console.print()
        ordered = sorted(report.models, key=lambda one: one.score.rank(metric))
        terminal_tables.models(console, ordered[:ROWS], metric)
        _rest(console, len(ordered), "model")
        _pairs(console, report, metric)
    if report.combination:
        _ensemble(console, report, report.combination, metric)
    _tables(console, report, metric)
    if report.notes:
        console.print()
        print_text(console, " ".join(report.notes), "dim")
    if run is not None:
        written = [run.oof_path, run.test_path, run.submission_path, run.history_path, run.report_path]
        written.append(run.page_path)
        console.print()
        print_text(console, f"{run.path}: {', '.join(path.name for path in written if path.is_file())}")
    for warning in report.warnings:
        console.print()
        print_text(console, f"warning: {warning}", "yellow")
    console.print()
    _answer(console, report, metric)
    if gain:
        print_row(console, "Gain", gain)
    what, command = step or next_step(report, run)
    print_row(console, "Next step", f"{what}: `{command}`")
    if run is not None and run.page_path.is_file():
        # In one line: terminals make a link of it.
        print_row(console, "Page", f"`{run.page_path}`")


def _answer(console: Console, report: Report, metric: Metric) -> None:
    oof = report.oof
    value = f"{metric.format(oof.value)}{metric.unit}"
    errors = f"{counted(oof.errors, 'error')} in {counted(oof.rows, 'row')}"
    print_row(console, f"OOF {metric.title}", f"{value}, {errors}", "bold green")
    print_row(console, "95 % interval", f"{metric.format_interval(oof.interval)}{metric.unit}")
    if report.sample:
        print_row(
            console,
            "Warning",
            f"bundled sample of {report.data.rows:,} digits: these figures say nothing about the competition",
            "bold yellow",
        )
    else:
        score = report.expected_score
        span = f"{metric.format_interval((score.low, score.high))}{metric.unit}"
        rows = f"{score.rows or 0:,} {'leaderboard' if report.data.test_rows else 'other'} rows"
        print_row(console, "Expected score", f"{span}, 95 % interval on {rows}")


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
        print_table(console, terminal_tables.views(report.tta, metric))
        print_text(console, terminal_tables.effect_of_views(report.tta))


def _findings(console: Console, findings: Sequence[Finding]) -> None:
    """Print the most useful findings; the sample is named anyway."""
    shown = [one for one in findings if one.kind not in {"sample", "none"}][:FINDINGS]
    if shown:
        console.print()
    for one in shown:
        print_text(console, one.text, "bold", start="• ", indent="  ")
        print_text(console, one.evidence, start="  ", indent="  ")


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
        console.print()
        print_text(
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
    print_table(console, methods, [ensemble.TO_MEAN])
    columns = ensemble.columns(report, given, metric)
    console.print()
    headings = (ensemble.COLUMN, ensemble.WORTH, ensemble.WEIGHT, ensemble.ERRORS)
    print_table(
        console,
        {heading: columns[heading][:ROWS] for heading in headings},
        [ensemble.ERRORS, ensemble.WEIGHT],
    )
    _rest(console, len(given.columns), "column")


def _rest(console: Console, number: int, noun: str) -> None:
    """Print how many more rows a table on the page has."""
    if number > ROWS:
        console.print(Text(f"and {counted(number - ROWS, f'more {noun}')} on the page"))


def _made_of(report: Report) -> str:
    is_named = report.combination is None and len(report.columns) > 1
    return ensemble.makeup(report) + (f", ensemble by {report.ensemble}" if is_named else "")


def _figures(console: Console, report: Report, metric: Metric) -> None:
    """Print the figures behind the answer."""
    time, models = report.time, report.models
    if metric is not LOSS:
        print_row(console, capitalised(LOSS.title), LOSS.format(report.oof.loss))
    if report.combination:
        print_row(console, "Ensemble", ensemble.summary(report.combination))
    if report.folds.mean is not None:
        print_row(console, "Fold mean", f"{spread(report.folds, metric)}{metric.unit}")
    if len(report.seeds.each) > 1:
        print_row(console, "Seed mean", f"{spread(report.seeds, metric)}{metric.unit}")
    if len(models) == 1 and models[0].gap is not None:
        gap = f"{metric.format(models[0].gap)}{' points' * metric.percent}"
        train = f"{metric.format(models[0].train_score)}{metric.unit}"
        print_row(console, f"Train {metric.title}", f"{train}, a gap of {gap} to the held-out folds")
    if len(models) == 1 and models[0].parameters is not None:
        print_row(console, "Network", network_size(models[0].parameters, models[0].multiply_adds or 0))
    training = f"training {duration(time.member_seconds)} in {counted(len(report.members), 'member')}"
    start = f", start-up {duration(time.startup_seconds)}" if time.startup_seconds else ""
    own = f"{duration(time.wall_seconds)} ({training}{start})"
    print_row(console, "Time", training if report.sources else own)
