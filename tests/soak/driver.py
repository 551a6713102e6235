"""Trains 200 members in this process, and prints what it holds after each: `python -m tests.soak.driver`.

Run in an empty folder. Workers are a stand-in that answers in milliseconds; all else is real.
"""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import psutil

from kit.config import Config
from kit.data.dataset import Dataset
from kit.data.folds import folds_by_seed
from kit.data.source import load
from kit.errors import KitError
from kit.members import MemberResult, pack
from kit.pipeline.cv import cv
from kit.records import History
from kit.run_folder import Run
from kit.training.estimate import Expected
from kit.training.job import Job
from kit.training.launch.base import Event
from tests.launchers import PRELUDE, script_launcher

SEEDS, FOLDS, CLASSES, ROWS, TEST_ROWS, SIDE = 40, 5, 10, 400, 200, 8
MEMBERS = SEEDS * FOLDS
NETWORK = 300_000
"""Bytes of a stand-in network, so that a result which is kept shows."""

WORKER = (
    PRELUDE
    + f"""
while True:
    job, _ = receive()
    _, fold, seed = job["member"]
    send({{"epoch": 1, "val_loss": 0.5, "val_score": 0.75}})
    send({{"result": "member"}}, Path(FOLDER, f"{{fold}}-{{seed}}").read_bytes(), os.urandom({NETWORK}))
"""
)


def write_competition() -> Config:
    """Write data/train.csv and data/test.csv, and return the configuration."""
    Path("data").mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (ROWS + TEST_ROWS, SIDE * SIDE))
    header = ",".join(f"pixel{index}" for index in range(SIDE * SIDE))
    train = np.column_stack([np.arange(ROWS) % CLASSES, pixels[:ROWS]])
    np.savetxt("data/train.csv", train, "%d", ",", header=f"label,{header}", comments="")
    np.savetxt("data/test.csv", pixels[ROWS:], "%d", ",", header=header, comments="")
    settings = {
        "competition": {"image_shape": [SIDE, SIDE]},
        "folds": {"count": FOLDS},
        "seeds": list(range(SEEDS)),
        "models": {"knn": {"kind": "knn", "neighbours": 1}},
        "ensemble": {"method": "mean"},
    }
    return Config.model_validate(settings)


def write_results(folder: Path, config: Config) -> None:
    """Write what the workers send: random probabilities for each member."""
    rng = np.random.default_rng(0)
    folds = folds_by_seed(load(config), config.folds, config.seeds)
    for seed in range(SEEDS):
        for fold in range(FOLDS):
            rows = np.flatnonzero(folds[seed] == fold)
            val, test = (
                rng.dirichlet(np.ones(CLASSES), count).astype(np.float32) for count in (len(rows), TEST_ROWS)
            )
            result = MemberResult(rows, val, test, History(train_score=0.5, seconds=1.0))
            (folder / f"{fold}-{seed}").write_bytes(pack(result))


class Samples:
    """A listener that measures this process after each member."""

    def __init__(self) -> None:
        self.process = psutil.Process()
        self.taken: list[dict[str, int]] = []

    def say(self, text: str, /) -> None: ...
    def stage(self, text: str) -> None: ...
    def begun(
        self,
        run: Run,
        dataset: Dataset,
        jobs: Sequence[Job],
        kept: int,
        *,
        expected: Sequence[Expected],
        workers: int,
    ) -> None: ...
    def progressed(self, event: Event) -> None: ...
    def retried(self, job: Job, reason: str) -> None:
        raise AssertionError(f"{job.member}: {reason}")

    def ended(self, job: Job, outcome: MemberResult | KitError) -> None:
        assert isinstance(outcome, MemberResult), f"{job.member}: {outcome}"
        self.taken.append(
            {
                "bytes": self.process.memory_info().rss,
                "files": self.process.num_fds(),
                "threads": self.process.num_threads(),
                "children": len(self.process.children(recursive=True)),
            }
        )


def main() -> None:
    """Train, and print the samples as JSON, with what is left after the training."""
    results, samples = Path("results"), Samples()
    results.mkdir()
    config = write_competition()
    write_results(results, config)
    worker = Path("worker.py")
    worker.write_text(WORKER.replace("FOLDER", repr(str(results.absolute()))))
    run, _ = cv(config, "soak", samples, launcher=script_launcher(worker.absolute()), jobs=2)
    left = {"children": len(samples.process.children(recursive=True)), "pid": os.getpid()}
    json.dump({"run": str(run.path), "samples": samples.taken, "left": left}, sys.stdout)


if __name__ == "__main__":
    main()
