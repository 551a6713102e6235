"""`kit cv`, killed at random moments and resumed each time with the same command."""

import io
import json
import random
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from kit.run_folder import Run
from tests.kills.harness import (
    Moment,
    Place,
    make_place,
    members,
    new_member,
    same_results,
    seeds,
    stamps,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

CLASSICAL = """
folds: {count: 3}
competition: {image_shape: [6, 6]}
models: {knn: {kind: knn, neighbours: 3}}
"""
NETWORK = """
folds: {count: 2}
competition: {image_shape: [6, 6]}
models:
  cnn: {kind: cnn, stages: [{filters: 4}], training: {epochs: 8, batch_size: 8}}
"""
COMMAND = ("cv", "-c", "mine.yaml", "--run", "mine", "--jobs", "1")
CHECKPOINTS: tuple[str, ...] = ()
"""Options of `kit cv` with which a network's training is kept after each epoch."""
KINDS = (*["start"] * 5, *["member"] * 2, *["finish"] * 3)
"""The kills of one run: in its first seconds, after it stored a member, and after it stored the last one."""


@dataclass(frozen=True)
class Whole:
    """An undisturbed run.

    Attributes:
        place: where it is.
        members: their number.
        first: seconds until its first member was stored.
        finish: seconds from its last member until the end.
    """

    place: Place
    members: int
    first: float
    finish: float

    @property
    def run(self) -> Path:
        """Its folder."""
        return self.place.folder / "runs" / "mine"

    def moment(self, kind: str, chance: random.Random, run: Path) -> Moment:
        """Return a random moment of a command that continues `run`."""
        if kind == "member":
            return Moment(chance.uniform(0, 0.05), new_member(run), "a new member")
        if kind == "finish":
            is_trained = lambda: len(list(members(run))) == self.members  # noqa: E731 - one condition
            return Moment(chance.uniform(0, self.finish), is_trained, "the last member")
        return Moment(chance.uniform(0, 1.5 * self.first))


def whole(folder: Path, config: str) -> Whole:
    """Train a run without a disturbance."""
    place, began = make_place(folder, config), time.time()
    place.run(*COMMAND)
    ended, run = time.time(), place.folder / "runs" / "mine"
    stored = sorted(path.stat().st_mtime for path in members(run))
    return Whole(place, len(stored), stored[0] - began, ended - stored[-1])


@pytest.fixture(scope="module")
def classical(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    return whole(tmp_path_factory.mktemp("classical"), CLASSICAL)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    return whole(tmp_path_factory.mktemp("network"), NETWORK)


@pytest.mark.parametrize("seed", seeds(5))
def test_a_run_killed_ten_times_equals_an_undisturbed_one(
    seed: int, classical: Whole, tmp_path: Path
) -> None:
    check(seed, classical, make_place(tmp_path, CLASSICAL))


@pytest.mark.parametrize("seed", seeds(5))
def test_a_network_killed_ten_times_equals_an_undisturbed_one(
    seed: int, network: Whole, tmp_path: Path
) -> None:
    check(seed, network, make_place(tmp_path, NETWORK), *CHECKPOINTS)


def check(seed: int, expected: Whole, place: Place, *options: str) -> None:
    """Kill a run at ten moments; compare what it stored at each, and its results at the end."""
    chance, run, command = random.Random(seed), place.folder / "runs" / "mine", (*COMMAND, *options)
    kept: list[int] = []
    for kind in KINDS:
        at, before, trained = expected.moment(kind, chance, run), stamps(run), epochs(run)
        killed = place.kill(*command, at=at)
        assert before.items() <= stamps(run).items(), f"{at}: a stored member was written again"
        for member, (count, _) in trained.items():
            later, starts = epochs(run).get(member, (count, []))
            assert later >= count, f"{at}: {member} lost epochs"
            assert all(one >= count for one in starts if one not in trained[member][1]), f"{at}: {member}"
        kept += [count for count, _ in epochs(run).values()]
        if killed and Run(run).exists():
            assert Run(run).status() in {"interrupted", "complete"}, at
            if kind == "member":
                assert Run(run).read_record().status == "running"
                assert "interrupted" in place.run("runs")
    assert any(kept) == bool(options), "a training was kept after an epoch"
    place.run(*command)
    same_results(run, expected.run)
    assert place.files() == expected.place.files()
    assert place.strays() == []


def epochs(run: Path) -> dict[str, tuple[int, list[int]]]:
    """Return finished epochs of each unfinished member, and the epochs with which its workers started."""
    found = {}
    for path in run.glob("members/[!.]*.checkpoint"):
        # A checksum of 32 bytes, and an .npz file.
        with np.load(io.BytesIO(path.read_bytes()[32:])) as arrays:
            starts = json.loads(arrays["about"].tobytes())["starts"]
            found[path.stem] = len(arrays["epochs"]), starts
    return found
