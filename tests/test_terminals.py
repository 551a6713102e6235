"""Progress bars appear only on terminals: real commands on real pseudo-terminals."""

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
"""Hide the cursor, clear a line, move up a line, return; a bar."""


@pytest.fixture
def knn(workdir: Path, write_competition: Callable[..., None]) -> Path:
    write_competition(workdir / "data")
    (workdir / "knn.yaml").write_text(
        "models: {knn: {kind: knn}}\nfolds: {count: 2}\n"
        "tune: {space: {models.knn.neighbours: {kind: int, low: 1, high: 3}}}\n"
    )
    return workdir


def on_terminal(*arguments: str, **env: str) -> str:
    """Run `kit` with a terminal as stderr, and return its output there."""
    driver, terminal = pty.openpty()
    chunks: list[bytes] = []

    def read() -> None:
        while True:
            try:
                chunks.append(os.read(driver, 65536))
            except OSError:
                return

    reader = threading.Thread(target=read)
    reader.start()
    command = [sys.executable, "-m", "kit", *arguments]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "150", **env}
    subprocess.run(command, stderr=terminal, stdout=subprocess.DEVNULL, env=environment, check=True)
    os.close(terminal)
    reader.join()
    os.close(driver)
    return b"".join(chunks).decode()


@pytest.mark.parametrize("env", FORCED, ids=str)
@pytest.mark.usefixtures("knn")
def test_cv_writes_no_bars_to_a_file(env: dict[str, str]) -> None:
    done = ended(start("cv", "-c", "knn.yaml", env=env))
    assert done.code == 0
    assert not [mark for mark in BARS if mark in done.err]


@pytest.mark.usefixtures("knn")
def test_tune_writes_no_bars_to_a_file() -> None:
    done = ended(start("tune", "--trials", "1", "-c", "knn.yaml", env=FORCED[2]))
    assert done.code == 0
    assert not [mark for mark in BARS if mark in done.err]


@pytest.mark.parametrize("env", FORCED[:3], ids=str)
def test_submit_writes_no_spinner_to_a_file(kaggle: KaggleServer, env: dict[str, str]) -> None:
    write_run()
    done = ended(start("submit", env=env))
    assert done.code == 0
    assert not [mark for mark in BARS if mark in done.err]
    assert kaggle.submissions


@pytest.mark.parametrize("env", FORCED[:3], ids=str)
@pytest.mark.usefixtures("workdir")
def test_table_in_a_file_is_not_truncated(env: dict[str, str]) -> None:
    write_run()
    assert "Log loss" in ended(start("runs", env=env)).out


@pytest.mark.usefixtures("knn")
def test_cv_draws_bars_on_a_terminal() -> None:
    assert "━" in on_terminal("cv", "-c", "knn.yaml")


@pytest.mark.parametrize(
    "env", [{"TERM": "dumb"}, {"TTY_INTERACTIVE": "0"}, {"TTY_COMPATIBLE": "0"}], ids=str
)
@pytest.mark.usefixtures("knn")
def test_terminal_without_redraw_gets_lines(env: dict[str, str]) -> None:
    output = on_terminal("cv", "-c", "knn.yaml", **env)
    assert "60 training rows" in output
    assert "━" not in output
