"""A competition whose images encode their row number, and a fast worker that predicts from that number."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from kit.config import Cnn, Config, merged
from kit.data.dataset import Dataset
from kit.errors import KitError
from kit.members import PARSING, MemberResult
from kit.pipeline.cv import cv as cross_validate
from kit.records import History
from kit.run_folder import RUNS, Run
from kit.training.estimate import Expected
from kit.training.job import Job
from kit.training.launch.base import Event, Progress
from tests.launchers import FakeLauncher, OnProgress

ROWS, TEST_ROWS, FIRST_TEST, CLASSES = 100, 30, 5000, 10
WRONG_EVERY = 25
"""Distance between training rows whose label differs from the class of the image."""

RAW = {
    "folds": {"count": 4},
    "competition": {"image_shape": [4, 4]},
    "models": {"knn": {"kind": "knn", "neighbours": 1}},
}


def class_of(name: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the class of the images with these numbers."""
    return np.asarray((7 * name + 3) % CLASSES)


def probabilities(name: NDArray[np.int64], seed: int = 0, *, views: bool = False) -> NDArray[np.float32]:
    """Return (rows, classes) probabilities that differ by row, slightly by seed, and with views."""
    top = 0.5 + name / 20_000 + seed / 100 + views / 10
    probs = np.repeat((1 - top)[:, None] / (CLASSES - 1), CLASSES, axis=1)
    probs[np.arange(len(name)), class_of(name)] = top
    return probs.astype(np.float32)


def predict(job: Job, folder: Path, on_progress: OnProgress) -> MemberResult:
    """Predict as a worker does, without training."""
    with PARSING:
        train, test = (np.load(folder / f"{name}_images.npy") for name in ("train", "test"))
    names, test_names = (images[:, 0, 0, 0] * np.int64(256) + images[:, 0, 1, 0] for images in (train, test))
    rows, seed = np.flatnonzero(job.held_out), job.member.seed
    on_progress(Progress(job.member, 1, job.epochs, 0.5, 0.5))
    history = History(train_score=1.0, seconds=2.0, startup_seconds=1.0, tracing_seconds=0.5)
    result = MemberResult(rows, probabilities(names[rows], seed), probabilities(test_names, seed), history)
    if not (isinstance(job.model, Cnn) and job.model.augmentation.tta):
        return result
    val_probs, test_probs = (probabilities(name, seed, views=True) for name in (names[rows], test_names))
    return replace(result, val_probs_tta=val_probs, test_probs_tta=test_probs)


class Record:
    """A listener that records its events."""

    def __init__(self) -> None:
        self.planned: list[str] = []
        self.ended_members: dict[str, bool] = {}
        self.retries: list[str] = []
        self.stages: list[str] = []
        self.said: list[str] = []
        self.kept = -1
        self.on_ended: Callable[[], object] = lambda: None

    def say(self, text: str) -> None:
        self.said.append(text)

    def stage(self, text: str) -> None:
        self.stages.append(text)

    def begun(
        self,
        run: Run,
        dataset: Dataset,
        jobs: Sequence[Job],
        kept: int,
        *,
        expected: Sequence[Expected],
        workers: int,
    ) -> None:
        assert run.read_record().status == "running"
        assert len(dataset.train_labels) == ROWS
        assert len(expected) == len(jobs)
        assert workers >= 1
        self.planned, self.kept = [str(job.member) for job in jobs], kept

    def progressed(self, event: Event) -> None:
        pass

    def retried(self, job: Job, reason: str) -> None:
        self.retries.append(f"{job.member}: {reason}")

    def ended(self, job: Job, outcome: MemberResult | KitError) -> None:
        self.ended_members[str(job.member)] = isinstance(outcome, MemberResult)
        self.on_ended()


Cv = Callable[..., tuple[Run, bool, Record]]


@pytest.fixture
def competition(workdir: Path) -> Path:
    """Write data/train.csv and data/test.csv; return their folder."""
    folder = workdir / "data"
    folder.mkdir()
    names, test_names = np.arange(ROWS), FIRST_TEST + np.arange(TEST_ROWS)
    labels = class_of(names)
    labels[::WRONG_EVERY] = (labels[::WRONG_EVERY] + 1) % CLASSES
    pixels, test_pixels = (np.zeros((len(name), 16), np.int64) for name in (names, test_names))
    for table, name in ((pixels, names), (test_pixels, test_names)):
        table[:, 0], table[:, 1] = name // 256, name % 256
    header = ",".join(f"pixel{index}" for index in range(16))
    train = np.column_stack([labels, pixels])
    np.savetxt(folder / "train.csv", train, "%d", ",", header=f"label,{header}", comments="")
    np.savetxt(folder / "test.csv", test_pixels, "%d", ",", header=header, comments="")
    return folder


@pytest.fixture
def launcher() -> FakeLauncher:
    """Return a launcher whose workers do what `predict` does."""
    return FakeLauncher(predict)


@pytest.fixture
def record() -> Record:
    return Record()


@pytest.fixture
def cv(competition: Path, launcher: FakeLauncher) -> Cv:  # noqa: ARG001 - writes the data
    """Return a function that runs `pipeline.cv` with a changed configuration and fake workers."""

    def run(changes: Any = None, record: Record | None = None, **also: Any) -> tuple[Run, bool, Record]:
        config = Config.model_validate(merged(RAW, changes or {}))
        record = record or Record()
        made, complete = cross_validate(config, "example", record, launcher=launcher, **also)
        return made, complete, record

    return run


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store") / "runs"


@pytest.fixture
def runs(cv: Cv, store: Path) -> list[Run]:
    """Return run a with one column, and run b with two; folds and data are the same."""
    if not store.exists():
        cv(name="a")
        cv({"seeds": [1, 2]}, name="b")
        shutil.copytree(RUNS, store)
    shutil.copytree(store, RUNS, dirs_exist_ok=True)
    return [Run(RUNS / "a"), Run(RUNS / "b")]


def edit(path: Path, **changes: Any) -> None:
    """Change fields of a JSON file."""
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
