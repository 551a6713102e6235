"""A configuration of nearest neighbours, its data, and stand-in workers that make up losses."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kit.config import KNearest
from kit.data.dataset import Dataset
from kit.errors import KitError
from kit.members import PARSING, MemberResult
from kit.records import History
from kit.training.job import Job
from tests import tasks

FOLDS, ROWS, CLASSES = 2, 80, 10
MINE = """
competition: {image_shape: [4, 4]}
folds: {count: 4}
seeds: [0, 2]
models: {knn: {kind: knn, neighbours: 9}}
tune: {confirm_seeds: 3}
"""


class Workers:
    """What workers do: the loss is neighbours / 10, plus noise of the replicate, plus a little."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.failing: dict[int, str] = {}

    def __call__(self, job: Job, folder: Path, _: object) -> MemberResult:
        self.jobs.append(job)
        assert isinstance(job.model, KNearest)
        n, (seed, fold) = job.model.neighbours, (job.member.seed, job.member.fold)
        if n in self.failing:
            raise KitError(self.failing[n])
        with PARSING:
            labels, rows = np.load(folder / "train_labels.npy"), np.flatnonzero(job.held_out)
        probs = np.full((len(rows), CLASSES), 0.001, np.float32)
        probs[np.arange(len(rows)), labels[rows]] = math.exp(-loss(n, seed, fold))
        return MemberResult(rows, probs, probs[:1], History(seconds=2.0, startup_seconds=1.0))

    def trained(self) -> list[tuple[int, int, int]]:
        """Return neighbours, seed and fold of each job, sorted."""
        return sorted((job.model.neighbours, job.member.seed, job.member.fold) for job in self.jobs)  # type: ignore[union-attr]  # all are KNearest


def loss(n: int, seed: int, fold: int) -> float:
    """Return n / 10, with noise of the replicate, and a little of the training."""
    noise = (np.random.default_rng(key).normal(0, 0.01) for key in ([seed, fold], [seed, fold, n]))
    return n / 10 + next(noise) + next(noise) / 10


@pytest.fixture
def dataset(workdir: Path) -> Dataset:
    (workdir / "configs").mkdir()
    (workdir / "configs/mine.yaml").write_text(MINE)
    images = np.random.default_rng(0).integers(0, 256, (ROWS + 5, 4, 4, 1)).astype(np.uint8)
    labels = (np.arange(ROWS) % CLASSES).astype(np.uint8)
    arrays: dict[str, Any] = {
        "train_images": images[:ROWS],
        "train_labels": labels,
        "test_images": images[ROWS:],
    }
    for name, array in arrays.items():
        np.save(workdir / f"{name}.npy", array)
    return Dataset(
        **arrays,
        task=tasks.make(image_shape=[4, 4], classes=CLASSES),
        fingerprint="",
        sample=False,
        source="",
        warnings=(),
        folder=workdir,
    )


@pytest.fixture
def workers() -> Workers:
    return Workers()
