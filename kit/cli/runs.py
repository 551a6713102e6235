"""`kit runs`: list the runs and the studies in this folder."""

import json
import math
from collections.abc import Callable, Sequence
from typing import Any

import click

from kit.cli.options import as_json
from kit.metrics import LOSS
from kit.pipeline.run_list import RunSummary, summary_of
from kit.run_folder import RUNS, all_runs
from kit.typed import in_typed_form


def _by_score(run: RunSummary) -> tuple[bool, str, float]:
    """Competition data before the sample, then the best score; scores of two metrics cannot be compared."""
    rank = run.scored[1].rank(run.scored[0]) if run.scored else math.inf
    return bool(run.sample), run.metric or "", rank


_ORDERS: dict[str, Callable[[RunSummary], Any]] = {
    "score": _by_score,
    "loss": lambda run: (bool(run.sample), run.oof.loss if run.oof else math.inf),
    "time": lambda run: run.wall_seconds or math.inf,
    "started": lambda _: 0,  # `all_runs` has this order.
    "name": lambda run: run.name,
}
"""Sort keys by the value of --sort; equal runs are listed newest first."""


@click.command(
    epilog="\b\nExample:\n  kit runs --sort time\n  kit runs --json | jq '.[0].oof.accuracy'\n"
    "  kit runs --studies --json | jq '.[0].config_path'"
)
@click.option(
    "--sort",
    "order",
    type=click.Choice(list(_ORDERS)),
    default="score",
    show_default=True,
    help="Best score, lowest log loss, shortest time or newest first, or by name.",
)
@click.option("--studies", is_flag=True, help="List only studies.")
@as_json
def command(order: str, studies: bool, as_json: bool) -> None:
    """List the runs in this folder, and the studies of kit tune in a second table.

    By score and by loss, runs on competition data come before those on the bundled sample, and runs that are
    not finished come last. --json lists the runs, or with --studies the studies.
    """
    if studies or not as_json:
        from kit.cli.studies import read_summaries, show_studies

        found = read_summaries(order)
    if studies:
        if as_json:
            click.echo(json.dumps([one.model_dump(mode="json") for one in found], indent=2))
        elif not found:
            click.echo(
                in_typed_form(f"no studies in {RUNS}/ yet; search for a better configuration: `kit tune`")
            )
        else:
            show_studies(found)
        return
    runs = sorted(map(summary_of, all_runs()), key=_ORDERS[order])
    if order in {"score", "loss"}:
        runs.sort(key=lambda run: run.oof is None)
    runs.sort(key=lambda run: run.error is not None)
    if as_json:
        click.echo(json.dumps([run.model_dump(mode="json") for run in runs], indent=2))
        return
    if runs:
        _show(runs)
    if found:
        click.echo("\n" * bool(runs), nl=False)
        show_studies(found)
    if not runs and not found:
        click.echo(in_typed_form(f"no runs in {RUNS}/ yet; train one: `kit cv`"))


def _show(runs: Sequence[RunSummary]) -> None:
    from rich.console import Console

    from kit.reports.formatting import duration, print_table
    from kit.terminals import is_terminal

    console = Console()
    if not is_terminal(console):
        console.width = 200  # One line per run, for grep.
    scored = [run.scored for run in runs]
    headings = {one[0].heading for one in scored if one}
    same = len(headings) < 2
    mixed = any(run.sample for run in runs)
    cells = {
        "Run": [run.name for run in runs],
        f"OOF {next(iter(headings), '%')}" if same else "OOF": [
            f"{one[0].format(one[1].value)}{'' if same else f' {one[0].heading}'}" if one else "-"
            for one in scored
        ],
        "95 % interval": [one[0].format_interval(one[1].interval) if one else "-" for one in scored],
        LOSS.title.capitalize(): [LOSS.format(one[1].loss) if one else "-" for one in scored],
        "Members": ["-" if run.error else f"{run.members}/{run.members_planned}" for run in runs],
        "Time": [duration(run.wall_seconds) for run in runs],
        "Status": [run.status for run in runs],
        **({"Sample": [{True: "yes", False: "no", None: "-"}[run.sample] for run in runs]} if mixed else {}),
        "Started": [(run.started or "-")[:16].replace("T", " ") for run in runs],
    }
    dispensable = ["Started", "95 % interval", LOSS.title.capitalize(), "Members", "Time", "Sample"]
    print_table(console, cells, dispensable)
    for run in runs:
        if run.error:
            click.echo(run.error, err=True)
