"""Start `kit` in a folder of its own, kill it at a random moment, and look at what it leaves.

The moments of a test follow from its seed, a parameter: `pytest tests/kills -k seed3` repeats one test.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
import pytest
from _pytest.mark import ParameterSet

PATIENCE = 200.0
"""Timeout in seconds, for a busy machine, of steps that should take some seconds."""
Stamps = dict[str, tuple[int, int]]


def seeds(count: int) -> list[ParameterSet]:
    """Return the parameters of a test, by default `count`; KIT_KILL_SEED=7 selects one seed, 0-9 ten."""
    first, _, last = os.environ.get("KIT_KILL_SEED", f"0-{count - 1}").partition("-")
    return [pytest.param(seed, id=f"seed{seed}") for seed in range(int(first), int(last or first) + 1)]


@dataclass(frozen=True)
class Moment:
    """When a process is killed.

    Attributes:
        seconds: after its start, or after `then` is true.
        then: a condition to wait for first; None: the start.
        name: for messages.
    """

    seconds: float
    then: Callable[[], object] | None = None
    name: str = "start"

    def __str__(self) -> str:
        return f"{self.seconds:.3f} s after {self.name}"


@dataclass
class Place:
    """A working directory, and a temporary folder that only its processes use.

    Attributes:
        folder: the working directory.
        temporary: TMPDIR.
        env: more variables.
        started: numbers of all processes that were seen.
    """

    folder: Path
    temporary: Path
    env: dict[str, str] = field(default_factory=dict)
    started: set[int] = field(default_factory=set)

    def start(self, *arguments: str) -> "subprocess.Popen[bytes]":
        """Start `kit` in a session of its own."""
        variables = os.environ | {"TMPDIR": str(self.temporary)} | self.env
        command = [sys.executable, "-m", "kit", *arguments]
        with (self.temporary.parent / "output").open("wb") as output:
            process = subprocess.Popen(
                command, cwd=self.folder, env=variables, stdout=output, stderr=output, start_new_session=True
            )
        self.started.add(process.pid)
        return process

    def output(self) -> str:
        """Return what the last command wrote."""
        return (self.temporary.parent / "output").read_text(errors="replace")

    def run(self, *arguments: str) -> str:
        """Run `kit`, expect success, and return its output."""
        process = self.start(*arguments)
        assert process.wait(PATIENCE) == 0, self.output()
        return self.output()

    def kill(self, *arguments: str, at: Moment, group: bool = False) -> bool:
        """Start `kit`, kill it, and wait for the end of its workers; return whether it was killed.

        Args:
            arguments: its command line.
            at: when. A process that ended earlier must have succeeded.
            group: kill its process group and its workers too, as a batch system does.
        """
        process = self.start(*arguments)
        killed = self._wait(process, at)
        if killed:
            victims = self.processes() if group else [psutil.Process(process.pid)]
            for one in victims:
                with suppress(psutil.NoSuchProcess):  # A worker ends with its driver.
                    one.send_signal(signal.SIGKILL)
        code = process.wait(PATIENCE)
        assert code in ({0, -signal.SIGKILL} if killed else {0}), f"{at}: {self.output()}"
        wait_for(lambda: not self.processes(), f"{at}: orphaned processes")
        return code != 0

    def _wait(self, process: "subprocess.Popen[bytes]", at: Moment) -> bool:
        """Wait for the moment; return False if the process ended before."""
        end = time.monotonic() + PATIENCE
        while at.then is not None and not at.then():
            assert time.monotonic() < end, at
            if process.poll() is not None:
                return False
            time.sleep(0.002)
        try:
            process.wait(at.seconds)
        except subprocess.TimeoutExpired:
            return True
        return False

    def processes(self) -> list[psutil.Process]:
        """Return the running processes that use the temporary folder: drivers and workers."""
        mine = [one for one in psutil.process_iter() if self._is_mine(one)]
        self.started.update(one.pid for one in mine)
        return mine

    def _is_mine(self, process: psutil.Process) -> bool:
        try:
            variables = process.environ()
            places = (variables.get("TMPDIR", ""), variables.get("KIT_SCRATCH", ""))
            return process.status() != psutil.STATUS_ZOMBIE and any(
                one.startswith(str(self.temporary)) for one in places
            )
        except psutil.Error:
            return False

    def files(self) -> set[str]:
        """Return every file in the working directory."""
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file()}

    def strays(self) -> list[str]:
        """Return what the processes left in the temporary folder and in shared memory."""
        shared = Path("/dev/shm").iterdir() if Path("/dev/shm").is_dir() else ()
        numbers = {str(pid) for pid in self.started}
        left = [str(path) for path in shared if numbers.intersection(path.name.replace("_", "-").split("-"))]
        return left + [str(path) for path in self.temporary.rglob("*") if not is_probe(path)]


def is_probe(path: Path) -> bool:
    """Return whether Python wrote this file to find out whether a temporary folder is writable.

    `tempfile.gettempdir` deletes it at once, unless the process is killed in between.
    """
    is_named_so = re.fullmatch("[a-z0-9_]{8}", path.name) is not None
    return is_named_so and path.is_file() and path.read_bytes() in {b"", b"blat"}


def wait_for(what: Callable[[], object], name: str) -> None:
    """Call `what` until it returns a true value."""
    end = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < end, name
        time.sleep(0.02)


def members(run: Path) -> Iterator[Path]:
    """Return the stored arrays of a run's members."""
    return run.glob("members/[!.]*.npz")


