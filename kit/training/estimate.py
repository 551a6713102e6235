"""How long training will take: from what this machine trained before, not from a guess."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from kit.config import Cnn
from kit.errors import KitError
from kit.members import MemberResult
from kit.models.cost import cost
from kit.runs import Run
from kit.training import machine
from kit.training.job import Job
from kit.training.plan import makespan

EVALUATION = 1 / 3
"""Cost of an image on its way forward, as a share of what training on it costs."""


@dataclass(frozen=True)
class _Trained:
    """A network that this machine has trained.

    Attributes:
        backend, precision: with what.
        multiply_adds: of one image on its way forward.
        fixed: seconds that do not grow with the training: imports, tracing, saving.
        rate: seconds of training a multiply-add.
    """

    backend: str
    precision: str
    multiply_adds: int
    fixed: float
    rate: float


def estimate(jobs: Sequence[Job], workers: int, runs: Iterable[Run]) -> float | None:
    """Return about how many seconds `jobs` will take; None where nothing like one of them was trained here.

    A network takes as long a multiply-add as the nearest one, by multiply-adds, that this machine trained
    with the same backend and precision. Classical models get no estimate.

    Args:
        jobs: what is to be trained, in this order.
        workers: how many at once.
        runs: where to look; the first of equally near networks counts.
    """
    trained = list(_trained(runs))
    seconds = [_seconds(job, trained) for job in jobs]
    known = [one for one in seconds if one is not None]
    return makespan(known, workers) if len(known) == len(seconds) else None


def _seconds(job: Job, trained: Sequence[_Trained]) -> float | None:
    alike = [one for one in trained if (one.backend, one.precision) == (job.backend, job.precision)]
    if not alike or not isinstance(job.model, Cnn):
        return None
    size = cost(job.model, job.shape, job.classes).multiply_adds
    nearest = min(alike, key=lambda one: abs(math.log(one.multiply_adds / size)))
    held_out = int(np.count_nonzero(job.held_out))
    learned = len(job.held_out) - held_out
    if job.teachers:
        learned = len(job.held_out) + job.test_rows
    trainings = job.epochs * (learned + held_out * EVALUATION)
    return nearest.fixed + nearest.rate * size * trainings


def _trained(runs: Iterable[Run]) -> Iterator[_Trained]:
    """Yield a member of each network of each run made on this machine; what cannot be read is left out."""
    here = machine.describe().model_dump()
    for run in runs:
        try:
            info, planned = run.info(), run.planned()
            if any(info["machine"][key] != here[key] for key in ("cpu", "cores", "gpu")):
                continue
            for model, precision in info["precision"].items():
                member = next((one for one in planned if one.model == model and run.has(one)), None)
                if member is not None:
                    yield _measured(run.read_member(member), info["backend"], precision)
        except (KitError, KeyError):
            continue


def _measured(result: MemberResult, backend: str, precision: str) -> _Trained:
    history, epochs = result.history, result.history["epochs"]["seconds"]
    training, size = sum(epochs) - history["tracing_seconds"], history["multiply_adds"]
    images = history["steps"] * history["batch_size"]
    evaluation = training / images * len(epochs) * len(result.val_rows) * EVALUATION
    fixed = history["startup_seconds"] + history["seconds"] - training - evaluation
    return _Trained(backend, precision, size, fixed, rate=training / (images * size))
