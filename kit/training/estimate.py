"""Estimated training time, from earlier runs on this machine."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from kit.errors import KitError
from kit.members import MemberResult
from kit.models.families import cost
from kit.runs import Run
from kit.training import machine
from kit.training.job import Job
from kit.training.plan import makespan

EVALUATION = 1 / 3
"""Cost of predicting one image, as a share of the cost of training on it."""


@dataclass(frozen=True)
class _Trained:
    """Measured cost of a network that this machine has trained.

    Attributes:
        backend, precision: settings of the training.
        multiply_adds: of one image in a forward pass.
        fixed: seconds that do not depend on the length of training: imports, tracing, saving.
        rate: seconds of training per multiply-add.
    """

    backend: str
    precision: str
    multiply_adds: int
    fixed: float
    rate: float


def estimate(jobs: Sequence[Job], workers: int, runs: Iterable[Run]) -> float | None:
    """Return the estimated seconds for `jobs`; None if this machine has trained nothing comparable.

    The seconds per multiply-add are those of the network nearest in multiply-adds that this machine has
    trained with the same backend and precision. Classical models have no estimate.

    Args:
        jobs: jobs in the order of training.
        workers: number of parallel workers.
        runs: runs to learn from; of equally near networks the first one is used.
    """
    trained = list(_trained(runs))
    seconds = [_seconds(job, trained) for job in jobs]
    known = [one for one in seconds if one is not None]
    return makespan(known, workers) if len(known) == len(seconds) else None


def _seconds(job: Job, trained: Sequence[_Trained]) -> float | None:
    alike = [one for one in trained if (one.backend, one.precision) == (job.backend, job.precision)]
    size = cost(job.model, job.shape, job.classes)
    if not alike or size is None:
        return None
    nearest = min(alike, key=lambda one: abs(math.log(one.multiply_adds / size.multiply_adds)))
    held_out = int(np.count_nonzero(job.held_out))
    learned = len(job.held_out) - held_out
    if job.teachers:
        learned = len(job.held_out) + job.test_rows
    trainings = job.epochs * (learned + held_out * EVALUATION)
    return nearest.fixed + nearest.rate * size.multiply_adds * trainings


def _trained(runs: Iterable[Run]) -> Iterator[_Trained]:
    """Yield one member per network and run of this machine; unreadable runs are skipped."""
    here = machine.describe()
    for run in runs:
        try:
            record, planned = run.read_record(), run.planned()
            if any(getattr(record.machine, key) != getattr(here, key) for key in ("cpu", "cores", "gpu")):
                continue
            for model, precision in record.precision.items():
                member = next((one for one in planned if one.model == model and run.has(one)), None)
                if member is not None:
                    yield _measured(run.read_member(member), record.backend or "", precision)
        except (KitError, KeyError):
            continue


def _measured(result: MemberResult, backend: str, precision: str) -> _Trained:
    history, epochs = result.history, result.history["epochs"]["seconds"]
    training, size = sum(epochs) - history["tracing_seconds"], history["multiply_adds"]
    images = history["steps"] * history["batch_size"]
    evaluation = training / images * len(epochs) * len(result.val_rows) * EVALUATION
    fixed = history["startup_seconds"] + history["seconds"] - training - evaluation
    return _Trained(backend, precision, size, fixed, rate=training / (images * size))
