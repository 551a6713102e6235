"""Fixtures of the tests of the command line."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests import stand_ins
from tests.driving import CONFIG, PATIENCE, Process
from tests.workplace import Ended


@pytest.fixture
def driver(workdir: Path, write_competition: Callable[..., None]) -> Iterator[Callable[..., Process]]:
    """Return a function that starts `kit cv` on a tiny competition, in which a forest trains for seconds."""
    write_competition(workdir / "data")
    (workdir / "tiny.yaml").write_text(CONFIG)
    started: list[Process] = []

    def start(*more: str, run: str = "mine") -> Process:
        process = subprocess.Popen(
            [sys.executable, "-m", "kit", "cv", "-c", "tiny.yaml", "--run", run, "--jobs", "1", *more],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def start_cv(workdir: Path, write_competition: Callable[..., None]) -> Callable[..., Process]:
    """Return `tests.stand_ins.start` in a working directory with data and a configuration."""
    write_competition(workdir / "data")
    (workdir / "faults.yaml").write_text(stand_ins.CONFIG)
    (workdir / "marks").mkdir()
    return partial(stand_ins.start, workdir)


@pytest.fixture
def cv(start_cv: Callable[..., Process]) -> Callable[..., Ended]:
    """Return a function that runs what `start_cv` starts."""

    def run(code: str, *more: str, setup: str = "") -> Ended:
        process = start_cv(code, *more, setup=setup)
        out, err = process.communicate(timeout=PATIENCE)
        assert "Traceback" not in err
        return Ended(process.returncode, out, err)

    return run
