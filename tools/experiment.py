"""Train single networks for a row of EXPERIMENTS.md, and compare them with those of an earlier row.

\b
    python tools/experiment.py base
    python tools/experiment.py longer --set training.epochs=72 --against base

Networks are kept in experiments/NAME, which git ignores; the same command trains what is missing.
"""  # noqa: D301 - click wants \b as it is

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from kit import metrics
from kit.config import Config, load
from kit.data import dataset
from kit.errors import KitError, UserError
from kit.pipeline.cross_validation import all_folds
from kit.store import Member, MemberResult, Run
from kit.training import machine
from kit.training.executor import Crew
from kit.training.plan import make_jobs, setting
from kit.tuning.trial import training_arrays

FOLDER = Path("experiments")

Results = Mapping[tuple[int, int], MemberResult]
"""What the networks of an experiment gave, by fold and seed."""


@dataclass(frozen=True)
class Row:
    """Means over seeds of single networks; `errors` are those in all of the folds.

    Attributes:
        difference: of the log loss against another experiment, paired by row; None without one.
        cells: the same for each fold and seed.
        seconds: the median of what a network took.
    """

    log_loss: float
    errors: float
    difference: metrics.Difference | None
    cells: tuple[float, ...]
    seconds: float

    def __str__(self) -> str:
        told = ["", f"{self.log_loss:.5f}", f"{self.errors:g}"]
        if self.difference:
            mean, low, high = self.difference
            told += [f"{mean:.5f} ({low:.5f} to {high:.5f})", " ".join(f"{one:.4f}" for one in self.cells)]
        return " | ".join([*told, f"{self.seconds:.0f}", ""]).strip()


def judge(own: Results, other: Results | None, labels: NDArray[np.integer]) -> Row:
    """Return the row of an experiment.

    Args:
        own: its networks.
        other: those to compare with, the same folds and seeds among them.
        labels: (training rows,).

    Raises:
        UserError: the other experiment lacks a network, or held out other rows.
    """
    losses = {cell: metrics.row_losses(one.val_probs, labels[one.val_rows]) for cell, one in own.items()}
    wrong = [np.sum(one.val_probs.argmax(axis=1) != labels[one.val_rows]) for one in own.values()]
    seeds = len({seed for _, seed in own})
    difference, cells = None, {}
    if other is not None:
        for cell, one in own.items():
            if cell not in other or not np.array_equal(other[cell].val_rows, one.val_rows):
                raise UserError(
                    f"the other experiment did not hold out the rows of fold {cell[0]}, seed {cell[1]}"
                )
            cells[cell] = losses[cell] - metrics.row_losses(other[cell].val_probs, labels[one.val_rows])
        # A row's difference is the mean over seeds: seeds share rows, which are what is drawn.
        folds = sorted({fold for fold, _ in own})
        rows = [np.mean([cells[cell] for cell in own if cell[0] == fold], axis=0) for fold in folds]
        paired = np.concatenate(rows)
        difference = metrics.paired_bootstrap(paired, np.zeros_like(paired))
    return Row(
        log_loss=float(np.mean([loss.mean() for loss in losses.values()])),
        errors=float(np.sum(wrong)) / seeds,
        difference=difference,
        cells=tuple(float(one.mean()) for one in cells.values()),
        seconds=float(np.median([one.history["seconds"] for one in own.values()])),
    )


def train(run: Run, config: Config, data: dataset.Dataset, folds: Sequence[int], jobs: int) -> Results:
    """Train what is missing of an experiment, and return all of it.

    Raises:
        UserError: the configuration has several models, or the folder holds another experiment.
        KitError: a training failed.
    """
    if len(config.models) > 1:
        raise UserError("an experiment is about one model", received=", ".join(config.models))
    chosen = setting(config)
    (model,) = config.models
    members = [Member(model, fold, seed) for seed in config.seeds for fold in folds]
    digest = config.digest(fingerprint=data.fingerprint, **chosen.decides())
    if run.exists() and run.info()["hash"] != digest:
        raise UserError("that is another experiment", where=str(run.path), hint="choose another name")
    run.write_info({"hash": digest})
    todo = [member for member in members if not run.has(member)]
    crew = Crew(jobs, pinned=True, on_progress=lambda _: None, on_retry=lambda *_: None)
    with training_arrays(data) as folder:
        planned = make_jobs(todo, config, chosen, all_folds(data, config), folder)
        with crew.train(planned) as outcomes:
            for job, outcome in outcomes:
                if isinstance(outcome, KitError):
                    raise outcome
                run.write_member(job.member, outcome)
                click.echo(f"{job.member}: {outcome.history['seconds']:.0f} s", err=True)
    return {(member.fold, member.seed): run.read_member(member) for member in members}


@click.command(help=__doc__)
@click.argument("name")
@click.option("-c", "--config", "config_name", default="default", show_default=True)
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE")
@click.option("--against", metavar="NAME", help="An earlier experiment.")
@click.option("--folds", default="0,1", show_default=True, help="Which of the configuration's folds.")
@click.option("--seeds", default="0,1", show_default=True)
@click.option("--jobs", default=machine.cores, type=int, help="Networks at once.  [default: one a core]")
def main(
    *,
    name: str,
    config_name: str,
    changes: Sequence[str],
    against: str | None,
    folds: str,
    seeds: str,
    jobs: int,
) -> None:
    """Train, compare and print a row, and one of the means over views where there are such."""
    config = load(config_name, [*changes, f"seeds=[{seeds}]"])
    data = dataset.load(config)
    other = _read(against) if against else None
    own = train(Run(FOLDER / name), config, data, [int(fold) for fold in folds.split(",")], jobs)
    click.echo(
        "| log loss | errors |" + (" difference (95 % interval) | cells |" if other else "") + " seconds |"
    )
    click.echo(judge(own, other, data.train_labels))
    if any(one.val_probs_tta is not None for one in own.values()):
        views = {cell: one.with_views() for cell, one in own.items()}
        theirs = other and {cell: one.with_views() for cell, one in other.items()}
        click.echo(f"{judge(views, theirs, data.train_labels)} (mean of views)")


def _read(name: str) -> Results:
    earlier, results = Run(FOLDER / name), {}
    if not earlier.exists():
        raise UserError("there is no such experiment", where="--against", received=name)
    for path in earlier.path.glob("members/*.npz"):
        model, fold, seed = path.stem.rsplit("-", 2)
        member = Member(model, int(fold.removeprefix("f")), int(seed.removeprefix("s")))
        results[member.fold, member.seed] = earlier.read_member(member)
    return results


if __name__ == "__main__":
    try:
        main()
    except KitError as error:
        sys.exit(str(error))