def stamps(run: Path) -> Stamps:
    """Return inode and modification time of each stored member."""
    files = {path.name: path.stat() for path in members(run)}
    return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in files.items()}


def new_member(run: Path) -> Callable[[], bool]:
    """Return a condition: a member was stored after this call."""
    before = len(list(members(run)))
    return lambda: len(list(members(run))) > before


def same_results(one: Path, other: Path) -> None:
    """Check that two finished runs have the same files, predictions and members, bit by bit."""
    names = [sorted(str(path.relative_to(run)) for path in run.rglob("*")) for run in (one, other)]
    assert names[0] == names[1]
    for name in ("oof.csv", "test.csv", "submission.csv", "folds.npy"):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name
    for path in members(one):
        with np.load(path) as ours, np.load(other / "members" / path.name) as theirs:
            assert sorted(ours.files) == sorted(theirs.files)
            for key in set(ours.files) - {"history"}:  # It has times.
                assert ours[key].tobytes() == theirs[key].tobytes(), f"{path.name}: {key}"


def make_place(folder: Path, config: str) -> Place:
    """Return a place in a new folder, with a small competition and a configuration, `mine.yaml`."""
    place = Place(folder / "work", folder / "temporary")
    place.folder.mkdir()
    place.temporary.mkdir()
    write_data(place.folder / "data")
    (place.folder / "mine.yaml").write_text(config)
    return place


def write_data(folder: Path, *, rows: int = 60, test_rows: int = 20, side: int = 6) -> None:
    """Write a small competition: row i has label i modulo 10, which its first pixel shows."""
    pixels = np.random.default_rng(0).integers(0, 256, (rows + test_rows, side * side))
    labels = np.arange(rows) % 10
    pixels[:rows, 0] = labels * 25
    head = ",".join(f"pixel{index}" for index in range(side * side))
    ids = np.column_stack([np.arange(1, test_rows + 1), np.zeros(test_rows)])
    folder.mkdir()
    for name, header, table in (
        ("train", f"label,{head}", np.column_stack([labels, pixels[:rows]])),
        ("test", head, pixels[rows:]),
        ("sample_submission", "ImageId,Label", ids),
    ):
        np.savetxt(folder / f"{name}.csv", table, "%d", ",", header=header, comments="")
