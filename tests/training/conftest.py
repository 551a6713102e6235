"""Workers that behave as a test wants, and start in milliseconds."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kit.config import Cnn, KNearest, Stage, Training
from kit.members import Member, MemberResult, pack
from kit.training.job import Job
from kit.training.launch import local

PRELUDE = """
import json, os, signal, sys, time
from pathlib import Path
line = sys.stdin.readline()
job = json.loads(line)
folder, name = Path(job["folder"]), "-".join(map(str, job["member"]))
out = sys.stdout.buffer
def send(event, *blobs):
    out.write(json.dumps(event).encode() + b"\\n" + b"".join(blobs))
    out.flush()
def epoch(number):
    send({"epoch": number, "val_loss": 0.5, "val_accuracy": 0.75})
def finish():
    arrays = (folder / "arrays").read_bytes()
    send({"arrays": len(arrays), "network": 3}, arrays, b"net")
def die():
    os.kill(os.getpid(), signal.SIGKILL)
def first_time():
    marker = folder / f"{name}.seen"
    seen, _ = marker.exists(), marker.touch()
    return not seen
"""


@pytest.fixture
def result() -> MemberResult:
    """Return what the workers of `worker` send with finish()."""
    rng = np.random.default_rng(0)
    val, test = (rng.dirichlet(np.ones(3), rows).astype(np.float32) for rows in (4, 6))
    return MemberResult(np.array([1, 5, 6, 9]), val, test, {"train_accuracy": 0.5}, b"net")


@pytest.fixture
def worker(tmp_path: Path, result: MemberResult, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that makes workers run `code`, which may use what PRELUDE defines."""
    (tmp_path / "arrays").write_bytes(pack(result))

    def install(code: str) -> None:
        monkeypatch.setattr(local, "WORKER", [sys.executable, "-SE", "-c", PRELUDE + code])

    return install


@pytest.fixture
def make_job(tmp_path: Path) -> Callable[..., Job]:
    """Return a function that makes a job of a fold; with epochs, that of a network."""

    def make(fold: int = 0, epochs: int | None = None, rows: int = 20) -> Job:
        model: Any = KNearest(kind="knn")
        if epochs:
            model = Cnn(stages=(Stage(filters=2),), training=Training(epochs=epochs))
        held_out = np.arange(rows) % 2 == 0
        return Job(Member("m", fold, 0), model, (4, 4, 1), 3, tmp_path, held_out, "tensorflow", "float32")

    return make
