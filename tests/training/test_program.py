"""Members that JAX trains as one program: the same as one at a time, whatever is beside them."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kit.members import Member
from kit.run_folder import RUNS, Run
from tests.backends import BACKENDS
from tests.driving import wait_for

pytestmark = pytest.mark.slow
JAX = [one for one in BACKENDS if "jax" in str(one)]
ARRAYS = ("val_probs", "test_probs")
EIGHT = """
augmentation: {rotation: 10, shift: 0.05, elastic: 1}
folds: {count: 4}
seeds: 2
training: {epochs: 2, batch_size: 64, learning_rate: 5.0e-3, precision: float32}
models:
  cnn:
    stages: [{filters: 8, stride: 2, pool: max}, {filters: 16, dropout: 0.1}]
    batch_norm: after_activation
    l2: 1.0e-5
"""
TAUGHT = """
folds: {count: 2}
augmentation: {zoom: 0.1, flip: horizontal, crop: 0.1, brightness: 0.1, cutout: 0.2, tta: true}
training: {epochs: 2, batch_size: 64, learning_rate: 2.0e-3, precision: float32}
models:
  teacher: {stages: [{filters: 4, stride: 2, pool: max}], training: {optimizer: muon, ema: 0.9}}
  student:
    stages: [{filters: 4, stride: 2, pool: max}]
    teachers: [teacher]
    deskew: true
    training: {optimizer: adamw, weight_decay: 1.0e-3}
"""


def command(name: str, together: int) -> list[str]:
    start = [sys.executable, "-m", "kit", "cv", "-c", "mine.yaml", "--run", name, "--jobs", "1"]
    return [*start, "--set", f"together={together}", "--checkpoint", "0"]


def cv(backend: str, name: str, together: int) -> Run:
    """Train the members of the configuration."""
    variables = os.environ | {"KERAS_BACKEND": backend}
    done = subprocess.run(command(name, together), env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Run(RUNS / name)


def check_close(one: Run, other: Run, member: Member) -> None:
    for name in ARRAYS:
        expected, found = (getattr(run.read_member(member), name) for run in (one, other))
        np.testing.assert_allclose(found, expected, atol=1e-3, err_msg=str(member))


@pytest.mark.parametrize("backend", JAX)
def test_eight_members_at_once_are_those_of_one_at_a_time(backend: str, workdir: Path) -> None:
    (workdir / "mine.yaml").write_text(EIGHT)
    alone, together = cv(backend, "alone", 1), cv(backend, "together", 8)
    assert alone.read_record().hash != together.read_record().hash
    assert together.read_record().config["together"] == 8
    members = [Member("cnn", fold, seed) for seed in range(2) for fold in range(4)]
    for member in members:
        check_close(alone, together, member)
    # Trained again beside fewer members, each has the same bits.
    whole = {member: together.read_member(member) for member in members}
    for member in members[1:6:2]:
        (together.path / "members" / f"{member}.npz").unlink()
    cv(backend, "together", 8)
    for member, before in whole.items():
        for name in ARRAYS:
            again = getattr(together.read_member(member), name)
            np.testing.assert_array_equal(again, getattr(before, name))


@pytest.mark.parametrize("backend", JAX)
def test_teachers_and_students_are_the_same_together(backend: str, workdir: Path) -> None:
    (workdir / "mine.yaml").write_text(TAUGHT)
    alone, together = cv(backend, "alone", 1), cv(backend, "together", 2)
    for model in ("teacher", "student"):
        for fold in range(2):
            check_close(alone, together, Member(model, fold, 0))


@pytest.mark.parametrize("backend", JAX)
def test_a_killed_run_continues_from_the_checkpoints_of_its_members(backend: str, workdir: Path) -> None:
    one_seed = EIGHT.replace("seeds: 2", "seeds: 1").replace("count: 4", "count: 2")
    (workdir / "mine.yaml").write_text(one_seed.replace("epochs: 2", "epochs: 40"))
    killed, members = Run(RUNS / "killed"), [Member("cnn", fold, 0) for fold in range(2)]
    process = subprocess.Popen(
        command("killed", 2), env=os.environ | {"KERAS_BACKEND": backend}, stderr=subprocess.DEVNULL
    )
    wait_for(lambda: all(killed.checkpoint_path(member).is_file() for member in members))
    process.kill()
    process.wait()
    assert any(killed.checkpoint_path(member).is_file() for member in members)
    cv(backend, "killed", 2)
    whole = cv(backend, "whole", 2)
    for member in members:
        again, before = (run.read_member(member) for run in (killed, whole))
        for name in ARRAYS:
            np.testing.assert_array_equal(getattr(again, name), getattr(before, name))
        assert again.history.epochs.loss == before.history.epochs.loss
