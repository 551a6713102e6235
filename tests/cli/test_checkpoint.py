"""`kit cv --checkpoint` with real networks, processes and signals, on each of Keras's backends."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kit.config import load
from kit.members import ARRAYS, Member
from kit.pipeline.cv import cv
from kit.reports.progress import RunProgress
from kit.run_folder import RUNS, Run
from kit.training.launch.base import Event, Progress
from tests.backends import BACKENDS
from tests.driving import wait_for

PATIENCE = 250.0
"""Timeout of a whole training in seconds, for a busy machine."""
EPOCHS = 12
CONFIG = f"""
augmentation: {{cutout: 0.3}}
folds: {{count: 2}}
training: {{optimizer: muon, epochs: {EPOCHS}, batch_size: 64, ema: 0.5, learning_rate: 5.0e-3}}
models:
  cnn:
    stages: [{{filters: 4, stride: 2}}, {{filters: 4, dropout: 0.2}}]
    dropout: 0.2
    batch_norm: after_activation
"""
FIRST, SECOND = (Member("cnn", fold, 0) for fold in range(2))


def start(run: str, *words: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "kit", "cv", "-c", "tiny.yaml", "--jobs", "1", "--run", run, *words]
    return subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)


class Epochs(RunProgress):
    """Notes the epochs of each member, and the lines that people see."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.trained: dict[Member, list[int]] = {}
        super().__init__(self.lines.append)

    def progressed(self, event: Event) -> None:
        super().progressed(event)
        if isinstance(event, Progress):
            self.trained.setdefault(event.member, []).append(event.epoch)


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_an_interrupted_network_continues_after_its_last_epoch_and_ends_with_the_same_bits(
    backend: str, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", backend)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
    (workdir / "tiny.yaml").write_text(CONFIG)
    _, err = (whole := start("whole")).communicate(timeout=PATIENCE)
    assert whole.returncode == 0, err

    stopped, run = start("stopped", "--checkpoint", "0"), Run(RUNS / "stopped")
    wait_for(run.checkpoint_path(FIRST).exists)
    stopped.send_signal(signal.SIGINT)
    _, err = stopped.communicate(timeout=PATIENCE)
    assert stopped.returncode == 130, err
    said = "kit: interrupted; 0 of 2 members are stored, 1 more is kept up to epoch "
    message = err.splitlines()[-1]
    assert message.startswith(said), message
    epoch = int(message.removeprefix(said).partition(";")[0])
    assert 1 <= epoch < EPOCHS

    progress = Epochs()
    cv(load("tiny.yaml"), "tiny", progress, name="stopped", jobs=1, checkpoint=0.0)
    assert f"cnn-f0-s0 continues after epoch {epoch} of {EPOCHS}" in progress.lines
    assert progress.trained[FIRST] == list(range(epoch + 1, EPOCHS + 1))
    assert progress.trained[SECOND] == list(range(1, EPOCHS + 1))
    assert (run.path / "oof.csv").read_bytes() == (RUNS / "whole" / "oof.csv").read_bytes()
    for member in (FIRST, SECOND):
        one, other = (Run(RUNS / name).read_member(member) for name in ("whole", "stopped"))
        for name in ARRAYS:
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
        assert curves(one) == curves(other)
    assert list(run.path.glob("members/*.checkpoint")) == []


def curves(result: Any) -> list[Any]:
    return [getattr(result.history.epochs, name) for name in ("loss", "accuracy", "val_loss", "val_score")]
