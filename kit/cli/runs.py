"""`kit runs`: list the runs in this folder."""

import json
from collections.abc import Sequence

import click

from kit.cli.options import as_json
from kit.errors import KitError
from kit.records import Record, Score
from kit.runs import RUNS, Run, all_runs


class _Summary(Record):
    """One run in the list; unknown values are None."""

    name: str
    status: str
    sample: bool | None = None
    started: str | None = None
    members: int | None = None
    members_planned: int | None = None
    metric: str | None = None
    oof: Score | None = None
    error: str | None = None


@click.command(epilog="\b\nExample:\n  kit runs\n  kit runs --json | jq '.[0].oof.accuracy'")
@as_json
def command(as_json: bool) -> None:
    """List the runs in this folder, newest first."""
    runs = [_summary(run) for run in all_runs()]
    if as_json:
        click.echo(json.dumps([run.model_dump(mode="json") for run in runs], indent=2))
    elif runs:
        _show(runs)
    else:
        click.echo(f"no runs in {RUNS}/ yet; train one: kit cv")


def _summary(run: Run) -> _Summary:
    """Return the list entry of a run."""
    try:
        record, planned = run.read_record(), run.planned()
        report = run.read_report() if run.is_finished() else None
        return _Summary(
            name=run.name,
            status=run.status(),
            sample=record.sample,
            started=record.started,
            members=sum(run.has(member) for member in planned),
            members_planned=len(planned),
            metric=report.metric if report else None,
            oof=report.oof if report else None,
        )
    except KitError as error:
        # An unreadable run does not hide the others.
        return _Summary(name=run.name, status="unreadable", error=str(error))


def _show(runs: Sequence[_Summary]) -> None:
    from rich.console import Console

    from kit.metrics import LOSS, METRICS
    from kit.reports.formatting import WIDE, table
    from kit.terminals import is_terminal

    console = Console()
    if not is_terminal(console):
        console.width = 200  # One line per run, for grep.
    scored = [(run.oof, METRICS[run.metric]) if run.oof and run.metric else None for run in runs]
    headings = {metric.heading for _, metric in filter(None, scored)}
    one_metric = len(headings) < 2
    cells = {
        "Run": [run.name for run in runs],
        "Status": [run.status for run in runs],
        f"OOF {next(iter(headings), '%')}" if one_metric else "OOF": [
            f"{one[1].format(one[0].value)}{'' if one_metric else f' {one[1].heading}'}" if one else "-"
            for one in scored
        ],
        "95 % interval": [one[1].format_interval(one[0].interval) if one else "-" for one in scored],
        LOSS.title.capitalize(): [LOSS.format(one[0].loss) if one else "-" for one in scored],
        "Members": ["-" if run.error else f"{run.members}/{run.members_planned}" for run in runs],
        "Sample": [{True: "yes", False: "no", None: "-"}[run.sample] for run in runs],
        "Started": [(run.started or "-")[:16].replace("T", " ") for run in runs],
    }
    if console.width < WIDE:
        del cells["95 % interval"], cells[LOSS.title.capitalize()]
        cells["Started"] = [started[:10] for started in cells["Started"]]
    console.print(table(cells))
    for run in runs:
        if run.error:
            click.echo(run.error, err=True)
