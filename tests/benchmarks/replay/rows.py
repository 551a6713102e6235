"""Measure how much of the noise of a training comes from its held-out rows, and what trainings share of it.

    python -m tests.benchmarks.replay.rows --configuration 0,8,1003 --epochs 10

Each configuration is trained with two seeds on the same rows. The shares of the noise in `world` come from
this command.
"""

import math
from itertools import combinations, product
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np

from kit.config import Source
from kit.data.dataset import open_folder
from kit.data.layout import SAMPLE, locate
from kit.metrics import row_losses
from kit.training.launch.base import DataFolder
from kit.training.launch.devices import assign
from kit.training.launch.local import LocalLauncher
from kit.training.launch.session import Session
from kit.training.plan import resolve_numerics
from tests.benchmarks.replay.record import Recorder, Training, numbers
from tests.benchmarks.replay.surrogate import FOLDS, Floats

RESAMPLES = 500


class Shared(NamedTuple):
    """Standard deviations of the mean loss, as shares of it.

    Attributes:
        rows: of one training, over the held-out rows, if another seed has other errors.
        common: of all trainings of a configuration, over all rows, in half of the variance of a difference.
    """

    rows: float
    common: float


def shared(losses: Floats) -> Shared:
    """Return what the rows explain.

    Args:
        losses: (configurations, 2 seeds, rows) of the rows that one of FOLDS folds holds out.
    """
    mean, count = losses.mean(), losses.shape[-1]
    own = np.mean([np.var(first - second) / 2 for first, second in losses])
    # Between different seeds, so that only what both trainings of a configuration repeat is left.
    repeated = [
        np.cov(one[0] - other[0], one[1] - other[1])[0, 1] / 2 for one, other in combinations(losses, 2)
    ]
    common = max(0.0, float(np.mean(repeated)))
    return Shared(
        math.sqrt(float(own) / count) / float(mean), math.sqrt(common / count / FOLDS) / float(mean)
    )


def interval(losses: Floats) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of `Shared.common` over rows."""
    random, count = np.random.default_rng(0), losses.shape[-1]
    found = [shared(losses[:, :, random.integers(count, size=count)]).common for _ in range(RESAMPLES)]
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)


@click.command()
@click.option("-c", "config_name", default="lenet-regularized", show_default=True, help="The configuration.")
@click.option(
    "--configuration", default="0,8,1003", callback=numbers, show_default=True, help="Configurations."
)
@click.option("--rows", default=0, help="Training rows; 0: all.")
@click.option("--epochs", default=10, show_default=True)
def main(config_name: str, configuration: list[int], rows: int, epochs: int) -> None:
    """Train each configuration with two seeds and print the noise that their rows explain."""
    source = Source.read(config_name)
    dataset = open_folder(locate(source.config) or SAMPLE, source.config)
    recorder, launcher = Recorder(source, dataset, Path("unused.csv")), LocalLauncher()
    [device] = assign(launcher.devices(resolve_numerics(source.config).backend), 1)
    losses = []
    with Session(launcher, device, DataFolder.of(dataset)) as session:
        for number, seed in product(configuration, (0, 1)):
            result = recorder.trained(Training(number, FOLDS, 0, seed, rows, epochs), session)
            losses.append(row_losses(result.val_probs, dataset.train_labels[result.val_rows]))
    given = np.array(losses, np.float64).reshape(len(configuration), 2, -1)
    found, (low, high) = shared(given), interval(given)
    click.echo(f"noise of a training from its rows: {100 * found.rows:.1f} %")
    click.echo(f"common to trainings: {100 * found.common:.2f} % ({100 * low:.2f} to {100 * high:.2f} %)")


if __name__ == "__main__":
    main()
