"""`kit cv --on` as a user runs it: a scheduler, workers and drivers that are processes."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import pytest

from kit.config import Cnn, Stage
from kit.errors import UserError
from kit.members import Member
from kit.pipeline.cluster import check_together, devices_for, launcher_on
from kit.run_folder import RUNS, Run
from kit.studies import StudyFolder
from kit.training.job import Job
from tests.dask_cluster import DaskCluster
from tests.driving import wait_for
from tests.launchers import FakeLauncher

CONFIG = """
folds: {count: 2}
seeds: 2
models:
  cnn: {kind: cnn, stages: [{filters: 4}], training: {epochs: 2, batch_size: 8}}
  knn: {kind: knn}
"""
MEMBERS = 8
STUDY = """
folds: {count: 3}
models: {knn: {kind: knn, neighbours: 9}}
tune:
  space: {models.knn.neighbours: {kind: int, low: 1, high: 12}}
"""
Write = Callable[..., None]


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    """Return a cluster of two workers."""
    pytest.importorskip("distributed")
    started = DaskCluster(tmp_path_factory.mktemp("dask"))
    for name in ("a", "b"):
        started.add(name)
    yield started
    started.close()


@pytest.fixture
def place(workdir: Path, write_competition: Write) -> Path:
    """Return a working directory with data and a configuration."""
    write_competition(workdir / "data")
    (workdir / "mine.yaml").write_text(CONFIG)
    return workdir


def start(place: Path, *arguments: str, command: str = "cv") -> "subprocess.Popen[bytes]":
    words = [sys.executable, "-m", "kit", command, "-c", "mine.yaml", *arguments]
    path = os.pathsep.join(filter(None, sys.path))
    with (place / "output").open("wb") as output:
        return subprocess.Popen(
            words, cwd=place, env=os.environ | {"PYTHONPATH": path}, stdout=output, stderr=output
        )


def run(place: Path, *arguments: str) -> str:
    """Run `kit cv`, expect success, and return what it wrote."""
    code = start(place, *arguments).wait(250)
    output = (place / "output").read_text()
    assert code == 0, output
    return output


def members(name: str) -> dict[str, list[bytes]]:
    """Return the predictions of the stored members of a run."""
    found = {}
    for path in (RUNS / name / "members").glob("[!.]*.npz"):
        with np.load(path) as file:
            arrays = ("val_rows", "val_probs", "test_probs")
            found[path.stem] = [file[array].tobytes() for array in arrays]
    return found


@pytest.mark.slow
def test_members_are_bit_identical_to_those_of_local_processes(place: Path, cluster: DaskCluster) -> None:
    run(place, "--run", "there", "--on", cluster.address)
    run(place, "--run", "here", "--jobs", "2")
    there, here = members("there"), members("here")
    assert len(here) == MEMBERS
    assert there == here
    record = Run(RUNS / "there").read_record().cluster
    assert record
    assert record.workers == 2
    assert Run(RUNS / "here").read_record().cluster is None


@pytest.mark.slow
def test_a_run_resumes_after_its_driver_was_killed(place: Path, cluster: DaskCluster) -> None:
    arguments = ("--run", "mine", "--on", cluster.address)
    driver = start(place, *arguments)
    wait_for(lambda: len(members("mine")) >= 2)
    driver.kill()
    driver.wait()
    wait_for(lambda: not trainings(cluster))
    before = stamps()
    output = run(place, *arguments)
    assert len(members("mine")) == MEMBERS
    assert {name: stamp for name, stamp in stamps().items() if name in before} == before
    assert "knn" in output


@pytest.mark.slow
def test_ctrl_c_ends_the_members_on_the_cluster(place: Path, cluster: DaskCluster) -> None:
    driver = start(place, "--run", "mine", "--on", cluster.address)
    wait_for(lambda: members("mine") and trainings(cluster))
    driver.send_signal(signal.SIGINT)
    assert driver.wait(20) == 130
    wait_for(lambda: not trainings(cluster))
    assert "rerun the same command to resume" in (place / "output").read_text()


@pytest.mark.slow
def test_a_run_completes_although_a_worker_was_killed(place: Path, cluster: DaskCluster) -> None:
    driver = start(place, "--run", "mine", "--on", cluster.address)
    wait_for(lambda: members("mine") and trainings(cluster, "a"))
    cluster.kill("a")
    assert driver.wait(250) == 0, (place / "output").read_text()
    assert len(members("mine")) == MEMBERS
    assert "is lost: its process or machine ended; retrying" in (place / "output").read_text()


@pytest.mark.slow
def test_tls_of_dask_passes_through(
    place: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    pytest.importorskip("distributed")
    folder, program = tmp_path_factory.mktemp("dask"), shutil.which("openssl")
    if program is None:
        pytest.skip("openssl makes the certificates")
    key, cert = folder / "key.pem", folder / "cert.pem"
    words = "req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=kit"
    subprocess.run([program, *words.split(), "-keyout", str(key), "-out", str(cert)], check=True)
    monkeypatch.setenv("DASK_DISTRIBUTED__COMM__TLS__CA_FILE", str(cert))
    for role in ("SCHEDULER", "WORKER", "CLIENT"):
        monkeypatch.setenv(f"DASK_DISTRIBUTED__COMM__TLS__{role}__CERT", str(cert))
        monkeypatch.setenv(f"DASK_DISTRIBUTED__COMM__TLS__{role}__KEY", str(key))
    (place / "mine.yaml").write_text("folds: {count: 2}\nmodels: {knn: {kind: knn}}\n")
    cluster = DaskCluster(folder, protocol="tls")
    try:
        assert cluster.address.startswith("tls://")
        cluster.add("a")
        run(place, "--run", "mine", "--on", cluster.address)
    finally:
        cluster.close()
    assert len(members("mine")) == 2


@pytest.mark.slow
def test_a_study_is_searched_and_confirmed_on_a_cluster(place: Path, cluster: DaskCluster) -> None:
    (place / "mine.yaml").write_text(STUDY)
    arguments = ("--study", "mine", "--trials", "4", "--on", cluster.address)
    assert start(place, *arguments, command="tune").wait(250) == 0, (place / "output").read_text()
    study = StudyFolder.named("mine")
    report = study.read_report()
    assert report.trials.complete == 4
    assert report.confirmation
    record = study.read_origin().cluster
    assert record
    assert (record.scheduler, record.workers, record.different) == (cluster.address, 2, ())


def trainings(cluster: DaskCluster, *names: str) -> list[psutil.Process]:
    """Return the processes that Dask workers, by default all, have started for members."""
    found = [cluster.workers[name] for name in names or cluster.workers]
    return [child for one in found for child in psutil.Process(one.pid).children()]


def stamps() -> dict[str, tuple[int, int]]:
    files = {path.stem: path.stat() for path in RUNS.glob("mine/members/[!.]*.npz")}
    return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in files.items()}


def test_local_needs_no_launcher_of_its_own() -> None:
    with launcher_on("local", print) as launcher:
        assert launcher is None


def test_different_workers_need_a_cluster() -> None:
    with (
        pytest.raises(UserError, match="this option is about the workers of a cluster"),
        launcher_on("local", print, allow_different=True),
    ):
        pass


def jobs(together: int) -> list[Job]:
    """Return 8 jobs of a network."""
    model, held_out = Cnn(stages=(Stage(filters=2),)), np.zeros(9, np.bool_)
    members = (Member("cnn", fold, 0) for fold in range(8))
    one = partial(Job, model=model, shape=(4, 4, 1), classes=3, data="", test_rows=5, held_out=held_out)
    return [
        one(member, backend="jax", precision="float32", metric="accuracy", together=together)
        for member in members
    ]


def test_a_cluster_trains_one_member_at_a_time() -> None:
    with pytest.raises(UserError) as raised:
        check_together(8, FakeLauncher())
    assert str(raised.value) == (
        "together: the workers of a cluster train one member at a time\nexpected 1, received 8\n"
        "set together=1, or leave out --on"
    )


@pytest.mark.parametrize(("together", "workers"), [(1, 2), (4, 2), (8, 1)])
def test_there_are_no_more_workers_than_programs(together: int, workers: int) -> None:
    devices, most = devices_for(FakeLauncher(), "jax", None, jobs(together))
    assert (len(devices), most) == (workers, 8 // together)
