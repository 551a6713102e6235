"""Launchers for tests: calls of a function in place of workers, and workers that run a script."""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from kit.members import MemberResult
from kit.records import ClusterRecord
from kit.training.job import Job
from kit.training.launch.base import DataFolder, Device, Progress
from kit.training.launch.local import LocalLauncher
from kit.training.wire import read_message

CPU = Device("cpu")
OnProgress = Callable[[Progress], None]
Train = Callable[[Job, Path, OnProgress], MemberResult]

PRELUDE = """
import json, os, signal, sys, time
from pathlib import Path
folder, out = Path(os.environ["KIT_DATA"]), sys.stdout.buffer
def receive():
    line = sys.stdin.buffer.readline()
    job = json.loads(line) if line else sys.exit()
    return job, [sys.stdin.buffer.read(size) for size in job["blobs"]]
def send(fields, *blobs):
    line = json.dumps({**fields, "blobs": [len(blob) for blob in blobs]})
    out.write(line.encode() + b"\\n" + b"".join(blobs))
    out.flush()
def fail(why):
    send({"failed": why, "hint": None})
"""
"""The beginning of a worker's script: the protocol without kit, which takes seconds to import."""


def script_launcher(path: Path) -> LocalLauncher:
    """Return a launcher whose workers run the Python script at `path`; they start in milliseconds."""
    return LocalLauncher([sys.executable, "-SE", str(path)])


def _untrained(job: Job, *_: object) -> MemberResult:
    raise AssertionError(f"{job.member} was not to be trained")


@dataclass
class FakeLauncher:
    """A launcher whose workers call a function in this process.

    Attributes:
        train: called with the job as a worker receives it, the folder of the arrays, and what takes progress.
        count: number of devices.
    """

    train: Train = _untrained
    count: int = 2
    trains_together: bool = False

    def devices(self, backend: str | None) -> list[Device]:
        del backend
        return [CPU] * self.count

    def more(self, running: int) -> list[Device]:
        del running
        return []

    def cluster(self) -> ClusterRecord | None:
        return None

    def start(self, device: Device, backend: str, data: DataFolder) -> "FakeWorker":
        del device, backend
        return FakeWorker(self, data.path)

    def suspended_together(self) -> AbstractContextManager[None]:
        return nullcontext()


@dataclass
class FakeWorker:
    launcher: FakeLauncher
    folder: Path

    def train(self, job: Job, on_progress: OnProgress) -> MemberResult:
        message = read_message(BytesIO(job.to_bytes()))
        assert message
        return self.launcher.train(Job.from_message(message), self.folder, on_progress)

    def kill(self) -> None: ...
    def close(self) -> None: ...
