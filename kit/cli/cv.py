"""`kit cv`: train a cross-validated ensemble."""

import click

from kit.cli import options
from kit.cli.busy import Busy
from kit.errors import InterruptedRunError, KitError
from kit.run_folder import find_run, newest_run


@click.command(
    epilog="\b\nExample:\n  kit cv -c quick\n  kit cv --set models.cnn.dropout=0.3 --set seeds=3 --jobs 2\n"
    "  kit cv -c wide-resnet --on tcp://10.0.0.5:8786"
)
@options.config
@options.changes
@click.option("--run", "name", metavar="NAME", help="Name of the run (default: CONFIG-HASH).")
@options.jobs
@options.on
@options.allow_different
@click.option("--fresh", is_flag=True, help="Delete the existing run and retrain it.")
@click.option(
    "--checkpoint",
    type=options.Duration(),
    default="30s",
    show_default=True,
    help="Shortest time between two checkpoints of a network in training (0: after every epoch).",
)
@click.option(
    "--verify", is_flag=True, help="Only check the files of a run: --run NAME, or the newest of -c."
)
def command(
    *,
    config: str,
    changes: tuple[str, ...],
    name: str | None,
    jobs: int | None,
    on: str,
    allow_different: bool,
    fresh: bool,
    checkpoint: float,
    verify: bool,
) -> None:
    """Train the missing members, ensemble all, and report the out-of-fold (OOF) score.

    Rerun the same command to resume an interrupted run, or to show the report of a complete one. With more
    seeds, only those are trained. A network that was in training continues after its latest checkpoint.
    """
    if verify:
        if changes or fresh:
            raise click.UsageError("--verify checks a run as it is: it takes no --set and no --fresh")
        show_verification(config, name)
        return
    with Busy() as busy:
        busy("loading kit")
        from rich.console import Console

        from kit.cli.progress import Terminal
        from kit.config import find, load
        from kit.pipeline.checkpoints import INTERRUPTED_AFTER
        from kit.pipeline.cluster import launcher_on
        from kit.pipeline.cv import cv
        from kit.pipeline.origin import origin_of
        from kit.pipeline.report import current
        from kit.reports.run.terminal import render

    run = None
    try:
        with (
            Terminal() as terminal,
            launcher_on(on, terminal.say, allow_different=allow_different) as launcher,
        ):
            run, complete = cv(
                load(config, changes),
                find(config).stem,
                terminal,
                name=name,
                jobs=jobs,
                fresh=fresh,
                checkpoint=checkpoint,
                launcher=launcher,
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
        raise InterruptedRunError(INTERRUPTED_AFTER) from None


def show_verification(config: str, name: str | None) -> None:
    """Print what is wrong with the files of a run, a line each.

    Args:
        config: the configuration whose newest run is checked, unless `name` is given.
        name: the run's name or path.

    Raises:
        UserError: there is no such run, or a process is writing it.
        KitError: something is wrong.
    """
    with Busy() as busy:
        busy("verifying the run")
        from kit.config import find
        from kit.pipeline.verify import verify

        run = find_run(name) if name else newest_run(find(config).stem)
        found = verify(run)
    for one in found.findings:
        click.echo(str(one))
    if found.findings:
        raise KitError(str(found), where=str(run.path), hint=found.repair)
    click.echo(f"{run.path}: {found}")
