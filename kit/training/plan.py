"""The plan of a run: its members, backend and precisions, and the jobs that train members."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kit.config import Cnn, Config
from kit.members import Member, plan_members
from kit.training import machine
from kit.training.job import Job


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
        UserError: the requested backend is unknown or not installed.
    """
    networks = {name: model for name, model in config.models.items() if isinstance(model, Cnn)}
    if not networks:
        return Numerics(None, {})
    backend = machine.backend()
    return Numerics(
        backend,
        {name: machine.precision(model.training.precision, backend) for name, model in networks.items()},
    )


def plan(config: Config) -> list[Member]:
    """Return the members of a configuration's run, in the order of training."""
    return plan_members(config.models, config.folds.count, config.seeds, all_rows=config.all_rows)


def make_jobs(
    members: Sequence[Member],
    config: Config,
    chosen: Numerics,
    folds: NDArray[np.int8],
    folder: Path,
    *,
    stored: Callable[[Member], Path] | None = None,
) -> list[Job]:
    """Return a job a member.

    Args:
        members: what to train.
        config: the resolved configuration.
        chosen: backend and precisions.
        folds: (seeds, rows) int8, in the order of `config.seeds`.
        folder: where the arrays lie.
        stored: gives the file of a member, for those that learn from it; None where none does.

    Raises:
        ValueError: a member has teachers, and `stored` is None.
    """
    return [
        Job(
            member=member,
            model=config.models[member.model],
            shape=config.competition.image_shape,
            classes=config.competition.classes,
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
    if not (isinstance(model, Cnn) and model.teachers):
        return ()
    if stored is None:
        raise ValueError(f"{member}: nobody says where its teachers are stored")
    # Those of its fold and seed held out the same rows.
    return tuple(stored(replace(member, model=name)).resolve() for name in model.teachers)


def makespan(seconds: Iterable[float], workers: int) -> float:
    """Return how many seconds `workers` take for tasks of `seconds`; an idle worker takes the next task."""
    busy = [0.0] * workers
    for one in seconds:
        busy[busy.index(min(busy))] += one
    return max(busy)
