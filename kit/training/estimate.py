"""Expected training time of members, from earlier runs on this machine."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from kit.config import Augmentation
from kit.errors import KitError
from kit.members import MemberResult
from kit.models.cost import EVALUATION
from kit.models.families import cost
from kit.run_folder import Run
from kit.training import machine
from kit.training.job import Job

SAME, SIMILAR = 0.3, 1.0
"""Relative uncertainty of an expected time, from the same network or from another one: the times per
multiply-add of two networks on one machine differ by a factor of 2 to 5."""


@dataclass(frozen=True)
class Expected:
    """How long the parts of one member's training are expected to take, in seconds.

    Attributes:
        before: from the start of the process to the end of the first step: imports, tracing, compiling.
        training: all epochs, with the predictions of held-out rows after each; the fit of a classical model.
        after: predictions after the last epoch, storing.
        doubt: relative uncertainty of these times: SAME or SIMILAR; infinite for a guess, of which only the
            proportions of networks are useful, once this run has measured its speed.
        network: whether it is a network, whose time follows its multiply-adds.
    """

    before: float
    training: float
    after: float
    doubt: float
    network: bool = True

    @property
    def total(self) -> float:
        """Seconds of the member."""
        return self.before + self.training + self.after

    def times(self, together: int) -> "Expected":
        """Return the times of a network that shares its worker with others: all take as long as their sum."""
        if not self.network:
            return self
        return replace(self, training=together * self.training, after=together * self.after)


@dataclass(frozen=True)
class _Trained:
    """Measured cost of a member that this machine has trained.

    Attributes:
        kind: of the model.
        backend, precision: settings of the training; "none" and float32 for a classical model.
        multiply_adds: of one image in a forward pass; 1 for a classical model.
        before: seconds of imports, tracing and compiling.
        storing: seconds of storing the network.
        rate: seconds of training per multiply-add; per image for a classical model.
        settings: of the model in the configuration, without its training.
    """

    kind: str
    backend: str
    precision: str
    multiply_adds: int
    before: float
    storing: float
    rate: float
    settings: dict[str, Any] = field(default_factory=dict)


_GUESS = _Trained("cnn", "", "", 1, before=8.0, storing=0.5, rate=2e-11)
"""Of a machine that has trained nothing: two CPU cores in bfloat16."""
_GUESSED_FIT = 30.0
"""Seconds of a classical model that this machine has not trained; its time depends on the kind alone."""


def expected(jobs: Sequence[Job], runs: Iterable[Run]) -> list[Expected]:
    """Return the expected time of each job.

    The seconds per multiply-add are those of the same network, or else of the one nearest in multiply-adds,
    that this machine has trained with the same backend and precision. A classical model takes as long per
    training row as the last one of its kind.

    Args:
        jobs: what to train.
        runs: runs to learn from; of equally near networks the first one is used.
    """
    trained = list(_trained(runs))
    return [_network(job, trained) if job.model.needs_backend else _classical(job, trained) for job in jobs]


def _network(job: Job, trained: Sequence[_Trained]) -> Expected:
    size = cost(job.model, job.shape, job.classes)
    multiply_adds = size.multiply_adds if size else 1
    alike = [one for one in trained if (one.backend, one.precision) == (job.backend, job.precision)]
    settings = _settings(job.model.model_dump(mode="json"))

    def distance(one: _Trained) -> tuple[bool, float]:
        return one.settings != settings, abs(math.log(one.multiply_adds / multiply_adds))

    nearest = min(alike, key=distance, default=_GUESS)
    learned, held_out = _rows(job)
    views = job.model.augmentation.view_count if job.model.needs_backend else 1
    predicted = learned + job.test_rows * views + held_out * (views - 1)
    second = nearest.rate * multiply_adds
    doubt = SAME if nearest.settings == settings else SIMILAR if alike else math.inf
    return Expected(
        before=nearest.before,
        training=second * job.epochs * (learned + held_out * EVALUATION),
        after=second * predicted * EVALUATION + nearest.storing,
        doubt=doubt,
    )


def _classical(job: Job, trained: Sequence[_Trained]) -> Expected:
    for one in trained:
        if one.kind == job.model.kind:
            return Expected(one.before, one.rate * _rows(job)[0], 0.0, SAME, network=False)
    return Expected(1.0, _GUESSED_FIT, 0.0, math.inf, network=False)


def _settings(model: dict[str, Any]) -> dict[str, Any]:
    """Return what decides the time per image of a model in a configuration."""
    return {key: value for key, value in model.items() if key not in {"training", "weights"}}


def _rows(job: Job) -> tuple[int, int]:
    """Return the number of images that a member learns from, and of held-out rows."""
    held_out = int(np.count_nonzero(job.held_out))
    learned = len(job.train_rows)
    return (len(job.held_out) + job.test_rows if job.teachers else learned), held_out


def _trained(runs: Iterable[Run]) -> Iterator[_Trained]:
    """Yield one member per model and run of this machine; unreadable runs are skipped."""
    here = machine.describe()
    for run in runs:
        try:
            record, planned = run.read_record(), run.planned()
            if any(getattr(record.machine, key) != getattr(here, key) for key in ("cpu", "cores", "gpu")):
                continue
            for model, settings in record.config.get("models", {}).items():
                member = next((one for one in planned if one.model == model and run.has(one)), None)
                if member is None:
                    continue
                result, precision = run.read_member(member), record.precision.get(model)
                measured = (
                    _measured(result, record.backend or "", precision, settings)
                    if precision
                    else _measured_fit(result, str(settings.get("kind")), record.rows)
                )
                if measured is not None:
                    yield replace(measured, settings=_settings(settings))
        except KitError:
            continue


def _measured(
    result: MemberResult, backend: str, precision: str, settings: dict[str, Any]
) -> _Trained | None:
    """Return the speed of a network; None if its history lacks the figures."""
    history = result.history
    if not (history.epochs.seconds and history.seconds and history.multiply_adds):
        return None
    epochs, images = history.epochs.seconds, (history.steps or 0) * (history.batch_size or 0)
    if not images:
        return None
    training, held_out = sum(epochs) - history.tracing_seconds, len(result.val_rows)
    tta, flip = result.test_probs_tta is not None, settings.get("augmentation", {}).get("flip", "none")
    views = Augmentation(tta=tta, flip=flip).view_count
    predicted = len(epochs) * held_out + images / len(epochs) + views * len(result.test_probs)
    predicted += (views - 1) * held_out
    other = history.seconds - sum(epochs) - training / images * predicted * EVALUATION
    return _Trained(
        "cnn",
        backend,
        precision,
        history.multiply_adds,
        before=history.startup_seconds + history.tracing_seconds,
        storing=max(0.0, other),
        rate=training / (images * history.multiply_adds),
    )


def _measured_fit(result: MemberResult, kind: str, rows: int) -> _Trained | None:
    """Return the speed of a classical model; None if its history lacks it."""
    history, learned = result.history, rows - len(result.val_rows)
    if not history.seconds or learned <= 0:
        return None
    return _Trained(kind, "none", "float32", 1, history.startup_seconds, 0.0, history.seconds / learned)
