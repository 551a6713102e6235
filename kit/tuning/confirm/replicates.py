"""Train configurations in replicates, and store each result in the study.

Members of one replicate start from the same random numbers in every configuration (`Job.random_seed` depends
on model, fold and seed alone), so the differences of their losses are paired.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from kit.config import Config
from kit.data.dataset import Dataset
from kit.data.duplicates import distinct
from kit.data.folds import make_folds
from kit.data.groups import joined
from kit.errors import KitError
from kit.members import Member, MemberResult
from kit.metrics import METRICS, block_losses, deal_blocks
from kit.records import Replicate, ReplicateResult
from kit.training.job import Job
from kit.training.launch.base import DataFolder, Device, Event, Launcher
from kit.training.launch.pool import WorkerPool
from kit.training.plan import make_jobs, makespan, resolve_numerics
from kit.tuning.confirm.candidates import BASELINE, JOBS_PER_WORKER
from kit.tuning.fidelity import search_folds
from kit.tuning.trial import TEST_ROWS

if TYPE_CHECKING:
    from optuna.study import Study

Pair = tuple[str, Replicate]
"""The name of a configuration, and a replicate in which it is trained."""
PREFIX = "replicate/"
"""Of the user attributes with results; those of earlier versions, of other folds, began with "confirm/"."""


class ReplicateTrainer:
    """Trains configurations in replicates, and knows the results so far.

    Args:
        study: stores a `ReplicateResult` as "replicate/<configuration>/<seed>/<fold>".
        configs: by name; one is BASELINE.
        dataset: the training rows.
        launcher: starts the workers.
        devices: one per member that is trained at once.
        costs: estimated seconds per replicate by configuration; None if unknown.
        on_progress: called with the number of finished and of planned pairs.
        on_event: called with configuration, replicate and what its worker does; None: it is finished. From
            other threads.
    """

    def __init__(
        self,
        study: "Study",
        configs: Mapping[str, Config],
        dataset: Dataset,
        *,
        launcher: Launcher,
        devices: Sequence[Device],
        costs: Mapping[str, float | None],
        on_progress: Callable[[int, int], None],
        on_event: Callable[[str, Replicate, Event | None], None],
    ) -> None:
        baseline = configs[BASELINE]
        self.configs = configs
        self._study, self._dataset = study, dataset
        self._metric = METRICS[baseline.tune.metric]
        self._splits, self._folds = search_folds(baseline), dict[int, NDArray[np.int8]]()
        self._launcher, self._devices = launcher, devices
        self._costs, self._on_progress, self._on_event = costs, on_progress, on_event
        same = distinct(dataset.train_images)
        self._blocks = deal_blocks(same if dataset.groups is None else joined(dataset.groups, same))
        self._results = _stored(study)

    def result(self, name: str, replicate: Replicate) -> ReplicateResult:
        """Return the result of a configuration in a replicate; one without a loss if it is missing."""
        return self._results[name].get(replicate) or ReplicateResult(failed=self.failure(name))

    def failure(self, name: str) -> str | None:
        """Return why a configuration failed, if it did; it is then trained no further."""
        return next((result.failed for result in self._results[name].values() if result.failed), None)

    def missing(self, pairs: Iterable[Pair]) -> list[Pair]:
        """Return the pairs that are not trained yet, of configurations that have not failed."""
        alive = {name for name in self.configs if not self.failure(name)}
        return [(name, one) for name, one in pairs if name in alive and one not in self._results[name]]

    def seconds(self, pairs: Iterable[Pair]) -> float:
        """Return an estimate of how long the missing ones take; unknown costs count as 0."""
        costs = {name: self._cost(name) / len(config.models) for name, config in self.configs.items()}
        members = (costs[name] for name, _ in self.missing(pairs) for _ in self.configs[name].models)
        return makespan(members, len(self._devices))

    def train(self, pairs: Sequence[Pair], until: float | None = None) -> None:
        """Train the missing ones, and store each result as soon as it is known.

        Args:
            pairs: what to train.
            until: when unfinished trainings are ended, by `time.monotonic`; None: never.
        """
        left = self.missing(pairs)
        self._on_progress(len(pairs) - len(left), len(pairs))
        if not left:
            return
        jobs = {pair: self._jobs(*pair) for pair in left}
        owners = {id(job): pair for pair, own in jobs.items() for job in own}
        results: dict[Pair, list[MemberResult]] = defaultdict(list)
        pool = WorkerPool(
            self._launcher,
            self._devices,
            DataFolder.of(self._dataset),
            on_progress=lambda job, event: self._on_event(*owners[id(job)], event),
            on_retry=lambda *_: None,
            jobs_per_worker=JOBS_PER_WORKER,
        )
        with pool.train([job for own in jobs.values() for job in own], until) as outcomes:
            for job, outcome in outcomes:
                pair = owners[id(job)]
                if isinstance(outcome, KitError):
                    self._store(pair, ReplicateResult(failed=outcome.what))
                else:
                    results[pair].append(outcome)
                    if len(results[pair]) == len(jobs[pair]):
                        self._store(pair, self._measured(results.pop(pair)))
                self._on_progress(len(pairs) - len(self.missing(pairs)), len(pairs))

    def _cost(self, name: str) -> float:
        measured = [result.seconds for result in self._results[name].values()]
        return float(np.mean(measured)) if measured else self._costs.get(name) or 0.0

    def _jobs(self, name: str, replicate: Replicate) -> list[Job]:
        config = self.configs[name].model_copy(update={"seeds": (replicate.seed,)})
        return make_jobs(
            [Member(model, replicate.fold, replicate.seed) for model in config.models],
            config,
            resolve_numerics(config),
            self._shuffle(replicate.seed)[None],
            self._dataset,
            test_rows=TEST_ROWS,
            watched=0,
        )

    def _shuffle(self, seed: int) -> NDArray[np.int8]:
        """Return (rows,) int8: the fold that holds each row out in the replicates of a seed."""
        if seed not in self._folds:
            data = self._dataset
            self._folds[seed] = make_folds(
                data.train_images,
                data.train_labels,
                self._splits.count,
                self._splits.seed + seed,
                data.task.labels.labels,
                groups=data.groups,
            )
        return self._folds[seed]

    def _measured(self, results: Sequence[MemberResult]) -> ReplicateResult:
        rows = results[0].val_rows
        probs = np.stack([result.val_probs for result in results]).mean(axis=0, dtype=np.float64)
        labels = self._dataset.train_labels[rows]
        value = self._metric.value(probs, labels)
        seconds = sum(result.history.startup_seconds + (result.history.seconds or 0.0) for result in results)
        if not math.isfinite(value):
            return ReplicateResult(failed=f"its {self._metric.title} is {value}", seconds=seconds)
        # Nine digits: a study has thousands of these numbers.
        blocks = tuple(
            float(f"{loss:.9g}") for loss in block_losses(self._metric, probs, labels, self._blocks[rows])
        )
        return ReplicateResult(loss=self._metric.loss(value), blocks=blocks, seconds=seconds)

    def _store(self, pair: Pair, result: ReplicateResult) -> None:
        name, replicate = pair
        self._on_event(name, replicate, None)
        self._results[name][replicate] = result
        key = f"{PREFIX}{name}/{replicate.seed}/{replicate.fold}"
        self._study.set_user_attr(key, result.model_dump(mode="json"))


def _stored(study: "Study") -> dict[str, dict[Replicate, ReplicateResult]]:
    """Return the valid results in the study, by configuration; others are trained again."""
    results: dict[str, dict[Replicate, ReplicateResult]] = defaultdict(dict)
    for key, value in study.user_attrs.items():
        if key.startswith(PREFIX):
            # Another program may have stored something else.
            with suppress(ValidationError, ValueError):
                name, seed, fold = key.removeprefix(PREFIX).split("/")
                results[name][Replicate(int(seed), int(fold))] = ReplicateResult.model_validate(value)
    return results
