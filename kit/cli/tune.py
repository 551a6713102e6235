"""`kit tune`: search for a better configuration."""

import shlex
import sys

import click

from kit.cli import options
from kit.cli.browser import open_page
from kit.cli.busy import Busy


@click.command(
    epilog="\b\nExample:\n  kit tune -c quick --timeout 4m\n"
    "  kit tune -c lenet-regularized --timeout 1h\n"
    "  kit tune -c tune-wide --trials 100 --storage sqlite:///shared.db\n"
    "  kit tune -c tune-wide --warm-start quick-1a2b3c4d\n"
    "  kit tune -c tune-wide --on tcp://10.0.0.5:8786"
)
@options.config
@options.changes
@click.option(
    "--trials",
    type=click.IntRange(min=1),
    metavar="N",
    help="Trials of the study, over all calls and processes.  [default: as many as time allows]",
)
@click.option(
    "--timeout",
    type=options.Duration(),
    help="Time limit of this call, confirmation included.  [default: tune.minutes; with --trials: none]",
)
@click.option("--study", "name", metavar="NAME", help="Name of the study.  [default: CONFIG-HASH]")
@click.option(
    "--storage",
    type=options.Storage(),
    metavar="URL",
    help="Optuna storage, as in sqlite:///tune.db.  [default: under runs/]",
)
@click.option(
    "--warm-start",
    type=options.StudyName(),
    metavar="STUDY",
    help="Earlier study on the same data, whose best trials a new study trains first.",
)
@click.option(
    "--jobs",
    type=options.Jobs(),
    default="auto",
    show_default=True,
    help="Parallel trials (auto: one per core, or one per GPU).",
)
@options.on
@options.allow_different
@options.as_json
@options.open_page
def command(  # noqa: PLR0917 - click passes them by name
    config: str,
    changes: tuple[str, ...],
    trials: int | None,
    timeout: float | None,
    name: str | None,
    storage: str | None,
    warm_start: str | None,
    jobs: int | None,
    on: str,
    allow_different: bool,
    as_json: bool,
    open_: bool,
) -> None:
    """Search for a better configuration with Optuna, and confirm it.

    The first trial is the configuration itself. The best trials are trained again on folds and seeds that the
    search did not use, and the best one of these is compared with the configuration. If it is better there,
    too, configs/tuned-STUDY.yaml is written for kit cv.
    Rerun the same command to resume the study; several processes can share it.
    """
    with Busy() as busy:
        busy("loading kit")
        from rich.console import Console

        from kit.cli.tuning_progress import TuningTerminal
        from kit.masking import masked
        from kit.pipeline.cluster import launcher_on
        from kit.pipeline.tune import tune
        from kit.reports.study.terminal import render_study

    with (
        TuningTerminal() as terminal,
        launcher_on(on, terminal.say, allow_different=allow_different) as launcher,
    ):
        report, page = tune(
            config,
            changes,
            terminal,
            trials=trials,
            seconds=timeout,
            name=name,
            storage=storage,
            warm_start=warm_start,
            jobs=jobs,
            launcher=launcher,
            command=shlex.join(["kit", *map(masked, sys.argv[1:])]),
        )
    if as_json:
        click.echo(report.model_dump_json(indent=2))
    else:
        render_study(report, Console(), page)
    if open_:
        open_page(page)
