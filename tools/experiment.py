"""Train single networks for a row of docs/experiments.md, and compare them with an earlier row.

\b
    python tools/experiment.py base --set models.wide_view=null
    python tools/experiment.py longer --set models.wide_view=null --set training.epochs=30 --against base

With ensemble.calibrate, log losses are those of calibrated probabilities. Networks are stored in
experiments/NAME, which git ignores. Rerun the same command to train missing networks.
"""  # noqa: D301 - click needs \b unescaped

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
from kit.cores import cores
from kit.data import source
from kit.data.dataset import Dataset
from kit.data.folds import folds_by_seed
from kit.ensembling.calibration import fitted_temperature, scaled
from kit.errors import KitError, UserError
from kit.files import read_json, write_json
from kit.members import Member, MemberResult
from kit.run_folder import Run
from kit.training.launch.base import DataFolder
from kit.training.launch.devices import assign
from kit.training.launch.local import LocalLauncher
from kit.training.launch.pool import WorkerPool
from kit.training.plan import make_jobs, resolve_numerics
from kit.tuning.trial import TEST_ROWS

FOLDER = Path("experiments")

Results = Mapping[tuple[int, int], MemberResult]
"""Results of an experiment's networks, by fold and seed."""


@dataclass(frozen=True)
class Row:
    """Means over seeds of single networks; `errors` is the sum over folds.

    Attributes:
        difference: difference in log loss from another experiment, paired by row; None without one.
        replicates: the same per replicate, ordered by fold and seed.
        seconds: median training time of a network.
    """

    loss: float
    errors: float
    difference: metrics.Difference | None
    replicates: tuple[float, ...]
    seconds: float

    def __str__(self) -> str:
        parts = [f"{self.loss:.5f}", f"{self.errors:g}"]
        if self.difference:
            mean, low, high = self.difference
            parts.append(f"{mean:.5f} ({low:.5f} to {high:.5f})")
            parts.append(" ".join(f"{one:.4f}" for one in self.replicates))
        return " | ".join([*parts, f"{self.seconds:.0f}"])


def judge(own: Results, other: Results | None, labels: NDArray[np.integer]) -> Row:
    """Return the row of an experiment.

    Args:
        own: its networks; all seeds of a fold hold out the same rows.
        other: networks to compare with, with at least the same folds and seeds.
        labels: (training rows,).
    """
    losses = {replicate: _losses(own[replicate], labels) for replicate in sorted(own)}
    wrong = [np.sum(one.val_probs.argmax(axis=1) != labels[one.val_rows]) for one in own.values()]
    difference, differences = None, {}
    if other is not None:
        differences = {
            replicate: loss - _losses(other[replicate], labels) for replicate, loss in losses.items()
        }
        # The bootstrap resamples rows, which seeds share: a row's difference is the mean over seeds.
        folds = sorted({fold for fold, _ in own})
        paired = np.concatenate(
            [np.mean([one for key, one in differences.items() if key[0] == fold], axis=0) for fold in folds]
        )
        difference = metrics.paired_bootstrap(paired, np.zeros_like(paired))
    return Row(
        loss=float(np.mean([loss.mean() for loss in losses.values()])),
        errors=float(np.sum(wrong)) / len({seed for _, seed in own}),
        difference=difference,
        replicates=tuple(float(one.mean()) for one in differences.values()),
        seconds=float(np.median([one.history.seconds for one in own.values()])),
    )


def _losses(result: MemberResult, labels: NDArray[np.integer]) -> NDArray[np.float64]:
    return metrics.row_losses(result.val_probs, labels[result.val_rows])


def calibrated(results: Results, labels: NDArray[np.integer]) -> Results:
    """Return results calibrated with the temperature fitted on the other folds of the same seed."""
    done = {}
    for (fold, seed), one in results.items():
        others = [other for (of, its), other in results.items() if its == seed and of != fold]
        rows, probs = zip(*[(other.val_rows, other.val_probs) for other in others], strict=True)
        temperature = fitted_temperature(np.concatenate(probs), labels[np.concatenate(rows)])
        done[fold, seed] = replace(one, val_probs=scaled(one.val_probs, temperature).astype(np.float32))
    return done


