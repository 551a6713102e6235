"""Random damage to the files of a finished run: each is named, or provably harmless."""

import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kit import checksums
from kit.checksums import SUMS
from kit.members import Member
from kit.pipeline.report import is_drawn
from kit.pipeline.verify import verify
from kit.run_folder import RUNS, Run

pytestmark = pytest.mark.slow

CONFIG = """
folds: {count: 2}
competition: {image_shape: [8, 8]}
training: {epochs: 1, batch_size: 16}
models:
  cnn: {kind: cnn, stages: [{filters: 2}]}
  knn: {kind: knn, neighbours: 1}
"""
FLIPS = 50
"""Changed bits per seed."""
LENGTHS = 3
"""Truncations per file."""


def kit(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "kit", "cv", "-c", "small.yaml", "--run", "mine", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store") / "work"


@pytest.fixture
def run(workdir: Path, store: Path, write_competition: Callable[..., None]) -> Run:
    """Return a finished run with members of a network and of a classical model."""
    if not store.exists():
        write_competition(workdir / "data", side=8)
        (workdir / "small.yaml").write_text(CONFIG)
        done = kit()
        assert done.returncode == 0, done.stderr
        shutil.copytree(workdir, store)
    else:
        shutil.copytree(store, workdir, dirs_exist_ok=True)
    return Run(RUNS / "mine")


def files(run: Run) -> list[Path]:
    return sorted(path for path in run.path.rglob("*") if path.is_file())


def is_named(run: Run, path: Path) -> bool:
    """Return whether the verification names this file, and no other but what it makes unreadable."""
    found = {one.path for one in verify(run).findings}
    return path in found and (found == {path} or path == run.info_path)


def is_harmless(run: Run, path: Path, before: bytes) -> bool:
    """Return whether what kit reads from a file is as it was before, or is made again when it is used."""
    damaged = path.read_bytes() if path.is_file() else None
    read: dict[Path, Callable[[], object]] = {
        run.info_path: lambda: run.read_record().model_dump(),
        run.path / SUMS: lambda: checksums.read(run.path),
    }
    if path == run.page_path:
        return not is_drawn(run)
    if path not in read or damaged is None:
        return False
    now = read[path]()
    path.write_bytes(before)
    then = read[path]()
    path.write_bytes(damaged)
    return now == then


@pytest.mark.parametrize("seed", range(4))
def test_a_changed_bit_is_named_or_harmless(run: Run, seed: int) -> None:
    rng = random.Random(seed)
    assert not verify(run).findings
    for number in range(FLIPS):
        path = rng.choice(files(run))
        before = path.read_bytes()
        place = rng.randrange(8 * len(before))
        content = bytearray(before)
        content[place // 8] ^= 1 << place % 8
        path.write_bytes(content)
        where = f"flip {number} of seed {seed}: bit {place} of {path}"
        assert is_named(run, path) or is_harmless(run, path, before), where
        path.write_bytes(before)
    assert not verify(run).findings


@pytest.mark.parametrize("seed", range(2))
def test_a_truncated_file_is_named_or_harmless(run: Run, seed: int) -> None:
    rng = random.Random(seed)
    for path in files(run):
        before = path.read_bytes()
        for length in (0, len(before) - 1, *(rng.randrange(len(before)) for _ in range(LENGTHS))):
            path.write_bytes(before[:length])
            where = f"seed {seed}: {path} truncated to {length} bytes"
            assert is_named(run, path) or is_harmless(run, path, before), where
        path.write_bytes(before)


def test_a_deleted_file_is_named_or_harmless(run: Run) -> None:
    for path in files(run):
        before = path.read_bytes()
        path.unlink()
        assert is_named(run, path) or is_harmless(run, path, before), str(path)
        path.write_bytes(before)


def test_the_command_repairs_members_networks_and_results(run: Run) -> None:
    knn, cnn = run.member_path(Member("knn", 1, 0)), run.network_path(Member("cnn", 0, 0))
    kept, oof, rng = {}, run.oof_path.read_bytes(), random.Random(0)
    weights = run.read_member(Member("cnn", 0, 0)).val_probs
    undamaged = kit("--verify").stdout
    assert undamaged.endswith(" files: nothing wrong\n")
    for path in (knn, cnn, run.oof_path):
        content = bytearray(path.read_bytes())
        content[rng.randrange(len(content))] ^= 16
        path.write_bytes(content)
        kept[path.parent / "damaged" / path.name] = bytes(content)
    checked = kit("--verify")
    assert checked.returncode == 1
    assert len(checked.stdout.splitlines()) == len(kept)
    done = kit()
    assert done.returncode == 0
    for path in kept:
        assert f"{path.parent.parent / path.name}: its checksum differs" in done.stderr
    assert {path: path.read_bytes() for path in kept} == kept
    assert run.oof_path.read_bytes() == oof
    np.testing.assert_array_equal(run.read_member(Member("cnn", 0, 0)).val_probs, weights)
    again = kit("--verify")
    assert (again.returncode, again.stdout) == (0, undamaged)
