"""Train single networks for a row of EXPERIMENTS.md, and compare them with those of an earlier row.

\b
    python tools/experiment.py base --set models.wide_view=null
    python tools/experiment.py longer --set models.wide_view=null --set training.epochs=30 --against base

With blend.calibrate their log losses are those of calibrated probabilities. Networks are kept in
experiments/NAME, which git ignores; the same command trains what is missing.
"""  # noqa: D301 - click wants \b as it is

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from kit import metrics
from kit.config import Config, load
from kit.data import dataset
from kit.ensembling.calibration import fitted_temperature, raised
from kit.errors import KitError, UserError
from kit.members import Member, MemberResult
from kit.pipeline.cv import folds_by_seed
from kit.runs import Run
from kit.training import machine
from kit.training.launch.base import DataFolder
from kit.training.launch.devices import assign
from kit.training.launch.local import LocalLauncher
from kit.training.launch.pool import WorkerPool
from kit.training.plan import make_jobs, resolve_numerics
from kit.tuning.trial import TEST_ROWS

FOLDER = Path("experiments")

Results = Mapping[tuple[int, int], MemberResult]
"""What the networks of an experiment gave, by fold and seed."""


@dataclass(frozen=True)
class Row:
    """Means over seeds of single networks; `errors` are those in all of the folds.

    Attributes:
        difference: of the log loss against another experiment, paired by row; None without one.
        cells: the same for each seed of the first fold, then of the next.
        seconds: the median of what a network took.
    """

    log_loss: float
    errors: float
    difference: metrics.Difference | None
    cells: tuple[float, ...]
    seconds: float

    def __str__(self) -> str:
        told = [f"{self.log_loss:.5f}", f"{self.errors:g}"]
        if self.difference:
            mean, low, high = self.difference
            told += [f"{mean:.5f} ({low:.5f} to {high:.5f})", " ".join(f"{one:.4f}" for one in self.cells)]
        return " | ".join([*told, f"{self.seconds:.0f}"])


def judge(own: Results, other: Results | None, labels: NDArray[np.integer]) -> Row:
    """Return the row of an experiment.

    Args:
        own: its networks; those of a fold hold out the same rows, whatever their seed.
        other: those to compare with, the same folds and seeds among them.
        labels: (training rows,).
    """
    losses = {cell: _losses(own[cell], labels) for cell in sorted(own)}
    wrong = [np.sum(one.val_probs.argmax(axis=1) != labels[one.val_rows]) for one in own.values()]
    difference, cells = None, {}
    if other is not None:
        cells = {cell: loss - _losses(other[cell], labels) for cell, loss in losses.items()}
        # Rows are what is drawn, and seeds share them: a row's difference is the mean over seeds.
        folds = sorted({fold for fold, _ in own})
        paired = np.concatenate(
            [np.mean([one for cell, one in cells.items() if cell[0] == fold], axis=0) for fold in folds]
        )
        difference = metrics.paired_bootstrap(paired, np.zeros_like(paired))
    return Row(
        log_loss=float(np.mean([loss.mean() for loss in losses.values()])),
        errors=float(np.sum(wrong)) / len({seed for _, seed in own}),
        difference=difference,
        cells=tuple(float(one.mean()) for one in cells.values()),
        seconds=float(np.median([one.history["seconds"] for one in own.values()])),
    )


def _losses(result: MemberResult, labels: NDArray[np.integer]) -> NDArray[np.float64]:
    return metrics.row_losses(result.val_probs, labels[result.val_rows])


def calibrated(results: Results, labels: NDArray[np.integer]) -> Results:
    """Return the networks with probabilities raised to the power that suits the other folds of their seed."""
    done = {}
    for (fold, seed), one in results.items():
        others = [other for (of, its), other in results.items() if its == seed and of != fold]
        rows, probs = zip(*[(other.val_rows, other.val_probs) for other in others], strict=True)
        power = fitted_temperature(np.concatenate(probs), labels[np.concatenate(rows)])
        done[fold, seed] = replace(one, val_probs=raised(one.val_probs, power).astype(np.float32))
    return done


def train(run: Run, config: Config, data: dataset.Dataset, folds: Sequence[int], jobs: int) -> Results:
    """Train what is missing of an experiment, and return all of it.

    Raises:
        UserError: the folder holds another experiment.
        KitError: a training failed.
    """
    chosen = resolve_numerics(config)
    (model,) = config.models
    members = [Member(model, fold, seed) for seed in config.seeds for fold in folds]
    digest = config.digest(fingerprint=data.fingerprint, **chosen.hash_fields())
    if run.exists() and run.info()["hash"] != digest:
        raise UserError("that is another experiment", where=str(run.path), hint="choose another name")
    run.write_info({"hash": digest, "model": model})
    todo = [member for member in members if not run.has(member)]
    launcher = LocalLauncher()
    devices = assign(launcher.devices(chosen.backend), jobs)
    pool = WorkerPool(
        launcher, devices, DataFolder.of(data), on_progress=lambda _: None, on_retry=lambda *_: None
    )
    planned = make_jobs(todo, config, chosen, folds_by_seed(data, config), data, test_rows=TEST_ROWS)
    with pool.train(planned) as outcomes:
        for job, outcome in outcomes:
            if isinstance(outcome, KitError):
                raise outcome
            run.write_member(job.member, outcome)
            click.echo(f"{job.member}: {outcome.history['seconds']:.0f} s", err=True)
    return {(member.fold, member.seed): run.read_member(member) for member in members}


