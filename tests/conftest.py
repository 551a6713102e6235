"""Shared fixtures. Tests run without the user's credentials, settings and data."""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from kit import interrupts
from kit.config import Config
from kit.ensembling.columns import assemble
from kit.ensembling.methods import Combined
from kit.ensembling.selection import choose
from kit.members import Member, MemberResult
from kit.metrics import HITS
from kit.oof import Oof
from kit.records import Combination, History, Report, RunRecord
from kit.reports.run.figures import summarise
from kit.run_folder import RUNS, Run
from kit.task.labels import LabelEncoder
from kit.task.submission import write_submission
from kit.task.task import make_task
from tests import databases
from tests.kaggle_server import KaggleServer
from tests.workplace import LABELS

# A shell that runs the tests in the background makes them, and every `kit` that they start, ignore Ctrl-C;
# nohup makes them ignore SIGHUP.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def _isolated(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the user's Kaggle credentials and Keras settings, also from worker processes."""
    for name in os.environ:
        # `make test` passes its flags to every `make` in a test.
        if name.startswith(("KAGGLE_", "MAKE", "MFLAGS")):
            monkeypatch.delenv(name)
    for name in ("XDG_CONFIG_HOME", "KERAS_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    # A test that calls `install` must not let later signals end this process.
    monkeypatch.setattr(interrupts._State, "installed", False)
    monkeypatch.setattr(interrupts._State, "received", 0)


@pytest.fixture
def workdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder, the working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def write_competition() -> Callable[..., None]:
    """Return a function that writes train.csv, test.csv and sample_submission.csv into a folder.

    Row i has label i modulo classes. The first pixel is the label; the others are random.
    """

    def write(
        folder: Path, *, rows: int = 60, test_rows: int = 20, side: int = 28, classes: int = 10
    ) -> None:
        pixels = np.random.default_rng(0).integers(0, 256, (rows + test_rows, side * side))
        labels = np.arange(rows) % classes
        pixels[:rows, 0] = labels
        names = ",".join(f"pixel{index}" for index in range(side * side))
        folder.mkdir(parents=True, exist_ok=True)
        train = np.column_stack([labels, pixels[:rows]])
        np.savetxt(folder / "train.csv", train, "%d", ",", header=f"label,{names}", comments="")
        np.savetxt(folder / "test.csv", pixels[rows:], "%d", ",", header=names, comments="")
        sample = np.column_stack([np.arange(1, test_rows + 1), np.zeros(test_rows)])
        np.savetxt(folder / "sample_submission.csv", sample, "%d", ",", header="ImageId,Label", comments="")

    return write


IDS = ("1", "2", "3", "4", "5")
"""Of the test rows of an `Example`."""


@dataclass
class Example:
    """A run without training: 20 rows with labels 0 to 9, 5 test rows.

    With seed s, a member predicts the next class for rows of label (10 - s) % 10, with probability 0.61 (the
    label gets 0.31); every other label gets 0.91. Each column has 2 errors, the ensemble of two seeds none.
    """

    config: Config
    info: dict[str, Any]
    labels: NDArray[np.uint8]
    folds: NDArray[np.int8]
    members: dict[Member, MemberResult]

    def chosen(self) -> tuple[Combined, Combination | None]:
        columns = assemble(self.members, self.folds, self.config.seeds)
        return choose(columns, self.labels, self.config.ensemble.method, HITS)

    def combined(self) -> Combined:
        return self.chosen()[0]

    def report(self, **changes: Any) -> Report:
        parts: dict[str, Any] = {
            "labels": self.labels,
            "names": tuple(map(str, range(10))),
            "columns": assemble(self.members, self.folds, self.config.seeds),
            "combined": self.chosen()[0],
            "combination": self.chosen()[1],
            "folds": self.folds,
            "members": self.members,
            "test_ids": IDS,
        }
        return summarise(RunRecord.model_validate(self.info), self.config, **{**parts, **changes})

    def write(self, *, status: str = "complete") -> Run:
        run = Run(RUNS / self.info["name"])
        run.write_record(RunRecord.model_validate({**self.info, "status": status}))
        run.write_folds(self.folds)
        for member, result in self.members.items():
            run.write_member(member, result)
        if status == "complete":
            combined, names = self.combined(), tuple(map(str, range(10)))
            form = make_task(self.config.competition, LabelEncoder(names)).submission
            run.write_oof(Oof(self.labels, combined.oof, names))
            write_submission(run.submission_path, IDS, combined.test, form)
            run.write_report(self.report())
        return run


def _probabilities(labels: NDArray[np.uint8], seed: int) -> NDArray[np.float32]:
    probs = np.full((len(labels), 10), 0.01, np.float32)
    wrong = (labels + seed) % 10 == 0
    probs[np.arange(len(labels)), labels] = np.where(wrong, 0.31, 0.91)
    probs[wrong, (labels[wrong] + 1) % 10] = 0.61
    return probs


def _history(fold: int) -> History:
    return History(
        train_score=1.0, parameters=1234, multiply_adds=56789, seconds=10.0 + fold, startup_seconds=2.0
    )


@pytest.fixture
def example(workdir: Path) -> Callable[..., Example]:  # noqa: ARG001 - it writes there
    """Return a function that makes an Example."""

    def make(models: Sequence[str] = ("cnn",), seeds: Sequence[int] = (0,), **info: Any) -> Example:
        labels = np.tile(np.arange(10, dtype=np.uint8), 2)
        network = {"kind": "cnn", "stages": [{"filters": 4}]}
        changes = {"seeds": list(seeds), "folds": {"count": 2}, "models": dict.fromkeys(models, network)}
        config = Config.model_validate(changes)
        folds = np.tile(np.arange(20) % 2, (len(seeds), 1)).astype(np.int8)
        members = {}
        for member in [Member(model, fold, seed) for model in models for fold in (0, 1) for seed in seeds]:
            rows = np.flatnonzero(folds[0] == member.fold)
            probs = _probabilities(labels[rows], member.seed), _probabilities(labels[:5], member.seed)
            members[member] = MemberResult(rows, *probs, _history(member.fold))
        known = {"name": "example-1a2b3c4d", "config_name": "example", "hash": "1a2b3c4d", "sample": False}
        known |= {
            "source": "data",
            "started": "2025-01-02T03:04:05Z",
            "wall_seconds": 30.0,
            "backend": "tensorflow",
            "origin": {"command": "kit cv -c example", "base": "example"},
        }
        known |= {
            "precision": {"cnn": "float32"},
            "version": 2,
            "status": "complete",
            "config": config.model_dump(mode="json"),
        }
        return Example(config, {**known, **info}, labels, folds, members)

    return make


@pytest.fixture
def kaggle(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KaggleServer]:  # noqa: ARG001 - it runs there
    """Return a server that this process and its children use as Kaggle, in an empty working directory."""
    server = KaggleServer(LABELS)
    monkeypatch.delenv("NO_PROXY", raising=False)
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    with server.running():
        yield server


@pytest.fixture(scope="session", params=databases.KINDS)
def server(request: pytest.FixtureRequest) -> Iterator[databases.Server]:
    """Return a database server of this test session; skip the test where there is none of its kind."""
    with ExitStack() as ended:
        try:
            started = ended.enter_context(databases.database_server(request.param))
        except databases.NoServerError as error:
            pytest.skip(str(error))
        yield started
