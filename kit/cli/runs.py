"""`kit runs`: list the runs of this folder."""

import json
from collections.abc import Sequence
from typing import Any

import click

from kit.cli.options import as_json
from kit.errors import KitError
from kit.runs import RUNS, Run, all_runs


@click.command(epilog="\b\nExample:\n  kit runs\n  kit runs --json | jq '.[0].oof.accuracy'")
@as_json
def command(as_json: bool) -> None:
    """List the runs of this folder, newest first."""
    runs = [_summary(run) for run in all_runs()]
    if as_json:
        click.echo(json.dumps(runs, indent=2))
    elif runs:
        _show(runs)
    else:
        click.echo(f"no runs in {RUNS}/ yet; train one: kit cv")


def _summary(run: Run) -> dict[str, Any]:
    """Return what is told of a run; `oof` is report.json's, None until the run is complete."""
    keys = ("status", "sample", "started", "members", "members_planned", "oof", "error")
    summary = {"name": run.name, **dict.fromkeys(keys)}
    try:
        info, planned = run.info(), run.planned()
        return summary | {
            "status": run.status(),
            **{key: info[key] for key in ("sample", "started")},
            "members": sum(run.has(member) for member in planned),
            "members_planned": len(planned),
            "oof": run.report()["oof"] if run.is_finished() else None,
        }
    except KitError as error:
        return summary | {"status": "unreadable", "error": str(error)}
    except (LookupError, TypeError) as error:
        # Damaged, or written by another version: no reason to hide the other runs.
        return summary | {
            "status": "unreadable",
            "error": f"{run.path}: damaged, or of another version ({error!r})",
        }


def _show(runs: Sequence[dict[str, Any]]) -> None:
    from rich.console import Console

    from kit.reports.formatting import WIDE, interval, percent, table
    from kit.terminals import is_terminal

    console = Console()
    if not is_terminal(console):
        console.width = 200  # One line a run, for grep.
    cells = {
        "Run": [run["name"] for run in runs],
        "Status": [run["status"] for run in runs],
        "OOF %": [percent(run["oof"]["accuracy"]) if run["oof"] else "-" for run in runs],
        "95 % interval": [interval(run["oof"]) if run["oof"] else "-" for run in runs],
        "Log loss": [f"{run['oof']['log_loss']:.5f}" if run["oof"] else "-" for run in runs],
        "Members": [
            f"{run['members']}/{run['members_planned']}" if not run["error"] else "-" for run in runs
        ],
        "Sample": [{True: "yes", False: "no"}.get(run["sample"], "-") for run in runs],
        "Started": [(run["started"] or "-")[:16].replace("T", " ") for run in runs],
    }
    if console.width < WIDE:
        del cells["95 % interval"], cells["Log loss"]
        cells["Started"] = [started[:10] for started in cells["Started"]]
    console.print(table(cells))
    for run in runs:
        if run["error"]:
            click.echo(run["error"], err=True)