def train(run: Run, config: Config, data: Dataset, folds: Sequence[int], jobs: int) -> Results:
    """Train the missing networks of an experiment, and return all results.

    Raises:
        UserError: the folder contains another experiment.
        KitError: a training failed.
    """
    chosen = resolve_numerics(config)
    (model,) = config.models
    members = [Member(model, fold, seed) for seed in config.seeds for fold in folds]
    digest = config.digest(fingerprint=data.fingerprint, **chosen.hash_fields())
    if run.exists() and read_json(run.info_path)["hash"] != digest:
        raise UserError("that is another experiment", where=str(run.path), hint="choose another name")
    write_json(run.info_path, {"hash": digest, "model": model})
    todo = [member for member in members if not run.has(member)]
    launcher = LocalLauncher()
    devices = assign(launcher.devices(chosen.backend), jobs)
    pool = WorkerPool(
        launcher, devices, DataFolder.of(data), on_progress=lambda *_: None, on_retry=lambda *_: None
    )
    held_out = folds_by_seed(data, config.folds, config.seeds)
    planned = make_jobs(todo, config, chosen, held_out, data, test_rows=TEST_ROWS)
    with pool.train(planned) as outcomes:
        for job, outcome in outcomes:
            if isinstance(outcome, KitError):
                raise outcome
            run.write_member(job.member, outcome)
            click.echo(f"{job.member}: {outcome.history.seconds:.0f} s", err=True)
    return {(member.fold, member.seed): run.read_member(member) for member in members}


def earlier(name: str, config: Config, data: Dataset, folds: Sequence[int]) -> Results:
    """Return the results of an earlier experiment.

    Raises:
        UserError: it does not exist, lacks a fold or seed of `config`, or held out other rows.
    """
    run, results = Run(FOLDER / name), {}
    if not run.exists():
        raise UserError("there is no such experiment", where="--against", received=name)
    held_out = folds_by_seed(data, config.folds, config.seeds)[0]
    for fold, seed in product(folds, config.seeds):
        member = Member(read_json(run.info_path)["model"], fold, seed)
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
    """Check that there is exactly one model, with the same folds for every seed, and that the folds exist.

    Raises:
        UserError: one of these conditions is not met.
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
    if config.ensemble.calibrate and len(folds) == 1:
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
    """Return the distinct numbers in text such as 0,1."""
    try:
        return sorted({int(one) for one in value.split(",")})
    except ValueError as error:
        raise click.BadParameter(f"expected numbers, as in 0,1; received {value!r}") from error


@click.command(help=__doc__)
@click.argument("name")
@click.option("-c", "--config", "config_name", default="default", show_default=True)
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE")
@click.option("--against", metavar="NAME", help="Earlier experiment to compare with.")
@click.option("--folds", default="0,1", show_default=True, callback=numbers, help="Folds to train.")
@click.option("--seeds", default="0,1", show_default=True, callback=numbers)
@click.option("--jobs", default=cores, type=int, help="Parallel workers.  [default: one per core]")
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
    """Train, compare and print one row, and a second one for the means over views if there are views."""
    config = load(config_name, [*changes, f"seeds={list(seeds)}"])
    check(config, folds)
    data = source.load(config)
    other = earlier(against, config, data, folds) if against else None
    own, labels = train(Run(FOLDER / name), config, data, folds, jobs), data.train_labels
    rated = partial(calibrated, labels=labels) if config.ensemble.calibrate else dict
    compared = " difference (95 % interval) | replicates (by fold, then seed) |" if other else ""
    click.echo(f"log loss | errors |{compared} seconds")
    click.echo(judge(rated(own), other and rated(other), labels))
    if _has_views(own) and (other is None or _has_views(other)):
        views = {key: one.with_views() for key, one in own.items()}
        theirs = other and {key: one.with_views() for key, one in other.items()}
        click.echo(f"{judge(rated(views), theirs and rated(theirs), labels)} (means of views)")
        click.echo(f"{judge(rated(views), rated(own), labels)} (means of views against one view)")


def _has_views(results: Results) -> bool:
    return all(one.val_probs_tta is not None for one in results.values())


if __name__ == "__main__":
    try:
        main()
    except KitError as error:
        sys.exit(str(error))
