"""Train configurations again, side by side on the same folds and seeds, and keep each loss in the study.

Members of one replicate start from the same random numbers in every configuration (`Job.random_seed` depends
on model, fold and seed alone), so the differences of their losses are paired.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kit.config import Config
from kit.data.dataset import Dataset
from kit.errors import KitError
from kit.members import Member, MemberResult
from kit.metrics import log_loss
from kit.training.job import Job
from kit.training.launch.base import DataFolder, Device, Launcher
from kit.training.launch.pool import WorkerPool
from kit.training.plan import make_jobs, makespan, resolve_numerics
from kit.tuning.trial import TEST_ROWS

if TYPE_CHECKING:
    from optuna.study import Study


@dataclass(frozen=True)
class Replicate:
    """What a configuration is trained on once: a seed, and the fold that is held out."""

    seed: int
    fold: int


def all_replicates(seeds: Sequence[int], folds: int) -> list[Replicate]:
    """Return every pair of a seed and a fold once, both in turn.

    So any first few replicates share as few seeds and held-out rows as can be.
    """
    both = math.lcm(len(seeds), folds)
    return [Replicate(seeds[n % len(seeds)], (n + n // both) % folds) for n in range(len(seeds) * folds)]


class ReplicateTrainer:
    """Configurations and what is known of them so far.

    Args:
        study: keeps "confirm/<configuration>/<seed>/<fold>" with {"loss", "seconds"} or {"failed"}.
        configs: by name, the one to compare with among them.
        dataset: what they are trained on.
        folds: (rows,) int8, the fold that holds each row out.
        launcher: starts the workers.
        devices: one per member that is trained at once.
        costs: about how many seconds a replicate takes each configuration, where known.
        on_progress: called with the number of trained and of planned pairs (configuration, replicate).
    """

    def __init__(
        self,
        study: "Study",
        configs: Mapping[str, Config],
        dataset: Dataset,
        folds: NDArray[np.int8],
        *,
        launcher: Launcher,
        devices: Sequence[Device],
        costs: Mapping[str, float | None],
        on_progress: Callable[[int, int], None],
    ) -> None:
        self.configs, self.jobs = configs, len(devices)
        self._study, self._dataset, self._folds = study, dataset, folds
        self._launcher, self._devices = launcher, devices
        self._costs, self._on_progress = costs, on_progress
        self._kept: dict[str, dict[str, Any]] = {
            key: value for key, value in study.user_attrs.items() if key.startswith("confirm/")
        }

    def losses(self, name: str, replicates: Iterable[Replicate]) -> list[float]:
        """Return the log loss of each replicate of a configuration; infinite if it failed or is missing."""
        return [self._kept.get(_key(name, replicate), {}).get("loss", math.inf) for replicate in replicates]

    def failure(self, name: str) -> str | None:
        """Return why a configuration failed, if it did; it is then trained no further."""
        reasons = (kept.get("failed") for key, kept in self._kept.items() if key.startswith(_key(name)))
        return next((reason for reason in reasons if reason), None)

    def missing(self, replicates: Iterable[Replicate]) -> list[tuple[str, Replicate]]:
        """Return what is still to be trained."""
        alive = [name for name in self.configs if not self.failure(name)]
        return [
            (name, replicate)
            for replicate in replicates
            for name in alive
            if _key(name, replicate) not in self._kept
        ]

    def seconds(self, replicates: Iterable[Replicate]) -> float:
        """Return about how long that will take; what is not known counts as nothing."""
        members = (
            self._cost(name) / len(self.configs[name].models)
            for name, _ in self.missing(replicates)
            for _ in self.configs[name].models
        )
        return makespan(members, self.jobs)

    def _cost(self, name: str) -> float:
        measured = [
            kept.get("seconds", 0.0) for key, kept in self._kept.items() if key.startswith(_key(name))
        ]
        return float(np.mean(measured)) if measured else self._costs.get(name) or 0.0

    def train(self, replicates: Sequence[Replicate]) -> None:
        """Train what is missing of `replicates`, and keep each loss as soon as it is known."""
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
            on_progress=lambda _: None,
            on_retry=lambda *_: None,
        )
        with pool.train(todo) as outcomes:
            for job, outcome in outcomes:
                pair = owners[id(job)]
                if isinstance(outcome, KitError):
                    self._keep(pair, {"failed": outcome.what})
                else:
                    results[pair].append(outcome)
                    if len(results[pair]) == len(jobs[pair]):
                        self._keep(pair, self._measured(results.pop(pair)))
                self._on_progress(total - len(self.missing(replicates)), total)

    def _jobs(self, name: str, replicate: Replicate) -> list[Job]:
        config = self.configs[name].model_copy(update={"seeds": (replicate.seed,)})
        members = [Member(model, replicate.fold, replicate.seed) for model in config.models]
        numerics = resolve_numerics(config)
        return make_jobs(members, config, numerics, self._folds[None], self._dataset, test_rows=TEST_ROWS)

    def _measured(self, results: Sequence[MemberResult]) -> dict[str, Any]:
        probs = np.stack([result.val_probs for result in results]).mean(axis=0, dtype=np.float64)
        loss = log_loss(probs, self._dataset.train_labels[results[0].val_rows])
        times = [result.history["startup_seconds"] + result.history["seconds"] for result in results]
        return (
            {"loss": loss, "seconds": sum(times)}
            if math.isfinite(loss)
            else {"failed": f"its loss is {loss}"}
        )

    def _keep(self, pair: tuple[str, Replicate], value: dict[str, Any]) -> None:
        self._kept[_key(*pair)] = value
        self._study.set_user_attr(_key(*pair), value)


def _key(name: str, replicate: Replicate | None = None) -> str:
    return f"confirm/{name}/" + (f"{replicate.seed}/{replicate.fold}" if replicate else "")
