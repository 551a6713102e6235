"""Workers that behave as a test wants, and start in milliseconds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kit.config import Cnn, KNearest, Stage, Training
from kit.members import Member, MemberResult, pack
from kit.training.job import Job
from kit.training.launch.base import DataFolder
from kit.training.launch.local import LocalLauncher
from tests.launchers import PRELUDE, script_launcher

ONE_JOB = (
    PRELUDE
    + """
job, _ = receive()
name = "-".join(map(str, job["member"]))
def epoch(number):
    send({"epoch": number, "val_loss": 0.5, "val_accuracy": 0.75})
def finish():
    send({"result": "member"}, (folder / "arrays").read_bytes(), b"net")
def die():
    os.kill(os.getpid(), signal.SIGKILL)
def first_time():
    marker = folder / f"{name}.seen"
    seen, _ = marker.exists(), marker.touch()
    return not seen
"""
)


@pytest.fixture
def result() -> MemberResult:
    """Return what the workers of `worker` send with finish()."""
    rng = np.random.default_rng(0)
    val, test = (rng.dirichlet(np.ones(3), rows).astype(np.float32) for rows in (4, 6))
    return MemberResult(np.array([1, 5, 6, 9]), val, test, {"train_accuracy": 0.5}, b"net")


@pytest.fixture
def worker(tmp_path: Path, result: MemberResult) -> Callable[[str], None]:
    """Return a function that makes workers run `code`, which may use what ONE_JOB defines."""
    (tmp_path / "arrays").write_bytes(pack(result))

    def install(code: str) -> None:
        (tmp_path / "worker.py").write_text(ONE_JOB + code)

    return install


@pytest.fixture
def launcher(tmp_path: Path) -> LocalLauncher:
    """Return a launcher of the workers that `worker` describes."""
    return script_launcher(tmp_path / "worker.py")


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    """Return the folder that the jobs of `make_job` refer to."""
    return DataFolder("data", tmp_path)


@pytest.fixture
def make_job() -> Callable[..., Job]:
    """Return a function that makes a job of a fold; with epochs, that of a network."""

    def make(fold: int = 0, epochs: int | None = None, rows: int = 20) -> Job:
        model: Any = KNearest(kind="knn")
        if epochs:
            model = Cnn(stages=(Stage(filters=2),), training=Training(epochs=epochs))
        held_out = np.arange(rows) % 2 == 0
        return Job(Member("m", fold, 0), model, (4, 4, 1), 3, "data", 6, held_out, "tensorflow", "float32")

    return make
