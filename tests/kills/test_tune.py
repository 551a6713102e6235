"""`kit tune`, killed at random moments and resumed each time with the same command."""

import random
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import optuna
import pytest

from kit.studies import StudyFolder
from tests.kills.harness import Moment, Place, make_place, seeds

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

# Random parameters follow from the seed and the trial's position; a new process asks for the same ones.
CONFIG = """
folds: {count: 2}
competition: {image_shape: [6, 6]}
models: {knn: {kind: knn, neighbours: 9}}
tune:
  sampler: random
  pruner: none
  folds: 2
  space: {models.knn.neighbours: {kind: int, low: 1, high: 24}}
"""
TRIALS = 6
COMMAND = ("tune", "-c", "mine.yaml", "--study", "mine", "--trials", str(TRIALS), "--jobs", "1")
FINISHED = "SELECT count(*) FROM trials WHERE state = 'COMPLETE'"
KINDS = (*["start"] * 3, *["trial"] * 5, *["end"] * 2)
"""The kills of one study: in its first seconds, after a trial, and after the last trial."""


def finished(place: Place) -> int:
    """Return the number of complete trials, read without Optuna."""
    database = place.folder / "runs" / "tune-mine" / "study.db"
    if not database.is_file():
        return 0
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
            return int(connection.execute(FINISHED).fetchone()[0])
    except sqlite3.Error:
        return 0  # Its tables are being made.


def trials(place: Place) -> list[optuna.trial.FrozenTrial]:
    storage = f"sqlite:///{place.folder}/runs/tune-mine/study.db"
    return optuna.load_study(study_name="mine", storage=storage).trials


def outcomes(place: Place) -> list[tuple[object, float | None]]:
    """Return parameter and loss of the complete trials, sorted."""
    done = [trial for trial in trials(place) if trial.state.name == "COMPLETE"]
    return sorted((trial.params["models.knn.neighbours"], trial.value or 0.0) for trial in done)


def moment(kind: str, chance: random.Random, place: Place, seconds: float) -> Moment:
    """Return a random moment of a command that continues a study; an undisturbed one takes `seconds`."""
    if kind == "start":
        return Moment(chance.uniform(0, seconds / 2))
    before = finished(place)
    wanted = TRIALS if kind == "end" else min(before + 1, TRIALS)
    return Moment(
        chance.uniform(0, 0.5), lambda: finished(place) >= wanted, f"{kind}, with {before} trials before"
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, float]:
    """Return an undisturbed study, and how long it took in seconds."""
    place, began = make_place(tmp_path_factory.mktemp("whole"), CONFIG), time.monotonic()
    place.run(*COMMAND)
    return place, time.monotonic() - began


@pytest.mark.parametrize("seed", seeds(2))
def test_a_study_killed_ten_times_equals_an_undisturbed_one(
    seed: int, whole: tuple[Place, float], tmp_path: Path
) -> None:
    expected, seconds = whole
    place, chance = make_place(tmp_path, CONFIG), random.Random(seed)
    study = StudyFolder(place.folder / "runs" / "tune-mine")
    for kind in KINDS:
        at, before = moment(kind, chance, place, seconds), finished(place)
        killed = place.kill(*COMMAND, at=at)
        assert before <= finished(place) <= TRIALS, at
        if killed and study.exists():
            assert study.status() in {"interrupted", "complete"}, at
    place.run(*COMMAND)
    assert outcomes(place) == outcomes(expected)
    assert not [trial for trial in trials(place) if trial.state.name in {"RUNNING", "WAITING"}]
    ours, theirs = study.read_report(), StudyFolder(expected.folder / "runs" / "tune-mine").read_report()
    assert (ours.confirmation and ours.confirmation.status) == (
        theirs.confirmation and theirs.confirmation.status
    )
    assert place.files() == expected.files()
    assert place.strays() == []
