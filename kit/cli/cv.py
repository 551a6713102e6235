"""`kit cv`: train a cross-validated ensemble."""

import click

from kit.cli import options


@click.command(
    epilog="\b\nExample:\n  kit cv -c quick\n  kit cv --set models.cnn.dropout=0.3 --set seeds=3 --jobs 2"
)
@options.config
@options.changes
@click.option("--run", "name", metavar="NAME", help="Name of the run, in place of CONFIG-HASH.")
@options.jobs
@click.option("--fresh", is_flag=True, help="Throw away what the run already has, and train it anew.")
def command(config: str, changes: tuple[str, ...], name: str | None, jobs: int | None, fresh: bool) -> None:
    """Train every member that is missing, blend them, and report the out-of-fold accuracy.

    The same command finds its own run again: complete, it shows the report; stopped, it goes on; with more
    seeds, it trains those alone.
    """
    from rich.console import Console

    from kit.cli.progress import Terminal
    from kit.config import find, load
    from kit.pipeline.cv import cv
    from kit.reports.run.terminal import render

    with Terminal() as terminal:
        run, complete = cv(
            load(config, changes), find(config).stem, terminal, name=name, jobs=jobs, fresh=fresh
        )
    if complete:
        click.echo(f"{run.path} is complete; --fresh trains it anew.\n", err=True)
    render(run.read_report(), Console(), run)
