"""`kit cv` in a child process, followed from outside."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from kit.runs import RUNS

Process = subprocess.Popen[str]
PATIENCE = 100.0
"""Seconds that a busy machine may take for what should take one."""
CONFIG = """
folds: {count: 2}
models:
  forest: {kind: random_forest, trees: 1000}
  logistic: {kind: logistic_regression, iterations: 1}
"""


def wait_for(what: Callable[[], Any]) -> Any:
    """Return the first result of `what` that is true."""
    deadline = time.monotonic() + PATIENCE
    while not (found := what()):
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.02)
    return found


def workers(process: Process) -> list[psutil.Process]:
    """Return the training workers of a `kit`."""
    try:
        return [
            one for one in psutil.Process(process.pid).children() if "kit.training.worker" in one.cmdline()
        ]
    except psutil.Error:
        return []


def stamps() -> dict[str, tuple[int, int]]:
    """Return inode and time of each member of the run `mine` that is stored."""
    files = {path.stem: path.stat() for path in RUNS.glob("mine/members/[!.]*.npz")}
    return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in files.items()}


def catches(process: Process, number: int) -> bool:
    """Say whether a process, under Linux, has a handler for a signal by now."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text()
    except OSError:
        return False
    caught = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught, 16) >> (number - 1) & 1)
