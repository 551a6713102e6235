"""What tests in several folders share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from kit.blending.columns import assemble
from kit.blending.methods import blend
from kit.config import Config, validate
from kit.reports.summary import summarise
from kit.store import RUNS, Member, MemberResult, Run


@dataclass
class Example:
    """A run that nobody had to train: 20 rows of labels 0 to 9, 5 test rows.

    With seed s a member takes the rows of label (10 - s) % 10 for the next class, at 0.61 against 0.31, and gives
    every other label 0.91. So each column has 2 errors, and the blend of two seeds none.
    """

    config: Config
    info: dict[str, Any]
    labels: NDArray[np.uint8]
    folds: NDArray[np.int8]
    members: dict[Member, MemberResult]

    def report(self, **changes: Any) -> dict[str, Any]:
        columns = assemble(self.members, self.folds, self.config.seeds)
        parts: dict[str, Any] = {"labels": self.labels, "columns": columns, "blend": blend(columns, "mean")}
        return summarise(self.info, self.config, **{**parts, "members": self.members, **changes})

    def write(self, *, status: str = "complete") -> Run:
        run = Run(RUNS / self.info["name"])
        run.write_info({**self.info, "status": status})
        run.write_folds(self.folds)
        for member, result in self.members.items():
            run.write_member(member, result)
        if status == "complete":
            run.write_report(self.report())
        return run


def probabilities(labels: NDArray[np.uint8], seed: int) -> NDArray[np.float32]:
    probs = np.full((len(labels), 10), 0.01, np.float32)
    wrong = (labels + seed) % 10 == 0
    probs[np.arange(len(labels)), labels] = np.where(wrong, 0.31, 0.91)
    probs[wrong, (labels[wrong] + 1) % 10] = 0.61
    return probs


def history(fold: int) -> dict[str, Any]:
    curves: dict[str, list[float]] = {"loss": [], "accuracy": [], "val_loss": [], "val_accuracy": []}
    times = {"seconds": 10.0 + fold, "startup_seconds": 2.0, "attempts": 1}
    return {"epochs": curves, "train_accuracy": 1.0, "parameters": 1234, "multiply_adds": 56789, **times}


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Example]:
    """Make an Example; what it writes goes to an empty working directory."""
    monkeypatch.chdir(tmp_path)

    def make(models: Sequence[str] = ("cnn",), seeds: Sequence[int] = (0,), **info: Any) -> Example:
        labels = np.tile(np.arange(10, dtype=np.uint8), 2)
        network = {"kind": "cnn", "stages": [{"filters": 4}]}
        changes = {"seeds": list(seeds), "folds": {"count": 2}, "models": dict.fromkeys(models, network)}
        config = validate(changes, "example")
        folds = np.tile(np.arange(20) % 2, (len(seeds), 1)).astype(np.int8)
        members = {}
        for member in [Member(model, fold, seed) for model in models for fold in (0, 1) for seed in seeds]:
            rows = np.flatnonzero(folds[0] == member.fold)
            probs = probabilities(labels[rows], member.seed), probabilities(labels[:5], member.seed)
            members[member] = MemberResult(rows, *probs, history(member.fold))
        known = {"name": "example-1a2b3c4d", "config_name": "example", "hash": "1a2b3c4d", "sample": False}
        known |= {
            "source": "data",
            "started": "2025-01-02T03:04:05Z",
            "wall_seconds": 30.0,
            "backend": "tensorflow",
        }
        known |= {"precision": "float32", "status": "complete", "config": config.model_dump(mode="json")}
        return Example(config, {**known, **info}, labels, folds, members)

    return make
