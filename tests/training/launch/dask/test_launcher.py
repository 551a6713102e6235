"""The launcher on a scheduler and workers that are processes, with stand-ins in place of trainings."""

import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from kit.config import Pretrained
from kit.errors import UserError
from kit.members import MemberResult
from kit.records import DifferentWorker
from kit.training import machine
from kit.training.failures import WorkerFailedError
from kit.training.job import Job
from kit.training.launch.base import Checkpoint, Progress
from kit.training.launch.dask.parcels import Parcel, Part
from kit.training.launch.session import Session
from tests.dask_cluster import DaskCluster
from tests.driving import wait_for
from tests.training.launch.dask.conftest import Driver

pytestmark = pytest.mark.slow
# The fixtures of a test are its positional arguments.
# ruff: noqa: PLR0917
Install = Callable[[str], None]
MakeJob = Callable[..., Job]
Drive = Callable[..., Driver]
OWN = "copy, folder = folder, Path(sys.argv[1])\n"
"""Lets a stand-in use the test's folder; `copy` is where its Dask worker keeps the arrays."""


def test_members_on_the_cluster_are_those_of_local_workers(
    cluster: DaskCluster, drive: Drive, worker: Install, make_job: MakeJob, result: MemberResult
) -> None:
    worker(f"{OWN}epoch(1)\nfinish()")
    for name in ("a", "b"):
        cluster.add(name)
    driver = drive(cluster)
    outcomes = driver.train([make_job(fold) for fold in range(4)])
    assert sorted(outcomes) == [0, 1, 2, 3]
    for outcome in outcomes.values():
        assert isinstance(outcome, MemberResult)
        np.testing.assert_array_equal(outcome.val_probs, result.val_probs)
        assert outcome.network == b"net"
    epochs = [one for one in driver.events if isinstance(one, Progress)]
    assert sorted((one.member.fold, one.epoch, one.val_score) for one in epochs) == [
        (fold, 1, 0.75) for fold in range(4)
    ]
    record = driver.launcher.cluster()
    assert record
    assert (record.scheduler, record.workers, record.different) == (cluster.address, 2, ())


