"""`kit ensemble`: combine the columns of several runs."""

from collections.abc import Sequence
from typing import get_args

import click

from kit.cli import options
from kit.cli.busy import Busy
from kit.cli.report import show
from kit.config.root import Method
from kit.errors import UserError
from kit.metrics import METRICS
from kit.run_folder import Run, find_run


@click.command(
    epilog="\b\nExample:\n  kit ensemble default baselines\n"
    "  kit ensemble default baselines --method weighted --name final\n"
    "  kit submit final"
)
@click.argument("runs", type=options.RunName(), nargs=-1, required=True, metavar="RUN…")
@click.option(
    "--method",
    type=click.Choice(get_args(Method)),
    default="auto",
    show_default=True,
    help="How columns are combined; auto: mean, unless another method is clearly better.",
)
@click.option("--name", metavar="NAME", help="Name of the ensemble (default: ensemble-HASH).")
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="KEY=VALUE",
    help="Set ensemble.tta or ensemble.calibrate to true or false; repeatable.",
)
@click.option("--fresh", is_flag=True, help="Replace an ensemble of this name.")
@options.as_json
@options.open_page
def command(
    *,
    runs: tuple[str, ...],
    method: str,
    name: str | None,
    changes: tuple[str, ...],
    fresh: bool,
    as_json: bool,
    open_: bool,
) -> None:
    """Combine the columns of each RUN, a name or a path, into one ensemble.

    A column is one model with one seed. The ensemble is stored like a run: report, compare and submit accept
    it. Every method is scored out of fold: a fitted one on rows that its weights were not fitted on.
    """
    with Busy() as busy:
        busy("reading the runs")
        from kit.pipeline.ensemble import Settings, ensemble

        def say(text: str) -> None:
            busy.say(text)
            busy("fitting and comparing the methods")

        settings = Settings(method, **dict(map(_setting, changes)))
        sources = [find_run(one) for one in runs]
        run, complete = ensemble(sources, settings, say, name=name, fresh=fresh)
        busy("comparing the ensemble with the best of its runs")
        gain, step = ("", None) if as_json else _gain(run, sources)
    if complete:
        click.echo(f"{run.path} is complete; --fresh combines again.\n", err=True)
    show(run, as_json=as_json, open_=open_, gain=gain, step=step)


def _gain(run: Run, sources: Sequence[Run]) -> tuple[str, tuple[str, str] | None]:
    """Return how an ensemble compares with the best of its runs, and what to submit if that is better."""
    from kit.pipeline.compare import compare
    from kit.reports.compare.wording import verdict
    from kit.reports.run.commands import submission_of

    try:
        metric = METRICS[run.read_report().metric]
        best = min(sources, key=lambda one: one.read_report().oof.rank(metric))
        comparison = compare([best, run])
    except UserError:  # a run without report.json or oof.csv can be combined, but not compared
        return "", None
    [pair] = comparison.pairs
    is_worse = pair.verdict == "worse" and not comparison.sample
    return verdict(pair, metric), submission_of(best.name) if is_worse else None


def _setting(change: str) -> tuple[str, bool]:
    """Return key and value of --set.

    Raises:
        UserError: another key or value.
    """
    key, _, value = change.partition("=")
    keys, values = [f"ensemble.{name}" for name in ("tta", "calibrate")], {"true": True, "false": False}
    if key not in keys or value.lower() not in values:
        hint = "--method chooses the method; everything else was decided when the runs were trained"
        raise UserError(
            "not a setting of an ensemble of runs",
            where="--set",
            expected=f"{' or '.join(keys)}, =true or =false",
            received=change,
            hint=hint,
        )
    return key.removeprefix("ensemble."), values[value.lower()]
