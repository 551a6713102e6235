"""Which members a run consists of, and the jobs that train those that are missing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kit.config import Config
from kit.members import Member, plan_members
from kit.task.task import Task
from kit.training import machine
from kit.training.job import Job


@dataclass(frozen=True)
class Setting:
    """What this machine trains networks with.

    Attributes:
        backend: Keras's; None where no network is trained.
        precisions: float32 or bfloat16, by the name of each network.
    """

    backend: str | None
    precisions: dict[str, str]

    def hash_fields(self) -> dict[str, str]:
        """Return what of it belongs in a run's hash."""
        return {"backend": str(self.backend), "precision": str(sorted(self.precisions.items()))}


def setting(config: Config) -> Setting:
    """Resolve backend and precision.

    Raises:
        UserError: the backend that was asked for is not installed.
    """
    networks = {name: model.precision for name, model in config.models.items() if model.needs_backend}
    if not networks:
        return Setting(None, {})
    backend = machine.backend()
    return Setting(
        backend,
        {name: machine.precision(asked, backend) for name, asked in networks.items()},
    )


def plan(config: Config) -> list[Member]:
    """Return the members in the order of training: all of one seed before the next."""
    return plan_members(list(config.models), config.folds.count, config.seeds, all_rows=config.all_rows)


def make_jobs(
    members: Sequence[Member],
    config: Config,
    chosen: Setting,
    folds: NDArray[np.int8],
    folder: Path,
    *,
    task: Task,
    stored: Callable[[Member], Path] | None = None,
) -> list[Job]:
    """Return a job a member.

    Args:
        members: what to train.
        config: the resolved configuration.
        chosen: backend and precisions.
        folds: (seeds, rows) int8, in the order of `config.seeds`.
        folder: where the arrays lie.
        task: image shape and classes.
        stored: gives the file of a member, for those that learn from it; None where none does.

    Raises:
        ValueError: a member has teachers, and `stored` is None.
    """
    return [
        Job(
            member=member,
            model=config.models[member.model],
            shape=task.image_shape,
            classes=task.classes,
            folder=folder.resolve(),
            # No row where the member's fold is ALL_ROWS.
            held_out=folds[config.seeds.index(member.seed)] == member.fold,
            backend=chosen.backend or "none",
            precision=chosen.precisions.get(member.model, "float32"),
            teachers=_teachers(member, config, stored),
        )
        for member in members
    ]


def _teachers(member: Member, config: Config, stored: Callable[[Member], Path] | None) -> tuple[Path, ...]:
    model = config.models[member.model]
    if not model.teachers:
        return ()
    if stored is None:
        raise ValueError(f"{member}: nobody says where its teachers are stored")
    # Those of its fold and seed held out the same rows.
    return tuple(stored(replace(member, model=name)).resolve() for name in model.teachers)
