"""Make each call that writes fail in turn, in a command run by tests/injected.py."""

import errno
import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kit.records import History
from tests.launchers import PRELUDE

HERE = Path(__file__).parent
COMPILER = shutil.which("cc") or shutil.which("gcc")
ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EACCES)
REMOVALS = ("unlink", "unlinkat", "rmdir")
WORKER = f"""
sys.path[:] = {sys.path!r}
import io
import numpy as np
while True:
    job, [held_out, *_] = receive()
    rows = np.flatnonzero(np.unpackbits(np.frombuffer(held_out, np.uint8), count=job["rows"]))
    rng = np.random.default_rng([job["member"][1], job["member"][2], job["model"]["neighbours"]])
    val, test = (rng.dirichlet(np.ones(10), n).astype(np.float32) for n in (len(rows), job["test_rows"]))
    file = io.BytesIO()
    history = np.frombuffer({History(train_score=0.5, seconds=1.0).model_dump_json().encode()!r}, np.uint8)
    np.savez(file, val_rows=rows, val_probs=val, test_probs=test, history=history)
    send({{"result": "member"}}, file.getvalue(), b"")
"""
"""A worker that predicts from its member's numbers, without training."""


@dataclass(frozen=True)
class Call:
    """A call that writes: its number from 1, its name, and the path."""

    number: int
    name: str
    path: str


@dataclass(frozen=True)
class Done:
    """A command that ended, and its calls that write."""

    code: int
    out: str
    err: str
    calls: tuple[Call, ...]


@dataclass(frozen=True)
class Fault:
    """The call that fails, from 1, with its errno; `lasting`: later calls that need space fail too."""

    at: int
    error: int
    lasting: bool = False

    def __str__(self) -> str:
        return f"{'from ' if self.lasting else ''}call {self.at}: {errno.errorcode[self.error]}"


class Injector:
    """Runs commands in `folder` with a failing call; see `injecting`."""

    def __init__(self, process: "subprocess.Popen[str]", folder: Path, outside: Path) -> None:
        self.folder, self._process, self._outside = folder, process, outside
        self.environment = {"TMPDIR": str(folder / "tmp")}
        (self._outside / "worker.py").write_text(PRELUDE + WORKER)

    def run(self, *arguments: str, fault: Fault | None = None) -> Done:
        """Run `kit` in a fork of a process that has imported everything."""
        order: dict[str, Any] = {
            "arguments": arguments,
            "folder": str(self.folder),
            "outside": str(self._outside),
            "worker": str(self._outside / "worker.py"),
            "environment": self.environment,
        }
        if fault:
            order |= {"at": fault.at, "error": fault.error, "lasting": fault.lasting}
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin
        assert stdout
        stdin.write(json.dumps(order) + "\n")
        stdin.flush()
        code = int(stdout.readline())
        out, err, log = ((self._outside / name).read_text() for name in ("stdout", "stderr", "calls"))
        fields = (line.split(" ", 2) for line in log.splitlines())
        calls = tuple(Call(int(number), name, path) for number, name, path in fields)
        return Done(code, out, err, calls)

    def restore(self, template: Path) -> None:
        """Make `folder` a copy of `template`."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(template, self.folder)
        (self.folder / "tmp").mkdir()


@contextmanager
def injecting(place: Path) -> Iterator[Injector]:
    """Give an injector that works below `place`; it needs a C compiler."""
    library, folder, outside = place / "injection.so", place / "work", place / "outside"
    source = str(HERE / "injection.c")
    subprocess.run([str(COMPILER), "-shared", "-fPIC", "-o", str(library), source, "-ldl"], check=True)
    folder.mkdir()
    outside.mkdir()
    env = os.environ | {
        "LD_PRELOAD": str(library),
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONPATH": str(HERE.parent),
    }
    with subprocess.Popen(
        [sys.executable, str(HERE / "injected.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=env,
    ) as process:
        try:
            yield Injector(process, folder, outside)
        finally:
            process.kill()


def faults(calls: int, *, every: int = 1, first: int = 1) -> Iterator[Fault]:
    """Yield a fault for each call, or for `every`-th one from the call `first`; the errors take turns.

    ENOSPC lasts, as on a full disk. With KIT_EVERY_WRITE=1 in the environment all calls fail.
    """
    if os.environ.get("KIT_EVERY_WRITE"):
        every, first = 1, 1
    for at, error in zip(range(first, calls + 1, every), itertools.cycle(ERRORS), strict=False):
        yield Fault(at, error, lasting=error == errno.ENOSPC)


def contents(folder: Path) -> dict[str, bytes]:
    """Return the files below a folder by path, without those of the cache of the data."""
    files = (path for path in folder.rglob("*") if path.is_file() and ".cache" not in path.parts)
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def strays(folder: Path) -> list[str]:
    """Return what a command should have removed: names that begin with a dot, and temporary files."""
    paths = (path for path in folder.rglob("*") if path.name != ".cache")
    hidden = [str(path) for path in paths if path.name.startswith(".")]
    return hidden + [str(path) for path in (folder / "tmp").iterdir()]


def message(done: Done) -> str:
    """Return the error message of a command, and check its form: 1 to 3 lines at the end of stderr."""
    lines = done.err.splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("kit: ")]
    assert done.code in (1, 2), done
    assert starts, done.err
    assert len(lines) - starts[-1] <= 3, done.err
    assert "Traceback" not in done.err
    assert "--debug" not in done.err
    assert "Errno" not in done.err, done.err
    return "\n".join(lines[starts[-1] :])
