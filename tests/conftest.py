"""What tests share. Every test runs without the user's credentials, settings and data."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def _isolated(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the user's Kaggle credentials and Keras settings, from worker processes too."""
    for name in os.environ:
        if name.startswith("KAGGLE_"):
            monkeypatch.delenv(name)
    for name in ("XDG_CONFIG_HOME", "KERAS_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))


@pytest.fixture
def workdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder, and be in it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def write_competition() -> Callable[..., None]:
    """Return a function that writes train.csv, test.csv and sample_submission.csv into a folder.

    Labels go round (row i has label i modulo classes); pixels are random, but for the first one, the label itself.
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
