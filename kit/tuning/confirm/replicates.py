"""Train configurations again on the same folds and seeds, and store each loss in the study.

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
from kit.errors import KitError
from kit.members import Member, MemberResult
from kit.metrics import Metric
from kit.records import Replicate, ReplicateResult
from kit.training.job import Job
from kit.training.launch.base import DataFolder, Device, Event, Launcher
from kit.training.launch.pool import WorkerPool
from kit.training.plan import make_jobs, makespan, resolve_numerics
from kit.tuning.trial import TEST_ROWS

if TYPE_CHECKING:
    from optuna.study import Study


def all_replicates(seeds: Sequence[int], folds: int) -> list[Replicate]:
    """Return every pair of a seed and a fold once, cycling through both.

    So the first few replicates share as few seeds and held-out rows as possible.
    """
    both = math.lcm(len(seeds), folds)
    return [Replicate(seeds[n % len(seeds)], (n + n // both) % folds) for n in range(len(seeds) * folds)]


class ReplicateTrainer:
    """Trains configurations in replicates, and knows the results so far.

    Args:
        study: stores a `ReplicateResult` as "confirm/<configuration>/<seed>/<fold>".
        configs: by name, the most important first: the baseline, then the best trial.
        dataset: the training rows.
        folds: (rows,) int8, the fold that holds each row out.
        metric: gives the losses.
        launcher: starts the workers.
        devices: one per member that is trained at once.
        costs: estimated seconds per replicate by configuration; None if unknown.
        on_progress: called with the number of finished and of planned pairs (configuration, replicate).
        on_event: called with configuration, replicate and what its worker does; None: it is finished. From
            other threads.
    """

    def __init__(
        self,
        study: "Study",
        configs: Mapping[str, Config],
        dataset: Dataset,
        folds: NDArray[np.int8],
        *,
        metric: Metric,
        launcher: Launcher,
        devices: Sequence[Device],
        costs: Mapping[str, float | None],
        on_progress: Callable[[int, int], None],
        on_event: Callable[[str, Replicate, Event | None], None],
    ) -> None:
        self.configs, self.jobs = dict(configs), len(devices)
        self._study, self._dataset, self._folds, self._metric = study, dataset, folds, metric
        self._launcher, self._devices = launcher, devices
        self._costs, self._on_progress, self._on_event = costs, on_progress, on_event
        self._results = _stored(study)

    def losses(self, name: str, replicates: Iterable[Replicate]) -> list[float | None]:
        """Return the loss of each replicate of a configuration; None if it failed or is missing."""
        results = (self._results.get(_key(name, replicate)) for replicate in replicates)
        return [result.loss if result else None for result in results]

    def failure(self, name: str) -> str | None:
        """Return why a configuration failed, if it did; it is then trained no further."""
        return next((result.failed for result in self._of(name) if result.failed), None)

    def alive(self) -> set[str]:
        """Return the names of the configurations that have not failed."""
        return {name for name in self.configs if not self.failure(name)}

    def missing(self, replicates: Sequence[Replicate]) -> list[tuple[str, Replicate]]:
        """Return the pairs (configuration, replicate) that are not trained yet, by configuration.

        So the configurations that a deadline leaves unfinished are the last ones.
        """
        return [
            (name, replicate)
            for name in self.configs
            for replicate in replicates
            if not self.failure(name) and _key(name, replicate) not in self._results
        ]

    def keep_what_fits(self, replicates: Sequence[Replicate], seconds: float) -> None:
        """Leave out configurations, the last first, until `replicates` take at most `seconds`."""
        while self.configs and self.seconds(replicates) > seconds:
            self.configs.popitem()

    def keep_finished(self, replicates: Sequence[Replicate]) -> None:
        """Leave out the configurations that lack some of `replicates`, unless they failed."""
        for name, _ in self.missing(replicates):
            self.configs.pop(name, None)

    def seconds(self, replicates: Sequence[Replicate]) -> float:
        """Return an estimate of how long the missing ones take; unknown costs count as 0."""
        members = (
            self._cost(name) / len(self.configs[name].models)
            for name, _ in self.missing(replicates)
            for _ in self.configs[name].models
        )
        return makespan(members, self.jobs)

    def _of(self, name: str) -> list[ReplicateResult]:
        return [result for key, result in self._results.items() if key.startswith(_key(name))]

    def _cost(self, name: str) -> float:
        measured = [result.seconds for result in self._of(name)]
        return float(np.mean(measured)) if measured else self._costs.get(name) or 0.0

    def train(self, replicates: Sequence[Replicate], until: float | None = None) -> None:
        """Train the missing ones of `replicates`, and store each loss as soon as it is known.

        Args:
            replicates: what to train, in every configuration.
            until: when unfinished trainings are ended, by `time.monotonic`; None: never.
        """
        pairs = self.missing(replicates)
        total = len(replicates) * len(self.configs)
        self._on_progress(total - len(pairs), total)
        if not pairs:
            return
        jobs = {pair: self._jobs(*pair) for pair in pairs}
        owners = {id(job): pair for pair, own in jobs.items() for job in own}
        results: dict[tuple[str, Replicate], list[MemberResult]] = defaultdict(list)
        todo = [job for own in jobs.values() for job in own]
        pool = WorkerPool(
            self._launcher,
            self._devices,
            DataFolder.of(self._dataset),
            on_progress=lambda job, event: self._on_event(*owners[id(job)], event),
            on_retry=lambda *_: None,
        )
        with pool.train(todo, until) as outcomes:
            for job, outcome in outcomes:
                pair = owners[id(job)]
                if isinstance(outcome, KitError):
                    self._store(pair, ReplicateResult(failed=outcome.what))
                else:
                    results[pair].append(outcome)
                    if len(results[pair]) == len(jobs[pair]):
                        self._store(pair, self._measured(results.pop(pair)))
                self._on_progress(total - len(self.missing(replicates)), total)

    def _jobs(self, name: str, replicate: Replicate) -> list[Job]:
        config = self.configs[name].model_copy(update={"seeds": (replicate.seed,)})
        members = [Member(model, replicate.fold, replicate.seed) for model in config.models]
        numerics = resolve_numerics(config)
        return make_jobs(members, config, numerics, self._folds[None], self._dataset, test_rows=TEST_ROWS)

    def _measured(self, results: Sequence[MemberResult]) -> ReplicateResult:
        probs = np.stack([result.val_probs for result in results]).mean(axis=0, dtype=np.float64)
        value = self._metric.value(probs, self._dataset.train_labels[results[0].val_rows])
        seconds = sum(result.history.startup_seconds + (result.history.seconds or 0.0) for result in results)
        if not math.isfinite(value):
            return ReplicateResult(failed=f"its {self._metric.title} is {value}", seconds=seconds)
        return ReplicateResult(loss=self._metric.loss(value), seconds=seconds)

    def _store(self, pair: tuple[str, Replicate], result: ReplicateResult) -> None:
        self._on_event(*pair, None)
        self._results[_key(*pair)] = result
        self._study.set_user_attr(_key(*pair), result.model_dump(mode="json"))


def _stored(study: "Study") -> dict[str, ReplicateResult]:
    """Return the valid results in the study; others are trained again."""
    results = {}
    for key, value in study.user_attrs.items():
        if key.startswith("confirm/"):
            with suppress(ValidationError):
                results[key] = ReplicateResult.model_validate(value)
    return results


def _key(name: str, replicate: Replicate | None = None) -> str:
    return f"confirm/{name}/" + (f"{replicate.seed}/{replicate.fold}" if replicate else "")
