"""A cluster of processes, and stand-ins as workers of it."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from kit.errors import KitError
from kit.members import MemberResult
from kit.training.job import Job
from kit.training.launch.base import Checkpoint, DataFolder, Event
from kit.training.launch.dask.launcher import DaskLauncher
from kit.training.launch.pool import WorkerPool
from tests.dask_cluster import DaskCluster

Outcomes = dict[int, MemberResult | KitError]


class Driver:
    """A launcher on a cluster, and what its pools reported.

    Attributes:
        launcher: its workers run tmp_path/worker.py.
        said: lines of the launcher.
        events: of members.
        checkpoints: of members.
        retries: reasons.
    """

    def __init__(self, launcher: DaskLauncher, data: DataFolder, said: list[str]) -> None:
        self.launcher, self.data, self.said = launcher, data, said
        self.events: list[Event] = []
        self.checkpoints: list[Checkpoint] = []
        self.retries: list[str] = []

    def pool(self, most: int | None = None) -> WorkerPool:
        return WorkerPool(
            self.launcher,
            self.launcher.devices(None),
            self.data,
            on_progress=lambda _, event: self.events.append(event),
            on_retry=lambda _, reason: self.retries.append(reason),
            on_checkpoint=self.checkpoints.append,
            most=most,
        )

    def train(self, jobs: Sequence[Job], most: int | None = None) -> Outcomes:
        with self.pool(most).train(jobs) as outcomes:
            return {job.member.fold: outcome for job, outcome in outcomes}


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    """Return a cluster without workers."""
    pytest.importorskip("distributed")
    started = DaskCluster(tmp_path_factory.mktemp("dask"))
    yield started
    started.close()


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    """Return the arrays that the jobs of `make_job` refer to."""
    for number, name in enumerate(("train_images", "train_labels", "test_images")):
        np.save(tmp_path / f"{name}.npy", np.full(1000, number, np.uint8))
    return DataFolder("data", tmp_path)


@pytest.fixture
def drive(tmp_path: Path, data: DataFolder) -> Iterator[Callable[..., Driver]]:
    """Return a function that connects to a cluster; `folder` of the workers' scripts is tmp_path."""
    with ExitStack() as stack:

        def connect(cluster: DaskCluster, *, allow_different: bool = False) -> Driver:
            said: list[str] = []
            command = [sys.executable, "-SE", str(tmp_path / "worker.py"), str(tmp_path)]
            launcher = DaskLauncher(
                cluster.address, allow_different=allow_different, say=said.append, command=command
            )
            return Driver(stack.enter_context(launcher), data, said)

        yield connect
