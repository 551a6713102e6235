"""`kit submissions`: every submission, with its OOF score and its leaderboard score."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from kit.cli.options import as_json
from kit.errors import KitError
from kit.typed import in_typed_form

if TYPE_CHECKING:
    from kit.submitting.ledger import Record


@click.command(epilog="\b\nExample:\n  kit submissions\n  kit submissions --json | jq '.[-1].public_score'")
@as_json
def command(as_json: bool) -> None:
    """Show every submission made from this folder, oldest first.

    With Kaggle credentials, fetches missing scores first.
    """
    from kit.kaggle_client import has_credentials
    from kit.submitting.ledger import Ledger
    from kit.submitting.score_plot import draw_score_plot
    from kit.submitting.track import refresh

    ledger = Ledger()
    failure = None
    if ledger.records() or ledger.damaged():
        try:
            if has_credentials():
                refresh(ledger, timeout=30.0, say=lambda text: click.echo(in_typed_form(text), err=True))
        except KitError as error:
            # The ledger is shown in any case.
            failure = error
    records = ledger.records()
    if as_json:
        click.echo(
            json.dumps(
                [asdict(record) | {"score_position": record.score_position} for record in records], indent=2
            )
        )
    elif records:
        _show(records)
    else:
        click.echo(in_typed_form("no submissions yet; send one: `kit submit`"))
    plot = ledger.folder / "cv-vs-leaderboard.png"
    if draw_score_plot(records, plot):
        click.echo(f"plot: {plot}", err=True)
    if failure:
        raise failure


def _show(records: Sequence["Record"]) -> None:
    from rich.console import Console

    from kit.reports.formatting import WIDE, print_table
    from kit.terminals import is_terminal

    console = Console()
    if not is_terminal(console):
        console.width = 200  # One line per submission, for grep.
    cells: dict[str, Sequence[Any]] = {
        "Submission": [record.name for record in records],
        "Sent": [record.begun[:16].replace("T", " ") for record in records],
        "OOF": [f"{record.oof_score:.5f}" if record.oof_score else "-" for record in records],
        "95 % interval": [_span(record.oof_interval) for record in records],
        "Expected": [_span(record.expected_score) for record in records],
        "Score": [record.public_score or "-" for record in records],
        "Position": [record.score_position or "-" for record in records],
        "Private": [record.private_score or "-" for record in records],
        "Status": [record.status for record in records],
        "Ref": [record.ref or "-" for record in records],
    }
    if not any(record.private_score for record in records):
        del cells["Private"]
    if console.width < WIDE:
        del cells["95 % interval"], cells["Expected"]
        cells["Sent"] = [record.begun[:10] for record in records]
    print_table(console, cells, ["Ref", "Sent", "OOF"])
    for record in records:
        if record.error:
            click.echo(f"{record.name} ({record.status}): {record.error}", err=True)


def _span(bounds: tuple[float, float] | None) -> str:
    return f"{bounds[0]:.5f} to {bounds[1]:.5f}" if bounds else "-"
