"""`kit report`: show the report of a run."""

import json

import click

from kit.cli import options
from kit.cli.browser import open_page
from kit.errors import UserError
from kit.runs import Run, find_run


@click.command(
    epilog="\b\nExample:\n  kit report --open\n  kit report default-1a2b3c4d --json | jq .oof.accuracy"
)
@click.argument("run", type=options.Named(), required=False, metavar="[RUN]")
@options.as_json
@options.open_page
def command(run: str | None, as_json: bool, open_: bool) -> None:
    """Show the report of RUN, a name or a path (default: the newest finished run).

    Its page, report.html, is drawn again if it is out of date.
    """
    from kit.pipeline.report import current

    found = find_run(run)
    if not found.is_finished():
        raise _unfinished(found)
    report = current(found, lambda text: click.echo(text, err=True))
    if as_json:
        click.echo(json.dumps(report.model_dump(mode="json"), indent=2))
    else:
        from rich.console import Console

        from kit.reports.run.terminal import render

        render(report, Console(), found)
    if open_:
        open_page(found.page_path)


def _unfinished(run: Run) -> UserError:
    planned = run.planned()
    missing = [str(member) for member in planned if not run.has(member)]
    names = f", without {', '.join(missing[:3])}{', …' * (len(missing) > 3)}" if missing else ""
    return UserError(
        f"not finished ({run.status()}); the report is written after the last member",
        where=str(run.path),
        expected=f"{len(planned)} members",
        received=f"{len(planned) - len(missing)}{names}",
        hint=run.how_to_finish(),
    )
