"""`kit cv` in a child process, observed from outside."""

import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import psutil

from kit.run_folder import RUNS

Process = subprocess.Popen[str]
PATIENCE = 100.0
"""Timeout in seconds, for a busy machine, of steps that should take one second."""
CONFIG = """
folds: {count: 2}
models:
  forest: {kind: random_forest, trees: 1000}
  logistic: {kind: logistic_regression, iterations: 1}
"""


def wait_for(what: Callable[[], Any]) -> Any:
    """Call `what` until it returns a true value; return that value."""
    deadline = time.monotonic() + PATIENCE
    while not (found := what()):
        assert time.monotonic() < deadline, "timeout"
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


def gone(processes: Iterable[psutil.Process]) -> bool:
    """Return whether all these processes have ended."""
    return not any(map(_is_alive, processes))


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def stamps() -> dict[str, tuple[int, int]]:
    """Return inode and modification time of each stored member of the run `mine`."""
    files = {path.stem: path.stat() for path in RUNS.glob("mine/members/[!.]*.npz")}
    return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in files.items()}


def catches(process: Process, number: int) -> bool:
    """Return whether a process has installed a handler for a signal (Linux)."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text()
    except OSError:
        return False
    caught = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught, 16) >> (number - 1) & 1)
