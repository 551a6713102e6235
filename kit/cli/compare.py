"""`kit compare`: compare runs on the same rows."""

import click

from kit.cli import options
from kit.cli.browser import open_page
from kit.cli.busy import Busy
from kit.cli.report import warn_of_changes
from kit.errors import UserError
from kit.run_folder import find_run


@click.command(
    epilog="\b\nExample:\n  kit compare lenet-plain lenet-regularized\n"
    "  kit compare quick default baselines --json | jq -r '.pairs[].verdict'"
)
@click.argument("runs", type=options.RunName(), nargs=-1, required=True, metavar="RUN RUN…")
@options.as_json
@options.open_page
def command(runs: tuple[str, ...], as_json: bool, open_: bool) -> None:
    """Compare the OOF predictions of each RUN, a name or a path, on the same rows."""
    found = [find_run(name) for name in runs]
    with Busy() as busy:
        busy(f"comparing {len(found)} runs")
        from rich.console import Console

        from kit.pipeline.compare import compare, draw
        from kit.reports.compare.terminal import render

        comparison = compare(found)
    for run in found:
        warn_of_changes(run)
    with Busy() as busy:
        busy("drawing the page of the comparison")
        page = draw(comparison, found, busy.say)
    if as_json:
        click.echo(comparison.model_dump_json(indent=2))
    else:
        render(comparison, Console(), page)
    if open_:
        if page is None:
            raise UserError("there is no page to open")
        open_page(page)
