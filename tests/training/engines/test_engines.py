"""Each of Keras's backends, from the command line to the report, in separate processes."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kit.members import ALL_ROWS, ARRAYS, Member
from kit.run_folder import RUNS, Run
from tests.backends import BACKENDS

CONFIG = """
augmentation: {rotation: 10, shift: 0.05, zoom: 0.1, shear: 5, elastic: 1, tta: true}
all_rows: true
folds: {count: 2}
training: {optimizer: muon, epochs: 2, batch_size: 64, ema: 0.5, label_smoothing: 0.05, learning_rate: 5.0e-3}
models:
  cnn:
    stages: [{filters: 8, stride: 2, pool: max}, {filters: 16, dropout: 0.1}]
    head: [32]
    batch_norm: after_activation
    l2: 1.0e-5
  student:
    stages: [{filters: 8, stride: 2, pool: max}]
    teachers: [cnn]
    training: {epochs: 1}
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_backend_learns_and_its_result_does_not_depend_on_jobs(backend: str, workdir: Path) -> None:
    (workdir / "tiny.yaml").write_text(CONFIG)
    for jobs in ("1", "2"):
        command = [
            sys.executable,
            "-m",
            "kit",
            "cv",
            "-c",
            "tiny.yaml",
            "--jobs",
            jobs,
            "--run",
            f"run{jobs}",
        ]
        done = subprocess.run(
            command, env=os.environ | {"KERAS_BACKEND": backend}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    one, two = (Run(RUNS / name) for name in ("run1", "run2"))
    assert one.read_record().backend == backend
    # Chance is 0.1.
    assert one.read_report().oof.accuracy > 0.3
    losses = [loss or 0.0 for loss in one.read_member(Member("cnn", 0, 0)).history.epochs.loss]
    assert losses[1] < 0.8 * losses[0]
    assert one.oof_path.read_bytes() == two.oof_path.read_bytes()
    for fold in (0, 1, ALL_ROWS):
        members = [run.read_member(Member("cnn", fold, 0)) for run in (one, two)]
        for name in ARRAYS:
            np.testing.assert_array_equal(getattr(members[0], name), getattr(members[1], name))
        # Predictions of a shifted or rotated image are close to those of the image, and never equal.
        difference = np.abs(members[0].with_views().test_probs - members[0].test_probs)
        assert 0 < difference.mean() < 0.1
