"""Members that JAX trains as one program: the same as one at a time, however many there are."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kit.members import ALL_ROWS, Member
from kit.run_folder import RUNS, Run
from tests.backends import BACKENDS
from tests.driving import wait_for

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
KINDS = """
folds: {count: 2}
all_rows: true
augmentation: {zoom: 0.1, flip: horizontal, crop: 0.1, brightness: 0.1, contrast: 0.1, cutout: 0.2}
training: {epochs: 2, batch_size: 64, learning_rate: 2.0e-3}
models:
  muon: {stages: [{filters: 8, stride: 2, pool: max}], training: {optimizer: muon, ema: 0.9}}
  sgd: {stages: [{filters: 8, stride: 2, pool: max}], training: {optimizer: sgd, weight_decay: 1.0e-4}}
  adamw: {stages: [{filters: 8, stride: 2, pool: max}], deskew: true, training: {optimizer: adamw}}
  resnet: {kind: resnet, width: 0.25}
  student: {stages: [{filters: 8, stride: 2, pool: max}], teachers: [muon, sgd]}
"""
ARRAYS = ("val_probs", "test_probs")


def command(name: str, together: int) -> list[str]:
    start = [sys.executable, "-m", "kit", "cv", "-c", "mine.yaml", "--run", name, "--jobs", "1"]
    return [*start, "--set", f"together={together}", "--checkpoint", "0"]


def cv(backend: str, name: str, together: int) -> Run:
    """Train the members of the configuration."""
    variables = os.environ | {"KERAS_BACKEND": backend}
    done = subprocess.run(command(name, together), env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Run(RUNS / name)


@pytest.mark.parametrize("backend", JAX)
def test_eight_members_at_once_are_those_of_one_at_a_time(backend: str, workdir: Path) -> None:
    (workdir / "mine.yaml").write_text(CONFIG)
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
    (workdir / "mine.yaml").write_text(CONFIG)
    run = cv(backend, "some", 3)
    whole = {member: run.read_member(member) for member in MEMBERS}
    for member in MEMBERS[1:6:2]:
        (run.path / "members" / f"{member}.npz").unlink()
    cv(backend, "some", 3)
    for member, before in whole.items():
        again = run.read_member(member)
        np.testing.assert_array_equal(again.val_probs, before.val_probs)
        np.testing.assert_array_equal(again.test_probs, before.test_probs)


@pytest.mark.parametrize("backend", JAX)
def test_every_kind_of_training_is_the_same_together(backend: str, workdir: Path) -> None:
    (workdir / "mine.yaml").write_text(KINDS)
    alone, together = cv(backend, "alone", 1), cv(backend, "together", 2)
    for model in ("muon", "sgd", "adamw", "resnet", "student"):
        for fold in (0, 1, ALL_ROWS):
            members = [run.read_member(Member(model, fold, 0)) for run in (alone, together)]
            for name in ARRAYS:
                one, other = (getattr(member, name) for member in members)
                np.testing.assert_allclose(other, one, atol=1e-3, err_msg=f"{model}, fold {fold}")


@pytest.mark.parametrize("backend", JAX)
def test_a_killed_run_continues_from_the_checkpoints_of_its_members(backend: str, workdir: Path) -> None:
    (workdir / "mine.yaml").write_text(CONFIG.replace("epochs: 2", "epochs: 30"))
    killed = Run(RUNS / "killed")
    process = subprocess.Popen(
        command("killed", 4), env=os.environ | {"KERAS_BACKEND": backend}, stderr=subprocess.DEVNULL
    )
    wait_for(lambda: all(killed.checkpoint_path(member).is_file() for member in MEMBERS[:4]))
    process.kill()
    process.wait()
    assert any(killed.checkpoint_path(member).is_file() for member in MEMBERS)
    cv(backend, "killed", 4)
    whole = cv(backend, "whole", 4)
    for member in MEMBERS:
        again, before = (run.read_member(member) for run in (killed, whole))
        for name in ARRAYS:
            np.testing.assert_array_equal(getattr(again, name), getattr(before, name))
        assert again.history.epochs.loss == before.history.epochs.loss
