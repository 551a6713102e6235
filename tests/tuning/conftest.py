"""Studies of one number, and stand-in workers that answer in milliseconds."""

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy

from kit.config import FloatRange, Tune
from kit.data.dataset import Dataset
from kit.members import MemberResult, pack
from kit.records import History
from kit.training.launch.base import Activity, Progress
from kit.training.launch.local import LocalLauncher
from kit.tuning.space import Parameter, Space
from kit.tuning.storage import storage_url
from kit.tuning.study import SharedStudy
from kit.tuning.warm_start import WarmStart
from tests import tasks
from tests.launchers import PRELUDE, script_launcher

RATE = "training.learning_rate"
ROWS, CLASSES, FOLDS = 40, 2, 4

CONFIG = """
competition: {image_shape: [4, 4], classes: 2}
folds: {count: 4}
seeds: [7]
"""
# The learning rate determines the losses.
NETWORK = "models: {cnn: {stages: [{filters: 2}], training: {epochs: 4}}}\n"

# What `worker` writes in front of its script; `seen` is where the test looks.
JOBS = (
    PRELUDE
    + """
seen = Path(SEEN)
(seen / f"{os.getpid()}.pid").touch()
def train(losses):
    for number, loss in enumerate(losses, 1):
        send({"epoch": number, "val_loss": loss, "val_score": 0.5})
    with (seen / "trained").open("a") as file:
        file.write(f"{name} {fold} {seed}\\n")
    send({"result": "member"}, (seen / f"{name}{fold}.npz").read_bytes(), b"")
while True:
    job, blobs = receive()
    (name, fold, seed), rate = job["member"], job["model"].get("training", {}).get("learning_rate")
CODE
"""
)


class Recorder:
    """A listener that records events."""

    def __init__(self) -> None:
        self.started: dict[int, dict[str, Any]] = {}
        self.ended: list[Any] = []
        self.epochs: list[tuple[int, Progress]] = []
        self.ends = 0.0
        self.waits: list[dict[int, bool]] = []
        self.left: list[int] = []
        self.on_start: Callable[[], object] = lambda: None
        self.on_wait: Callable[[], object] = lambda: None

    def trial_started(self, number: int, params: Mapping[str, Any]) -> None:
        self.started[number] = dict(params)
        self.on_start()

    def trial_progressed(self, number: int, progress: Progress) -> None:
        self.epochs.append((number, progress))

    def trial_acts(self, number: int, activity: Activity) -> None: ...

    def search_ends(self, at: float) -> None:
        self.ends = at

    def trial_ended(self, trial: Any) -> None:
        self.ended.append(trial)

    def waiting(self, trials: Mapping[int, bool], seconds: float) -> None:
        del seconds
        self.waits.append(dict(trials))
        self.on_wait()

    def given_up(self, trials: Collection[int]) -> None:
        self.left.extend(trials)


def line_space(key: str = "x") -> Space:
    """Return a space of one number from 0 to 1."""
    return Space((Parameter(key, FloatRange(kind="float", low=0.0, high=1.0), {}),), {key: 0.5}, False)


@pytest.fixture
def record() -> Recorder:
    return Recorder()


def hasty(connection: Any, record: object) -> None:
    """Let SQLite not wait for the disk, which takes most of a trial of no length."""
    del record
    connection.execute("PRAGMA synchronous = OFF")


@pytest.fixture
def open_study(workdir: Path) -> Iterator[Callable[..., SharedStudy]]:
    """Return a function that opens the study "s" under a changed section `tune`."""

    def open_it(
        space: Space | None = None,
        made_of: Mapping[str, str] | None = None,
        warm_start: WarmStart | None = None,
        **tune: Any,
    ) -> SharedStudy:
        settings = Tune.model_validate({"pruner": "none", **tune})
        folder = workdir / "runs/tune-s"
        url = storage_url(folder, None)
        return SharedStudy.open(
            "s", url, folder, settings, space or line_space(), made_of or {"data": "d"}, warm_start
        )

    sqlalchemy.event.listen(sqlalchemy.Engine, "connect", hasty)
    yield open_it
    sqlalchemy.event.remove(sqlalchemy.Engine, "connect", hasty)


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Return rows whose label is the first pixel, and that of row 0 is wrong."""
    folder = tmp_path / "arrays"
    folder.mkdir()
    labels = (np.arange(ROWS) // FOLDS % CLASSES).astype(np.uint8)
    images = np.random.default_rng(0).integers(0, 2, (ROWS, 4, 4, 1)).astype(np.uint8)
    images[:, 0, 0, 0] = 255 * labels
    arrays: dict[str, Any] = {"train_images": images, "train_labels": labels, "test_images": images[:5]}
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    return Dataset(
        **arrays,
        task=tasks.make(image_shape=[4, 4], classes=CLASSES),
        fingerprint="f",
        sample=False,
        source="here",
        warnings=(),
        folder=folder,
    )


@pytest.fixture
def folds() -> Any:
    return (np.arange(ROWS) % FOLDS).astype(np.int8)


@pytest.fixture
def launcher(workdir: Path) -> LocalLauncher:
    """Return a launcher of the workers that `worker` describes."""
    return script_launcher(workdir / "worker.py")


@pytest.fixture
def worker(workdir: Path, folds: Any) -> Callable[..., None]:
    """Return a function that writes configs/tiny.yaml and makes workers run `code`, with what JOBS defines.

    What they send: in fold f the probability of class 0 is (f + 1) / 10 of the model "other", 0.4 of others.
    """
    for fold in range(FOLDS):
        rows = np.flatnonzero(folds == fold)
        for name, first in (("cnn", 0.4), ("other", (fold + 1) / 10)):
            probs = np.tile(np.array([first, 1 - first], np.float32), (len(rows), 1))
            history = History(seconds=2.0 + fold, startup_seconds=0.5)
            result = MemberResult(rows, probs, probs[:1], history)
            (workdir / f"{name}{fold}.npz").write_bytes(pack(result))

    def install(code: str, config: str = NETWORK) -> None:
        (workdir / "configs").mkdir(exist_ok=True)
        (workdir / "configs/tiny.yaml").write_text(CONFIG + config)
        indented = "".join(f"    {line}\n" for line in code.splitlines())
        script = JOBS.replace("SEEN", repr(str(workdir))).replace("CODE", indented)
        (workdir / "worker.py").write_text(script)

    return install


def alive(pid: int) -> bool:
    """Say whether a process of this number runs still."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
