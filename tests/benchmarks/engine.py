"""Members for benchmarks, trained as `kit cv` trains them: worker processes, pinned on a CPU."""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kit.config import Cnn, load
from kit.data.dataset import Dataset
from kit.errors import KitError
from kit.members import Member, MemberResult
from kit.training import machine
from kit.training.job import Job
from kit.training.launch.base import DataFolder, Launcher
from kit.training.launch.devices import assign
from kit.training.launch.local import LocalLauncher
from kit.training.launch.pool import WorkerPool
from kit.training.plan import resolve_numerics

HELD_OUT = 512
"""Rows that each member predicts after each epoch, outside of the time of training."""


def on_gpu() -> bool:
    return bool(machine.usable_gpus(machine.backend()))


def write_arrays(folder: Path, dataset: Dataset, rows: int) -> DataFolder:
    """Write `rows` training rows, repeating those of the data set, and return their folder."""
    folder.mkdir()
    picked = np.arange(rows) % len(dataset.train_labels)
    np.save(folder / "train_images.npy", dataset.train_images[picked])
    np.save(folder / "train_labels.npy", dataset.train_labels[picked])
    np.save(folder / "test_images.npy", dataset.test_images[:HELD_OUT])
    return DataFolder(str(folder), folder)


def make_jobs(config_name: str, members: int, data: DataFolder, rows: int, epochs: int) -> list[Job]:
    """Return members, with a seed each, that train on the first `rows` of `data` and hold out the rest."""
    config = load(config_name, [f"training.epochs={epochs}"])
    chosen = resolve_numerics(config)
    spec = config.models["cnn"]
    if not isinstance(spec, Cnn) or chosen.backend is None:
        raise TypeError(config_name)
    return [
        Job(
            Member("cnn", 0, seed),
            spec,
            config.competition.image_shape,
            config.competition.classes or 0,
            data.fingerprint,
            HELD_OUT,
            np.arange(rows + HELD_OUT) >= rows,
            chosen.backend,
            chosen.precisions["cnn"],
            config.competition.metric,
        )
        for seed in range(members)
    ]


def train(
    jobs: Sequence[Job], workers: int, data: DataFolder, launcher: Launcher | None = None
) -> list[MemberResult]:
    """Train `jobs` on the arrays in `data`, `workers` at once.

    Raises:
        KitError: one failed.
    """
    launcher = launcher or LocalLauncher()
    pool = WorkerPool(
        launcher,
        assign(launcher.devices(jobs[0].backend), workers),
        data,
        on_progress=lambda *_: None,
        on_retry=_warn,
    )
    results = []
    with pool.train(jobs) as outcomes:
        for _, outcome in outcomes:
            if isinstance(outcome, KitError):
                raise outcome
            results.append(outcome)
    return results


def _warn(job: Job, reason: str) -> None:
    sys.stderr.write(f"{job.member} again, these figures are wrong: {reason}\n")