def test_data_is_sent_to_each_worker_once_also_by_later_drivers(
    cluster: DaskCluster,
    drive: Drive,
    worker: Install,
    make_job: MakeJob,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    worker(
        f"{OWN}content = b''.join(path.read_bytes() for path in sorted(copy.glob('*.npy')))\n"
        "(folder / f'seen-{name}').write_bytes(content)\nfinish()"
    )
    sent: list[str] = []
    read = Parcel.read

    def noting(parcel: Parcel, part: Part) -> bytes:
        sent.append(part.name)
        return read(parcel, part)

    monkeypatch.setattr(Parcel, "read", noting)
    cluster.add("a")
    drive(cluster).train([make_job(fold) for fold in range(3)])
    drive(cluster).train([make_job(fold) for fold in range(3, 5)])
    assert sorted(sent) == ["test_images.npy", "train_images.npy", "train_labels.npy"]
    original = b"".join(path.read_bytes() for path in sorted(tmp_path.glob("*.npy")))
    assert [(tmp_path / f"seen-m-{fold}-0").read_bytes() == original for fold in range(5)] == [True] * 5


def test_checkpoints_reach_the_driver(
    cluster: DaskCluster, drive: Drive, worker: Install, make_job: MakeJob, tmp_path: Path
) -> None:
    worker(
        f"{OWN}send({{'checkpoint': 3}}, b'state')\n"
        "while not (folder / 'go').exists(): time.sleep(0.01)\nfinish()"
    )
    cluster.add("a")
    driver = drive(cluster)
    with driver.pool().train([make_job()]) as outcomes:
        wait_for(lambda: driver.checkpoints)
        (tmp_path / "go").touch()
        [(job, _)] = outcomes
    assert driver.checkpoints == [Checkpoint(job.member, 3, b"state")]


def test_the_reason_of_a_failure_comes_with_the_worker_and_its_log(
    cluster: DaskCluster, drive: Drive, worker: Install, make_job: MakeJob
) -> None:
    worker("print('noise', file=sys.stderr)\nfail('no good')")
    cluster.add("a")
    error = drive(cluster).train([make_job()])[0]
    assert isinstance(error, WorkerFailedError)
    assert error.what == f"m-f0-s0: no good (Dask worker a on {os.uname().nodename})"
    assert "noise" in error.log


def test_a_worker_killed_in_the_middle_costs_no_member(
    cluster: DaskCluster, drive: Drive, worker: Install, make_job: MakeJob, tmp_path: Path
) -> None:
    worker(
        f"{OWN}(folder / f'started-{{name}}').touch()\n"
        "while not (folder / 'go').exists(): time.sleep(0.01)\nfinish()"
    )
    for name in ("a", "b"):
        cluster.add(name)
    driver = drive(cluster)
    with driver.pool().train([make_job(fold) for fold in range(4)]) as outcomes:
        wait_for(lambda: len(list(tmp_path.glob("started-*"))) == 2)
        cluster.kill("a")
        wait_for(lambda: driver.retries)
        (tmp_path / "go").touch()
        done = {job.member.fold: outcome for job, outcome in outcomes}
    attempts = [one.history.attempts for one in done.values() if isinstance(one, MemberResult)]
    assert sorted(attempts) == [1, 1, 1, 2]
    [reason] = driver.retries
    what = f"Dask worker a on {os.uname().nodename} is lost: its process or machine ended; retrying"
    assert reason.partition(": ")[2] == what


def test_a_worker_that_joins_later_is_used(
    cluster: DaskCluster, drive: Drive, worker: Install, make_job: MakeJob, tmp_path: Path
) -> None:
    worker(
        f"{OWN}(folder / f'started-{{name}}').touch()\n"
        "while not (folder / 'go').exists(): time.sleep(0.01)\nfinish()"
    )
    cluster.add("a")
    driver = drive(cluster)

    def join() -> None:
        cluster.add("b")
        wait_for(lambda: len(list(tmp_path.glob("started-*"))) == 2)
        (tmp_path / "go").touch()

    joining = threading.Thread(target=join)
    joining.start()
    outcomes = driver.train([make_job(fold) for fold in range(2)], most=2)
    joining.join()
    assert all(isinstance(one, MemberResult) for one in outcomes.values())
    record = driver.launcher.cluster()
    assert record
    assert record.workers == 2


def test_a_training_ends_on_the_cluster_if_nobody_waits_for_it(
    cluster: DaskCluster, drive: Drive, worker: Install, make_job: MakeJob, tmp_path: Path
) -> None:
    worker(f"{OWN}(folder / 'pid').write_text(str(os.getpid()))\nwhile True: time.sleep(0.1)")
    cluster.add("a")
    pid = tmp_path / "pid"
    with drive(cluster).pool().train([make_job()]):
        number = int(wait_for(lambda: pid.exists() and pid.read_text()))
    wait_for(lambda: not psutil.pid_exists(number))


def fake_numpy(folder: Path) -> Path:
    """Write what makes a worker have another NumPy; return the folder to import from."""
    metadata = folder / "other" / "numpy-9.9.9.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 9.9.9\n")
    return folder / "other"


def test_a_worker_with_another_numpy_is_named_and_refused(
    cluster: DaskCluster, drive: Drive, tmp_path: Path
) -> None:
    cluster.add("odd", before=fake_numpy(tmp_path))
    with pytest.raises(UserError) as caught:
        drive(cluster).launcher.devices(None)
    ours = machine.versions()["numpy"]
    differs = f"would give other numbers: numpy 9.9.9 instead of {ours}"
    assert caught.value.where == cluster.address
    assert caught.value.what == f"no worker may train: Dask worker odd on {os.uname().nodename} {differs}"
    assert caught.value.hint
    assert "--allow-different" in caught.value.hint


