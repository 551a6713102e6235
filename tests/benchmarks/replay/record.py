"""Measure random configurations of a search space: their held-out log loss after each epoch.

    python -m tests.benchmarks.replay.record trials.csv --configuration 0-149 --fold 0-1 --epochs 10

The file gets a line per training. What it has already is not trained again. Configuration 0 is the one that
is tuned; 1 to 999 are drawn at random, and 1000 to 1999 near it, the same ones in each call.
"""

import csv
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from typing import NamedTuple

import click
import numpy as np
from numpy.typing import NDArray

from kit.config import Config, Source
from kit.data.dataset import Dataset, open_folder
from kit.data.folds import folds_by_seed
from kit.data.layout import SAMPLE, locate
from kit.members import Member, MemberResult
from kit.metrics import LOSS
from kit.records import Params
from kit.training.launch.base import DataFolder, Device
from kit.training.launch.devices import assign
from kit.training.launch.local import LocalLauncher
from kit.training.launch.session import Session
from kit.training.plan import make_jobs, resolve_numerics
from kit.tuning.fidelity import trial_folds
from kit.tuning.sampling import near
from kit.tuning.space import Space, make_space
from kit.tuning.trial import TEST_ROWS

CONFIGURATIONS = 1000
"""Number of random configurations, and of those near the one that is tuned."""
PER_WORKER = 8
"""Trainings in one worker process, at most."""


class Training(NamedTuple):
    """What is trained: a configuration by its number, with `rows` of the training rows (0: all).

    Attributes:
        folds: number of folds that the rows are dealt to.
        fold: the one that is held out.
    """

    configuration: int
    folds: int
    fold: int
    seed: int
    rows: int
    epochs: int


class Measured(NamedTuple):
    """A line of the file.

    Attributes:
        training: what was trained.
        seconds: of training and prediction.
        losses: held-out log loss after each epoch.
        params: of the configuration.
    """

    training: Training
    seconds: float
    losses: tuple[float, ...]
    params: Params


def read(path: Path) -> list[Measured]:
    """Return the lines of a file that `Recorder` wrote; none if it is missing."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Measured(
                Training(*map(int, row[:6])),
                float(row[6]),
                tuple(map(float, row[7].split())),
                json.loads(row[8]),
            )
            for row in csv.reader(file)
        ]


def random_params(space: Space, count: int = CONFIGURATIONS) -> list[Params]:
    """Return the parameters of the configuration itself, then random ones."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    return [space.baseline, *(space.suggest(study.ask()) for _ in range(count - 1))]


def near_params(space: Space, count: int = CONFIGURATIONS) -> list[Params]:
    """Return random parameters near those of the configuration itself."""
    draw = np.random.default_rng(0)
    return [
        {one.key: near(one, space.baseline[one.key], draw) for one in space.parameters} for _ in range(count)
    ]


class Recorder:
    """Trains configurations and appends their losses to a file."""

    def __init__(self, source: Source, dataset: Dataset, path: Path) -> None:
        self._source, self._dataset, self._path, self._lock = source, dataset, path, Lock()
        self._space = make_space(source)
        self._params = [*random_params(self._space), *near_params(self._space)]
        self._folds: dict[int, NDArray[np.int8]] = {}

    def record(self, trainings: Iterable[Training], jobs: int) -> None:
        """Train what the file lacks, `jobs` at once."""
        left = sorted(set(trainings) - {one.training for one in read(self._path)})
        launcher, devices = LocalLauncher(), SimpleQueue[Device]()
        for device in assign(launcher.devices(resolve_numerics(self._source.config).backend), jobs):
            devices.put(device)

        def work(chunk: Sequence[Training]) -> None:
            device = devices.get()
            with Session(launcher, device, DataFolder.of(self._dataset)) as session:
                for one in chunk:
                    self._append(self._measured(one, self.trained(one, session)))
            devices.put(device)

        with ThreadPoolExecutor(jobs) as pool:
            list(pool.map(work, _chunks(left, jobs)))

    def trained(self, one: Training, session: Session) -> MemberResult:
        """Return the result of a training."""
        params = self._params[one.configuration]
        changes = [f"seeds=[{one.seed}]", f"folds.count={one.folds}", f"training.epochs={one.epochs}"]
        config = self._source.with_changes([*self._space.changes(params), *changes])
        [job] = make_jobs(
            [Member(model, one.fold, one.seed) for model in config.models],
            config,
            resolve_numerics(config),
            trial_folds(self._folds_of(config), one.fold, one.rows or None)[None],
            self._dataset,
            test_rows=TEST_ROWS,
        )
        return session.train(job, lambda _: None)

    def _measured(self, one: Training, result: MemberResult) -> Measured:
        final = LOSS.value(result.val_probs, self._dataset.train_labels[result.val_rows])
        losses = (*(loss or math.nan for loss in result.history.epochs.val_loss[:-1]), final)
        return Measured(one, result.history.seconds or 0.0, losses, self._params[one.configuration])

    def _folds_of(self, config: Config) -> NDArray[np.int8]:
        with self._lock:
            count = config.folds.count
            if count not in self._folds:
                self._folds[count] = folds_by_seed(self._dataset, config.folds, [0])[0]
            return self._folds[count]

    def _append(self, one: Measured) -> None:
        losses = " ".join(f"{loss:.5f}" for loss in one.losses)
        with self._lock, self._path.open("a", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerow(
                [*one.training, f"{one.seconds:.1f}", losses, json.dumps(one.params)]
            )


def _chunks(trainings: Sequence[Training], jobs: int) -> Iterator[Sequence[Training]]:
    size = max(1, min(PER_WORKER, len(trainings) // jobs))
    for first in range(0, len(trainings), size):
        yield trainings[first : first + size]


def numbers(context: click.Context, parameter: click.Parameter, text: str) -> list[int]:
    """Read "0-2,5" as 0, 1, 2, 5."""
    del context, parameter
    ends = [[int(end) for end in part.split("-")] for part in text.split(",")]
    return [number for first, *last in ends for number in range(first, (last or [first])[0] + 1)]


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("-c", "config_name", default="lenet-regularized", show_default=True, help="The configuration.")
@click.option("--configuration", default="0-149", callback=numbers, show_default=True, help="Configurations.")
@click.option("--folds", default=5, show_default=True, help="Number of folds.")
@click.option("--fold", default="0", callback=numbers, show_default=True, help="Held-out folds.")
@click.option("--seed", default="0", callback=numbers, show_default=True, help="Seeds.")
@click.option("--rows", default=0, help="Training rows; 0: all.")
@click.option("--epochs", default=20, show_default=True)
@click.option("--jobs", default=2, show_default=True, help="Trainings at once.")
def main(  # noqa: PLR0917 - one per option
    path: Path,
    config_name: str,
    configuration: list[int],
    folds: int,
    fold: list[int],
    seed: list[int],
    rows: int,
    epochs: int,
    jobs: int,
) -> None:
    """Train configurations of the default search space and append their losses to PATH."""
    source = Source.read(config_name)
    dataset = open_folder(locate(source.config) or SAMPLE, source.config)
    trainings = (Training(*one, rows, epochs) for one in product(configuration, [folds], fold, seed))
    Recorder(source, dataset, path).record(trainings, jobs)


if __name__ == "__main__":
    main()
