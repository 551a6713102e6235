"""The plan of a run: its members, backend and precisions, and the jobs that train members."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kit.config import Config, Model, Pretrained
from kit.data.dataset import Dataset
from kit.errors import UserError
from kit.members import Member, MemberResult, plan_members
from kit.training import machine
from kit.training.job import Job, PseudoLabels
from kit.training.weights import located

FASTER = "unset KERAS_BACKEND, or use a GPU"
"""What to do about `slow_networks`."""
UNUSED = -1
"""The fold of rows that no member sees."""


@dataclass(frozen=True)
class Numerics:
    """Backend and precision of a configuration's networks on this machine.

    Attributes:
        backend: Keras's; None if the configuration has no network.
        precisions: name of each network to float32 or bfloat16.
    """

    backend: str | None
    precisions: dict[str, str]

    def hash_fields(self) -> dict[str, str]:
        """Return the fields that enter a run's hash."""
        return {"backend": str(self.backend), "precision": str(sorted(self.precisions.items()))}


def resolve_numerics(config: Config) -> Numerics:
    """Return the backend and the precisions that `config` resolves to on this machine.

    Raises:
        UserError: the requested backend is unknown or not installed, or cannot train members together.
    """
    networks = {name: model.precision for name, model in config.models.items() if model.needs_backend}
    if not networks:
        return Numerics(None, {})
    backend = machine.backend()
    if config.together > 1 and backend != "jax":
        raise UserError(
            "only JAX trains several members as one program",
            where="together",
            expected="1, or KERAS_BACKEND=jax",
            received=f"{config.together}, with KERAS_BACKEND={backend}",
        )
    return Numerics(
        backend,
        {name: machine.precision(precision, backend) for name, precision in networks.items()},
    )


def slow_networks(config: Config, backend: str | None) -> list[str]:
    """Return a note about each network that this machine trains very slowly: pretrained ones, JAX on a CPU.

    XLA computes the gradients of convolutions without a library there. kit's own networks have no
    convolutions of Keras then (`kit.models.patches`).
    """
    if backend != "jax" or machine.usable_gpus(backend):
        return []
    return [
        f"{name}: JAX trains pretrained networks on a CPU many times as slowly as TensorFlow"
        for name, model in config.models.items()
        if isinstance(model, Pretrained)
    ]


def plan(config: Config) -> list[Member]:
    """Return the members of a configuration's run, in the order of training."""
    return plan_members(config.models, config.folds.count, config.seeds, all_rows=config.all_rows)


def make_jobs(
    members: Sequence[Member],
    config: Config,
    numerics: Numerics,
    folds: NDArray[np.int8],
    dataset: Dataset,
    *,
    test_rows: int | None = None,
    watched: int | None = None,
    together: int = 1,
) -> list[Job]:
    """Return one job per member.

    Args:
        members: what to train.
        config: the resolved configuration.
        numerics: backend and precisions.
        folds: (seeds, rows) int8, in the order of `config.seeds`; UNUSED: no member sees the row.
        dataset: what the members are trained on.
        test_rows: number of test rows to predict, from the first; None: all.
        watched: about how many held-out rows are predicted after each epoch; None: all.
        together: members of one network that one worker trains as one program.

    Raises:
        UserError: the weights of a pretrained network are missing.
    """
    every, own = len(dataset.test_images), dict(zip(config.seeds, folds, strict=True))
    return [
        Job(
            member=member,
            model=located(config.models[member.model], member.model),
            shape=dataset.image_shape,
            classes=dataset.task.classes,
            data=dataset.fingerprint,
            test_rows=every if test_rows is None else min(test_rows, every),
            # No row where the member's fold is ALL_ROWS.
            held_out=own[member.seed] == member.fold,
            unused=own[member.seed] == UNUSED if UNUSED in own[member.seed] else None,
            watched=watched,
            backend=numerics.backend or "none",
            precision=numerics.precisions.get(member.model, "float32"),
            metric=config.competition.metric,
            teachers=_teachers(member, config),
            together=together if _in_one_phase(config.models[member.model]) else 1,
        )
        for member in members
    ]


def _in_one_phase(model: Model) -> bool:
    """Return whether the training of a model is one program from the first epoch to the last."""
    return model.needs_backend and len(model.phases) == 1


def _teachers(member: Member, config: Config) -> tuple[Member, ...]:
    model = config.models[member.model]
    # The members of the same fold and seed held out the same rows.
    return tuple(replace(member, model=name) for name in model.teachers)


def with_pseudo_labels(job: Job, read: Callable[[Member], MemberResult]) -> Job:
    """Return `job` with the mean prediction of its teachers; unchanged if it has none.

    Args:
        job: what is to be trained.
        read: returns the result of a member. With test-time augmentation, the mean over views counts.
    """
    if not job.teachers:
        return job
    results = [read(teacher).with_views() for teacher in job.teachers]
    means = (
        np.asarray(np.mean(arrays, axis=0, dtype=np.float64), np.float32)
        for arrays in ([one.val_probs for one in results], [one.test_probs for one in results])
    )
    return replace(job, pseudo_labels=PseudoLabels(*means))


def makespan(seconds: Iterable[float], workers: int) -> float:
    """Return how many seconds `workers` take for tasks of `seconds`; an idle worker takes the next task."""
    busy = [0.0] * workers
    for one in seconds:
        busy[busy.index(min(busy))] += one
    return max(busy)
