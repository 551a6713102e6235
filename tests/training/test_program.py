"""Members that JAX trains as one program: the same as one at a time, however many there are."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kit.members import Member
from kit.run_folder import RUNS, Run
from tests.backends import BACKENDS

pytestmark = pytest.mark.slow
JAX = [one for one in BACKENDS if "jax" in str(one)]
CONFIG = """
augmentation: {rotation: 10, shift: 0.05, elastic: 1, tta: true}
folds: {count: 4}
seeds: 2
training: {epochs: 2, batch_size: 64, ema: 0.5, learning_rate: 5.0e-3}
models:
  cnn:
    stages: [{filters: 8, stride: 2, pool: max}, {filters: 16, dropout: 0.1}]
    head: [32]
    batch_norm: after_activation
    l2: 1.0e-5
"""
MEMBERS = [Member("cnn", fold, seed) for seed in range(2) for fold in range(4)]


def cv(backend: str, name: str, together: int) -> Run:
    """Train the members of CONFIG."""
    command = [sys.executable, "-m", "kit", "cv", "-c", "eight.yaml", "--run", name]
    done = subprocess.run(
        [*command, "--set", f"together={together}", "--jobs", "1"],
        env=os.environ | {"KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Run(RUNS / name)


@pytest.mark.parametrize("backend", JAX)
def test_eight_members_at_once_are_those_of_one_at_a_time(backend: str, workdir: Path) -> None:
    (workdir / "eight.yaml").write_text(CONFIG)
    alone, together = cv(backend, "alone", 1), cv(backend, "together", 8)
    assert alone.read_record().hash != together.read_record().hash
    assert together.read_record().config["together"] == 8
    for member in MEMBERS:
        one, other = alone.read_member(member), together.read_member(member)
        for name in ("val_probs", "test_probs", "val_probs_tta", "test_probs_tta"):
            np.testing.assert_allclose(getattr(other, name), getattr(one, name), atol=1e-3)
        losses = [np.array(which.history.epochs.loss, np.float64) for which in (other, one)]
        np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4)


@pytest.mark.parametrize("backend", JAX)
def test_members_do_not_depend_on_those_beside_them(backend: str, workdir: Path) -> None:
    (workdir / "eight.yaml").write_text(CONFIG)
    run = cv(backend, "some", 3)
    whole = {member: run.read_member(member) for member in MEMBERS}
    for member in MEMBERS[1:6:2]:
        (run.path / "members" / f"{member}.npz").unlink()
    cv(backend, "some", 3)
    for member, before in whole.items():
        again = run.read_member(member)
        np.testing.assert_array_equal(again.val_probs, before.val_probs)
        np.testing.assert_array_equal(again.test_probs, before.test_probs)
