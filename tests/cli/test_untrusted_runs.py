"""`kit predict` on runs that somebody else prepared: nothing of them is executed."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from kit.config import load
from kit.records import EnsembleRecord
from kit.run_folder import Run
from tests.keras_files import ATTACKS, network_parts, with_layer, write_parts
from tests.workplace import write_run

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture
def run(workdir: Path) -> Run:
    """Return a run of one network with two folds, whose files are not written, beside an image."""
    config = load("default", ["folds.count=2", "models.wide_view=null"]).model_dump(mode="json")
    run = write_run("foreign", folder=workdir, config=config, labels=tuple("0123456789"))
    weights = {"cnn-s0": 1.0}
    run.write_ensemble(
        EnsembleRecord(method="mean", tta=False, calibrate=False, weights=weights, temperatures={})
    )
    (run.path / "members").mkdir()
    Pillow.fromarray(np.zeros((28, 28), np.uint8)).save(workdir / "new.png")
    return run


def predicted(workdir: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "kit", "predict", "foreign", "new.png"],
        cwd=workdir,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_network_that_executes_something_is_refused(workdir: Path, run: Run) -> None:
    parts = network_parts(workdir / "network.keras")
    attack, called = ATTACKS["function of os"]
    for member in run.planned():
        write_parts(run.network_path(member), with_layer(parts, attack(workdir / "marker")))
    done = predicted(workdir)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "cnn-f0-s0.keras: not a network of kit, so it is not loaded" in done.stderr
    assert f"received {called}" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (workdir / "marker").exists()


@pytest.mark.usefixtures("run")
def test_no_name_controls_the_terminal(workdir: Path) -> None:
    """A terminal gets neither the title nor the clearing of the screen that the name of a run holds."""
    (workdir / "runs/foreign").rename(workdir / "runs/a\x1b]0;title\x07\x1b[2J")
    driver, terminal = pty.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "kit", "runs"],
            cwd=workdir,
            env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "200"},
            stdin=subprocess.DEVNULL,
            stdout=terminal,
            stderr=terminal,
            check=False,
        )
        shown = os.read(driver, 1 << 16).decode()
    finally:
        os.close(driver)
        os.close(terminal)
    assert done.returncode == 0
    assert r"\x1b]0;title" in shown
    assert r"\x1b[2J" in shown
    assert "\x1b]" not in shown
    assert "\x1b[2J" not in shown