def earlier(name: str, config: Config, data: dataset.Dataset, folds: Sequence[int]) -> Results:
    """Return the networks of an experiment that was made before.

    Raises:
        UserError: there is none, or it lacks a fold and seed of `config`, or held out other rows.
    """
    run, results = Run(FOLDER / name), {}
    if not run.exists():
        raise UserError("there is no such experiment", where="--against", received=name)
    held_out = folds_by_seed(data, config)[0]
    for fold, seed in product(folds, config.seeds):
        member = Member(run.info()["model"], fold, seed)
        own = run.read_member(member) if run.has(member) else None
        if own is None or not np.array_equal(own.val_rows, np.flatnonzero(held_out == fold)):
            what = "has no network of" if own is None else "held out other rows in"
            raise UserError(
                f"{name} {what} fold {fold}, seed {seed}",
                where="--against",
                hint="train it with these --folds and --seeds, folds.count and folds.seed",
            )
        results[fold, seed] = own
    return results


def check(config: Config, folds: Sequence[int]) -> None:
    """Check that there is one model to judge, on the same rows for every seed, and that the folds exist.

    Raises:
        UserError: it is not so.
    """
    if len(config.models) > 1:
        raise UserError(
            "too many models",
            where="models",
            expected="one",
            received=", ".join(config.models),
            hint=f"leave one out with --set models.{list(config.models)[-1]}=null",
        )
    if config.folds.reshuffle:
        raise UserError(
            "every seed has other folds", where="folds.reshuffle", expected="false", received="true"
        )
    if config.blend.calibrate and len(folds) == 1:
        raise UserError(
            "one fold has no other to be calibrated on", where="--folds", expected="two or more", received="1"
        )
    for fold in folds:
        if not 0 <= fold < config.folds.count:
            raise UserError(
                "no such fold",
                where="--folds",
                expected=f"0 to {config.folds.count - 1}",
                received=str(fold),
            )


def numbers(_: click.Context, __: click.Parameter, value: str) -> list[int]:
    """Return the distinct numbers of a list such as 0,1."""
    try:
        return sorted({int(one) for one in value.split(",")})
    except ValueError as error:
        raise click.BadParameter(f"expected numbers, as in 0,1; received {value!r}") from error


@click.command(help=__doc__)
@click.argument("name")
@click.option("-c", "--config", "config_name", default="default", show_default=True)
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE")
@click.option("--against", metavar="NAME", help="An earlier experiment.")
@click.option(
    "--folds", default="0,1", show_default=True, callback=numbers, help="Which of the configuration's folds."
)
@click.option("--seeds", default="0,1", show_default=True, callback=numbers)
@click.option("--jobs", default=machine.cores, type=int, help="Networks at once.  [default: one a core]")
def main(
    *,
    name: str,
    config_name: str,
    changes: Sequence[str],
    against: str | None,
    folds: Sequence[int],
    seeds: Sequence[int],
    jobs: int,
) -> None:
    """Train, compare and print the figures of a row; where networks have views, of their means too."""
    config = load(config_name, [*changes, f"seeds={list(seeds)}"])
    check(config, folds)
    data = dataset.load(config)
    other = earlier(against, config, data, folds) if against else None
    own, labels = train(Run(FOLDER / name), config, data, folds, jobs), data.train_labels
    rated = partial(calibrated, labels=labels) if config.blend.calibrate else dict
    compared = " difference (95 % interval) | cells (fold by fold, a seed each) |" if other else ""
    click.echo(f"log loss | errors |{compared} seconds")
    click.echo(judge(rated(own), other and rated(other), labels))
    if _has_views(own) and (other is None or _has_views(other)):
        views = {cell: one.with_views() for cell, one in own.items()}
        theirs = other and {cell: one.with_views() for cell, one in other.items()}
        click.echo(f"{judge(rated(views), theirs and rated(theirs), labels)} (means of views)")
        click.echo(f"{judge(rated(views), rated(own), labels)} (means of views against one view)")


def _has_views(results: Results) -> bool:
    return all(one.val_probs_tta is not None for one in results.values())


if __name__ == "__main__":
    try:
        main()
    except KitError as error:
        sys.exit(str(error))
