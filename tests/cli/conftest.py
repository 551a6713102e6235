"""Fixtures of the tests of the command line."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.driving import CONFIG, Process


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