def test_a_worker_without_bfloat16_is_named_and_the_others_train(
    cluster: DaskCluster,
    drive: Drive,
    worker: Install,
    make_job: MakeJob,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    worker(f"{OWN}finish()")
    texts = {"with": "flags : avx2 amx_bf16\n", "without": "flags : avx2\n"}
    for name, text in texts.items():
        (tmp_path / f"{name}.txt").write_text(text)
        code = f"machine.CPUINFO = __import__('pathlib').Path({str(tmp_path / f'{name}.txt')!r})\n"
        (tmp_path / f"{name}.py").write_text(f"from kit.training import machine\n{code}")
        cluster.add(name, "--preload", str(tmp_path / f"{name}.py"))
    monkeypatch.setattr(machine, "cpuinfo", lambda: texts["with"])
    driver = drive(cluster)
    outcomes = driver.train([make_job(fold) for fold in range(2)])
    assert all(isinstance(one, MemberResult) for one in outcomes.values())
    label = f"Dask worker without on {os.uname().nodename}"
    reason = f"{label} would give other numbers: its CPU lacks amx_bf16"
    assert driver.said == [f"warning: {reason}; it trains nothing"]


def test_a_worker_that_differs_is_recorded_if_it_is_allowed(
    cluster: DaskCluster, drive: Drive, worker: Install, make_job: MakeJob, tmp_path: Path
) -> None:
    worker(f"{OWN}finish()")
    cluster.add("odd", before=fake_numpy(tmp_path))
    driver = drive(cluster, allow_different=True)
    assert isinstance(driver.train([make_job()])[0], MemberResult)
    record = driver.launcher.cluster()
    assert record
    label, ours = f"Dask worker odd on {os.uname().nodename}", machine.versions()["numpy"]
    differences = (f"numpy 9.9.9 instead of {ours}",)
    assert record.different == (DifferentWorker(worker=label, differences=differences),)


def test_a_scheduler_without_kit_is_an_error_of_the_user(
    drive: Drive, tmp_path_factory: pytest.TempPathFactory
) -> None:
    pytest.importorskip("distributed")
    folder = tmp_path_factory.mktemp("dask")
    (folder / "kit.py").write_text("")  # In place of kit.
    cluster = DaskCluster(folder, before=folder)
    try:
        with pytest.raises(UserError, match="the Dask scheduler has no kit of this version"):
            drive(cluster).launcher.devices(None)
    finally:
        cluster.close()


def test_no_scheduler_is_an_error_of_the_user(drive: Drive, cluster: DaskCluster) -> None:
    cluster.close()
    began = time.monotonic()
    with pytest.raises(UserError, match="the Dask scheduler does not answer"):
        drive(cluster).launcher.devices(None)
    assert time.monotonic() - began < 60


def test_without_a_scheduler_in_the_middle_the_members_fail_with_a_hint(
    cluster: DaskCluster, drive: Drive, worker: Install, make_job: MakeJob, tmp_path: Path
) -> None:
    worker(f"{OWN}(folder / 'started').touch()\nwhile True: time.sleep(0.1)")
    cluster.add("a")
    with drive(cluster).pool().train([make_job(fold) for fold in range(2)]) as outcomes:
        wait_for((tmp_path / "started").exists)
        cluster.close()
        errors = [outcome for _, outcome in outcomes]
    for error in errors:
        assert isinstance(error, WorkerFailedError)
        assert "the Dask scheduler" in error.what
        assert error.hint == "rerun the same command to resume when a scheduler runs there"


def test_a_process_trains_the_next_member_of_its_session_and_then_ends(
    cluster: DaskCluster, drive: Drive, worker: Install, make_job: MakeJob, tmp_path: Path
) -> None:
    worker(
        f"{OWN}while True:\n    open(folder / 'pids', 'a').write(f'{{os.getpid()}} ')\n    finish()\n"
        "    job, _ = receive()"
    )
    cluster.add("a")
    driver = drive(cluster)
    [place] = driver.launcher.devices(None)
    with Session(driver.launcher, place, driver.data) as session:
        for fold in range(3):
            session.train(make_job(fold), lambda _: None)
        pids = set(map(int, (tmp_path / "pids").read_text().split()))
        assert len(pids) == 1
        assert psutil.pid_exists(*pids)
    wait_for(lambda: not psutil.pid_exists(*pids))


def test_the_weights_of_a_pretrained_network_are_sent(
    cluster: DaskCluster, drive: Drive, worker: Install, make_job: MakeJob, tmp_path: Path
) -> None:
    worker(
        f"{OWN}path = Path(job['model']['weights'])\n(folder / 'seen').write_bytes(path.read_bytes())\n"
        "(folder / 'path').write_text(str(path))\nfinish()"
    )
    weights = tmp_path / "net.h5"
    weights.write_bytes(b"weights")
    model = Pretrained(kind="pretrained", name="MobileNetV2", weights=str(weights))
    cluster.add("a")
    outcome = drive(cluster).train([replace(make_job(), model=model)])[0]
    assert isinstance(outcome, MemberResult)
    assert (tmp_path / "seen").read_bytes() == b"weights"
    assert (tmp_path / "path").read_text().startswith(str(cluster.folder))
