"""Members on a cluster take about as long as on this machine; stand-ins sleep, so that nothing competes."""

import time
from collections.abc import Callable, Sequence

import pytest

from kit.members import MemberResult
from kit.training.job import Job
from kit.training.launch.base import Device
from kit.training.launch.local import LocalLauncher
from kit.training.launch.pool import WorkerPool
from tests.dask_cluster import DaskCluster
from tests.training.launch.dask.conftest import Driver

WORKERS, MEMBERS, SECONDS = 4, 16, 20.0
MOST = 1.15
"""Longest time on the cluster, as a multiple of the time on this machine."""


@pytest.mark.slow
def test_the_cluster_costs_at_most_fifteen_percent(
    cluster: DaskCluster,
    drive: Callable[..., Driver],
    launcher: LocalLauncher,
    worker: Callable[[str], None],
    make_job: Callable[..., Job],
) -> None:
    worker(
        "folder = Path(sys.argv[1]) if sys.argv[1:] else folder\n"
        f"for epoch_number in range(1, 9):\n    time.sleep({SECONDS / 8})\n    epoch(epoch_number)\nfinish()"
    )
    for number in range(WORKERS):
        cluster.add(str(number))
    jobs = [make_job(fold) for fold in range(MEMBERS)]
    driver = drive(cluster)
    pool = WorkerPool(
        launcher,
        [Device("cpu")] * WORKERS,
        driver.data,
        on_progress=lambda *_: None,
        on_retry=lambda *_: None,
    )
    here = seconds(lambda: _train(pool, jobs))
    # The connection, the comparison of the machines and the data are part of it.
    there = seconds(lambda: driver.train(jobs))
    print(f"{MEMBERS} members: {here:.2f} s here, {there:.2f} s on the cluster, {there / here:.3f}")  # noqa: T201
    assert there <= MOST * here


def seconds(what: Callable[[], object]) -> float:
    began = time.monotonic()
    what()
    return time.monotonic() - began


def _train(pool: WorkerPool, jobs: Sequence[Job]) -> None:
    with pool.train(jobs) as outcomes:
        assert all(isinstance(outcome, MemberResult) for _, outcome in outcomes)
