"""Replay strategies of `kit tune` on recorded trials: what each gains in an hour of simulated time.

    python -m tests.benchmarks.replay --hours 200
    python -m tests.benchmarks.replay --strategy new --vary reserve=0.3,0.5,0.7

Losses come from a Gaussian process that is fitted to the table; samplers, pruners and the race are the real
ones.
Gains are true ones of the confirmed trial, in percent of the baseline's loss, with 95 % intervals.
"""

import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from kit.config import Source
from kit.tuning.space import make_space
from tests.benchmarks.replay.record import read
from tests.benchmarks.replay.results import Gains, share
from tests.benchmarks.replay.strategies import STRATEGIES, Strategy, named
from tests.benchmarks.replay.studies import Plan, simulated
from tests.benchmarks.replay.surrogate import Surrogate, Table, checked
from tests.benchmarks.replay.world import ROW_SHARE, SEED_SHARE, Noise

TABLE = Path(__file__).with_name("table.csv")
HEAD = (
    "strategy",
    "trials",
    "best trial, %",
    "confirmed, %",
    "false, %",
    "mean gain, %",
    "median gain, %",
    "ratio of means",
    "equal: confirmed, %",
    "none better: confirmed, %",
)


def _varied(strategies: Sequence[Strategy], varied: Iterable[str]) -> list[Strategy]:
    """Return the strategies; with `FIELD=VALUE,…` each one once per value.

    Raises:
        click.BadParameter: there is no such field or value.
    """
    found = list(strategies)
    for one in varied:
        field, _, values = one.partition("=")
        try:
            found = [each.varied(field, text) for each in found for text in values.split(",")]
        except ValueError as error:
            raise click.BadParameter(str(error)) from error
    return found


def _described(surrogate: Surrogate, noise: Noise) -> str:
    check = checked(surrogate)
    epochs, near = (", ".join(f"{one:.2f}" for one in found) for found in (check.epochs, check.near_epochs))
    return (
        f"{len(surrogate.points)} configurations, two folds each. "
        f"Noise of a training with half of the rows held out: {100 * noise.half:.1f} %.\n"
        "Rank correlations: prediction from the others and measured mean "
        f"{check.prediction:.2f}, in the best third {check.near:.2f}; two folds {check.folds:.2f}; "
        f"each epoch and the last {epochs}, in the best third {near}."
    )


@click.command()
@click.argument("table", type=click.Path(path_type=Path, exists=True), default=TABLE)
@click.option("--strategy", "names", multiple=True, help="By name; default: present and new.")
@click.option(
    "--vary", multiple=True, metavar="FIELD=V1,V2", help="Other values of a field of each strategy."
)
@click.option("--hours", default=200, show_default=True, help="Simulated hours, in studies of --minutes.")
@click.option(
    "--no-effect-hours", default=0, help="The same for the two tables without a better configuration."
)
@click.option("--minutes", default=60, show_default=True, help="Time limit of a study.")
@click.option("--seed", default=0, show_default=True, help="Of the first study.")
@click.option(
    "--noise", type=float, help="Noise of a training, half of the rows held out; default: the table's."
)
@click.option(
    "--row-share", default=ROW_SHARE, show_default=True, help="Variance that a configuration's rows share."
)
@click.option(
    "--seed-share", default=SEED_SHARE, show_default=True, help="Variance that a training's rows share."
)
@click.option("--scale", default=1.0, show_default=True, help="Multiplies the differences of the table.")
@click.option("--jobs", default=1, show_default=True, help="Processes.")
@click.option("--list", "is_list", is_flag=True, help="List the strategies.")
def main(  # noqa: PLR0917 - one per option
    table: Path,
    names: tuple[str, ...],
    vary: tuple[str, ...],
    hours: int,
    no_effect_hours: int,
    minutes: int,
    seed: int,
    noise: float | None,
    row_share: float,
    seed_share: float,
    scale: float,
    jobs: int,
    is_list: bool,
) -> None:
    """Compare strategies on TABLE, a file that tests.benchmarks.replay.record has written."""
    if is_list:
        for one in STRATEGIES:
            click.echo(f"{one.name}: {one.search} {one.confirming}")
        return
    try:
        strategies = _varied(named(names or ("present", "new")), vary)
        recorded = Table.of(read(table))
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    space, began = make_space(Source.read("lenet-regularized")), time.monotonic()
    surrogate = Surrogate(recorded, space)
    drawn = Noise(recorded.noise if noise is None else noise, row_share, seed_share)
    click.echo(_described(surrogate, drawn))
    plan = Plan(strategies, surrogate, space, drawn, 60.0 * minutes, scale)
    seeds, others = (range(seed, seed + count * 60 // minutes) for count in (hours, no_effect_hours))
    gains = [Gains.of(one) for one in simulated(plan, "table", seeds, jobs)]
    shares = [["" for _ in strategies] for _ in range(2)]
    if others:
        shares = [
            [
                share([study.confirmed for study in one]).text()
                for one in simulated(plan, effect, others, jobs)
            ]
            for effect in ("equal", "none better")
        ]
    click.echo("\n| " + " | ".join(HEAD) + " |\n|" + " --- |" * len(HEAD))
    for strategy, own, equal, none_better in zip(strategies, gains, *shares, strict=True):
        cells = (*_cells(strategy, own, gains[0]), equal, none_better)
        click.echo("| " + " | ".join(cells) + " |")
    click.echo(f"\n{len(seeds)} studies of {minutes} minutes; {time.monotonic() - began:.0f} s")


def _cells(strategy: Strategy, own: Gains, first: Gains) -> Sequence[str]:
    ratio = own.mean.value / first.mean.value if first.mean.value else float("inf")
    return (
        strategy.name,
        f"{own.trials:.0f}",
        f"{100 * own.found:.1f}",
        own.confirmed.text(digits=0),
        own.false.text(),
        own.mean.text(),
        own.median.text(),
        f"{ratio:.2f}",
    )


if __name__ == "__main__":
    main()
