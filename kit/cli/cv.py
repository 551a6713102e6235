"""`kit cv`: train a cross-validated ensemble."""

import click

from kit.cli import options
from kit.cli.busy import Busy
from kit.errors import InterruptedRunError


@click.command(
    epilog="\b\nExample:\n  kit cv -c quick\n  kit cv --set models.cnn.dropout=0.3 --set seeds=3 --jobs 2"
)
@options.config
@options.changes
@click.option("--run", "name", metavar="NAME", help="Name of the run (default: CONFIG-HASH).")
@options.jobs
@click.option("--fresh", is_flag=True, help="Delete the existing run and retrain it.")
@click.option(
    "--checkpoint",
    type=options.Duration(),
    default="30s",
    show_default=True,
    help="Shortest time between two checkpoints of a network in training (0: after every epoch).",
)
def command(
    *,
    config: str,
    changes: tuple[str, ...],
    name: str | None,
    jobs: int | None,
    fresh: bool,
    checkpoint: float,
) -> None:
    """Train the missing members, ensemble all, and report the out-of-fold (OOF) score.

    Rerun the same command to resume an interrupted run, or to show the report of a complete one. With more
    seeds, only those are trained. A network that was in training continues after its latest checkpoint.
    """
    with Busy() as busy:
        busy("loading kit")
        from rich.console import Console

        from kit.cli.progress import Terminal
        from kit.config import find, load
        from kit.pipeline.cv import cv
        from kit.pipeline.origin import origin_of
        from kit.pipeline.report import current
        from kit.reports.run.terminal import render

    run = None
    try:
        with Terminal() as terminal:
            run, complete = cv(
                load(config, changes),
                find(config).stem,
                terminal,
                name=name,
                jobs=jobs,
                fresh=fresh,
                checkpoint=checkpoint,
                origin=origin_of(config, changes, name),
            )
            if complete:
                terminal.say(f"{run.path} is complete; --fresh retrains it.\n")
            terminal.stage("drawing the page of the report")
            report = current(run, terminal.say)
        render(report, Console(), run)
    except KeyboardInterrupt:
        if run is None:
            raise
        raise InterruptedRunError("interrupted; the run is complete: `kit report` shows it") from None
