"""Check the model of docs/cluster.md: stand-in members on Dask workers of this machine.

Usage: python -m tests.benchmarks.cluster [--members 200] [--workers 4] [--threads 10] [--seconds 10]
"""

import argparse
import io
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil

from kit.config import KNearest
from kit.members import Member, MemberResult, pack
from kit.records import History
from kit.training.job import Job
from kit.training.launch.base import DataFolder
from kit.training.launch.dask.launcher import DaskLauncher
from kit.training.launch.pool import WorkerPool
from tests.dask_cluster import DaskCluster
from tests.driving import wait_for
from tests.launchers import PRELUDE

CLASSES, TEST_ROWS, VAL_ROWS = 10, 28_000, 8_400
IMAGES = (70_000, 28, 28, 1)
NETWORK = 1_500_000
"""Bytes of a stored network: 370,000 parameters."""
WORKER = (
    PRELUDE
    + """
place, seconds = Path(sys.argv[1]), float(sys.argv[2])
receive()
for step in range(int(2 * seconds)):
    time.sleep(0.5)
    send({"phase": "training", "epoch": 1, "share": 0.0})
send({"epoch": 1, "val_loss": 0.5, "val_score": 0.75})
send({"result": "member"}, (place / "arrays").read_bytes(), (place / "network").read_bytes())
"""
)


def write(folder: Path) -> DataFolder:
    """Write data of the size of Digit Recognizer's, and what each member returns."""
    rng = np.random.default_rng(0)
    val, test = (rng.dirichlet(np.ones(CLASSES), rows).astype(np.float32) for rows in (VAL_ROWS, TEST_ROWS))
    (folder / "arrays").write_bytes(pack(MemberResult(np.arange(VAL_ROWS), val, test, History())))
    (folder / "network").write_bytes(rng.bytes(NETWORK))
    (folder / "worker.py").write_text(WORKER)
    images = np.frombuffer(rng.bytes(int(np.prod(IMAGES))), np.uint8).reshape(IMAGES)
    np.save(folder / "train_images.npy", images[:-TEST_ROWS])
    np.save(folder / "train_labels.npy", np.zeros(len(images) - TEST_ROWS, np.uint8))
    np.save(folder / "test_images.npy", images[-TEST_ROWS:])
    return DataFolder("data", folder)


def jobs(count: int) -> list[Job]:
    """Return so many jobs; what they train does not matter."""
    rows = IMAGES[0] - TEST_ROWS
    held_out, model = np.arange(rows) < VAL_ROWS, KNearest(kind="knn")
    return [
        Job(
            Member("m", 0, seed),
            model,
            (28, 28, 1),
            CLASSES,
            "data",
            TEST_ROWS,
            held_out,
            "none",
            "float32",
            "accuracy",
        )
        for seed in range(count)
    ]


def used(pid: int | None = None) -> float:
    """Return the seconds of CPU that a process has used."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def moved() -> int:
    """Return the bytes that all processes have sent over the loopback interface."""
    return int(psutil.net_io_counters(pernic=True)["lo"].bytes_sent)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    for name, default in (("members", 200), ("workers", 4), ("threads", 10), ("seconds", 10)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder, own = Path(place) / "data", Path(place) / "dask"
        folder.mkdir()
        own.mkdir()
        data = write(folder)
        cluster = DaskCluster(own)
        try:
            for number in range(asked.workers):
                cluster.add(str(number), "--nthreads", str(asked.threads))
            measure(cluster, data, asked.members, asked.seconds, asked.workers * asked.threads)
        finally:
            cluster.close()


def measure(cluster: DaskCluster, data: DataFolder, members: int, seconds: int, places: int) -> None:
    """Train, and print what it took."""
    command = [sys.executable, "-SE", str(data.path / "worker.py"), str(data.path), str(seconds)]
    result = (data.path / "arrays").stat().st_size + NETWORK
    arrays = sum(path.stat().st_size for path in data.path.glob("*.npy"))
    with DaskLauncher(cluster.address, command=command) as launcher:
        began = time.monotonic()
        wait_for(lambda: len(launcher.devices(None)) == places)
        connected = time.monotonic() - began
        pool = WorkerPool(
            launcher,
            launcher.devices(None),
            data,
            on_progress=lambda *_: None,
            on_retry=lambda _, why: print(why),  # noqa: T201
        )
        began, sent, driver, scheduler = time.monotonic(), moved(), used(), used(cluster.scheduler.pid)
        out = io.StringIO()
        with pool.train(jobs(members)) as outcomes:
            done = sum(isinstance(outcome, MemberResult) for _, outcome in outcomes)
        took = time.monotonic() - began
        out.write(f"{done} of {members} members in {took:.1f} s, without overhead ")
        out.write(f"{-(-members // places) * seconds} s; connected after {connected:.1f} s\n")
        out.write(f"data {arrays / 1e6:.1f} MB, result of a member {result / 1e6:.2f} MB\n")
        out.write(f"moved {(moved() - sent) / 1e6:.0f} MB\n")
        driver, scheduler = used() - driver, used(cluster.scheduler.pid) - scheduler
        out.write(f"CPU: driver {driver:.1f} s ({1000 * driver / members:.0f} ms per member), ")
        out.write(f"scheduler {scheduler:.1f} s ({1000 * scheduler / members:.0f} ms per member)\n")
        memory = psutil.Process(cluster.scheduler.pid).memory_info().rss, psutil.Process().memory_info().rss
        out.write(f"memory: scheduler {memory[0] / 1e6:.0f} MB, driver {memory[1] / 1e6:.0f} MB\n")
        print(out.getvalue())  # noqa: T201


if __name__ == "__main__":
    main()
