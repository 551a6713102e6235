import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from kit.errors import UserError
from kit.scratch import _folder_of, scratch

MAKE = "import os, signal, sys; from kit.scratch import scratch; print(scratch(), flush=True); "


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a temporary folder that child processes use."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def make(code: str) -> Path:
    """Return the scratch folder of a process that ran `code` and has ended."""
    done = subprocess.run([sys.executable, "-c", MAKE + code], stdout=subprocess.PIPE, text=True, check=False)
    return Path(done.stdout.strip())


def test_it_is_the_same_folder_on_every_call() -> None:
    assert scratch() == scratch()
    assert scratch().is_dir()


@pytest.mark.parametrize("end", ["", "sys.exit(3)", "raise KeyboardInterrupt"])
def test_nothing_remains_of_a_process_that_ends_by_itself(temporary: Path, end: str) -> None:
    assert make(end).parent == temporary
    assert not list(temporary.iterdir())


def test_the_next_process_removes_what_a_killed_one_left(temporary: Path) -> None:
    left = make("(scratch() / 'file').touch(); os.kill(os.getpid(), signal.SIGKILL)")
    assert (left / "file").exists()
    make("")
    assert not list(temporary.iterdir())


def test_the_folder_of_a_living_process_stays(temporary: Path) -> None:
    code = [sys.executable, "-c", MAKE + "sys.stdin.read()"]
    with subprocess.Popen(code, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as living:
        folder = Path((living.stdout or sys.stdin).readline().strip())
        make("")
        assert folder.is_dir()
        living.send_signal(signal.SIGKILL)
    assert list(temporary.iterdir()) == [folder]


def test_a_fork_leaves_it_to_its_parent(temporary: Path) -> None:
    code = "pid = os.fork(); pid or sys.exit(0); os.waitpid(pid, 0); assert scratch().is_dir()"
    make(code)
    assert not list(temporary.iterdir())


def test_no_temporary_folder_is_an_error_with_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nonexistent")
    with pytest.raises(
        UserError, match=r"^/nonexistent/kit-.*: no temporary files can be written.*\nset TMPDIR"
    ):
        _folder_of.__wrapped__(os.getpid())
