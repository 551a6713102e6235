"""Progress bars are for terminals: with real commands, and real terminals where the machine has them."""

import os
import pty
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kaggle_server import KaggleServer
from tests.workplace import ended, start, write_run

pytestmark = pytest.mark.slow

FORCED = [
    {"FORCE_COLOR": "1"},
    {"TTY_COMPATIBLE": "1"},
    {"TTY_INTERACTIVE": "1", "FORCE_COLOR": "1"},
    {"CLICOLOR_FORCE": "1"},
    {"NO_COLOR": "1"},
    {"TERM": "dumb"},
]
BARS = ("\x1b[?25l", "\x1b[2K", "\x1b[1A", "\r", "━")
"""The cursor hidden, a line cleared, a line up; a bar."""


@pytest.fixture
def knn(workdir: Path, write_competition: Callable[..., None]) -> Path:
    write_competition(workdir / "data")
    (workdir / "knn.yaml").write_text(
        "models: {knn: {kind: knn}}\nfolds: {count: 2}\n"
        "tune: {space: {models.knn.neighbours: {kind: int, low: 1, high: 3}}}\n"
    )
    return workdir


def on_terminal(*arguments: str, **env: str) -> str:
    """Return what `kit` writes on stderr where that is a terminal."""
    driver, terminal = pty.openpty()
    said: list[bytes] = []

    def listen() -> None:
        while True:
            try:
                said.append(os.read(driver, 65536))
            except OSError:
                return

    listener = threading.Thread(target=listen)
    listener.start()
    command = [sys.executable, "-m", "kit", *arguments]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "150", **env}
    subprocess.run(command, stderr=terminal, stdout=subprocess.DEVNULL, env=environment, check=True)
    os.close(terminal)
    listener.join()
    os.close(driver)
    return b"".join(said).decode()


@pytest.mark.parametrize("env", FORCED, ids=str)
@pytest.mark.usefixtures("knn")
def test_no_bars_of_a_run_are_written_to_a_file(env: dict[str, str]) -> None:
    done = ended(start("cv", "-c", "knn.yaml", env=env))
    assert done.code == 0
    assert not [mark for mark in BARS if mark in done.err]


@pytest.mark.usefixtures("knn")
def test_no_bars_of_a_study_are_written_to_a_file() -> None:
    done = ended(start("tune", "--trials", "1", "-c", "knn.yaml", env=FORCED[2]))
    assert done.code == 0
    assert not [mark for mark in BARS if mark in done.err]


@pytest.mark.parametrize("env", FORCED[:3], ids=str)
def test_nothing_spins_in_a_file(kaggle: KaggleServer, env: dict[str, str]) -> None:
    write_run()
    done = ended(start("submit", env=env))
    assert done.code == 0
    assert not [mark for mark in BARS if mark in done.err]
    assert kaggle.submissions


@pytest.mark.parametrize("env", FORCED[:3], ids=str)
@pytest.mark.usefixtures("workdir")
def test_a_table_in_a_file_is_as_wide_as_it_needs(env: dict[str, str]) -> None:
    write_run()
    assert "Log loss" in ended(start("runs", env=env)).out


@pytest.mark.usefixtures("knn")
def test_bars_are_drawn_on_a_terminal() -> None:
    assert "━" in on_terminal("cv", "-c", "knn.yaml")


@pytest.mark.parametrize(
    "env", [{"TERM": "dumb"}, {"TTY_INTERACTIVE": "0"}, {"TTY_COMPATIBLE": "0"}], ids=str
)
@pytest.mark.usefixtures("knn")
def test_a_terminal_that_cannot_redraw_gets_lines(env: dict[str, str]) -> None:
    said = on_terminal("cv", "-c", "knn.yaml", **env)
    assert "60 training rows" in said
    assert "━" not in said
