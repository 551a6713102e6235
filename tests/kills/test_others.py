"""Workers, whole process groups, `kit data fetch` and `kit report`, killed at random moments."""

import random
import signal
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from kit.files import ABANDONED_SECONDS
from kit.pipeline.report import is_drawn
from kit.run_folder import Run
from tests.kills.harness import Moment, Place, make_place, same_results, seeds, stamps

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

CONFIG = """
folds: {count: 5}
competition: {image_shape: [6, 6]}
models: {knn: {kind: knn, neighbours: 3}}
"""
COMMAND = ("cv", "-c", "mine.yaml", "--run", "mine", "--jobs", "1")
FETCH = ("data", "fetch", "-c", "mine.yaml", "--source", "../source")
FILES = {"data/train.csv", "data/test.csv", "data/sample_submission.csv"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Return an undisturbed run."""
    place = make_place(tmp_path_factory.mktemp("whole"), CONFIG)
    place.run(*COMMAND)
    return place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return make_place(tmp_path, CONFIG)


def workers(driver: int) -> list[psutil.Process]:
    """Return the running workers of a driver."""
    try:
        found = psutil.Process(driver).children()
        return [one for one in found if "kit.training.worker" in one.cmdline()]
    except psutil.Error:  # It has ended by now.
        return []


@pytest.mark.parametrize("seed", seeds(2))
def test_workers_killed_at_five_moments_are_replaced(seed: int, whole: Place, place: Place) -> None:
    chance, process = random.Random(seed), place.start(*COMMAND)
    stored, killed = place.folder / "runs" / "mine", 0
    while process.poll() is None:
        ours = workers(process.pid)
        # One for each member: a member that loses two workers fails.
        if ours and killed == len(stamps(stored)) < 5:
            time.sleep(chance.uniform(0, 0.8))
            if killed == len(stamps(stored)):
                with suppress(psutil.NoSuchProcess):  # Its member has just been trained.
                    ours[0].send_signal(signal.SIGKILL)
            killed += 1
        time.sleep(0.01)
    assert process.returncode == 0, place.output()
    same_results(stored, whole.folder / "runs" / "mine")
    assert place.strays() == []


@pytest.mark.parametrize("seed", seeds(1))
def test_a_run_whose_whole_process_group_is_killed_resumes(seed: int, whole: Place, place: Place) -> None:
    chance, run = random.Random(seed), place.folder / "runs" / "mine"
    for _ in range(4):
        at, before = Moment(chance.uniform(0, 4)), stamps(run)
        place.kill(*COMMAND, at=at, group=True)
        assert before.items() <= stamps(run).items(), at
        assert not Run(run).exists() or Run(run).status() != "running", at
    place.run(*COMMAND)
    same_results(run, whole.folder / "runs" / "mine")
    assert place.files() == whole.files()
    assert place.strays() == []


@pytest.mark.parametrize("seed", seeds(6))
def test_a_fetch_leaves_all_files_or_none(seed: int, place: Place) -> None:
    (place.folder / "data").rename(place.folder.parent / "source")
    chance, data = random.Random(seed), place.folder / "data"
    at = Moment(chance.uniform(0, 1.0))
    if seed % 2:
        at = Moment(chance.uniform(0, 0.02), (data / ".fetch").exists, "staging")
    place.kill(*FETCH, at=at)
    found = {name for name in place.files() if not name.startswith("data/.")}
    assert found in ({"mine.yaml"}, FILES | {"mine.yaml"}), at
    place.run(*FETCH)
    assert place.files() == FILES | {"mine.yaml"}
    assert place.strays() == []


@pytest.mark.parametrize("seed", seeds(1))
def test_a_page_is_complete_or_absent(seed: int, whole: Place) -> None:
    run, chance, files = Run(whole.folder / "runs" / "mine"), random.Random(seed), whole.files()
    for number in range(4):
        run.page_path.unlink(missing_ok=True)

        def begun() -> bool:
            return bool(list(run.path.glob(".report.html*")))

        writing = Moment(chance.uniform(0, 0.002), begun, "its page")
        at = writing if number % 2 else Moment(chance.uniform(0, 2))
        whole.kill("report", "mine", at=at)
        assert not run.page_path.exists() or is_drawn(run), at
    time.sleep(ABANDONED_SECONDS)  # A younger temporary file may belong to a process that runs.
    whole.run("report", "mine")
    assert is_drawn(run)
    assert whole.files() == files
    assert whole.strays() == []
