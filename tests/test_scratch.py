import errno
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from kit.errors import UserError
from kit.scratch import _delete, _folder_of, explained, scratch

PRINT_FOLDER = "import os, signal, sys; from kit.scratch import scratch; print(scratch(), flush=True); "


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the temporary folder of child processes."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def run(code: str) -> Path:
    """Run `code` in a process, and return the scratch folder of the process."""
    done = subprocess.run(
        [sys.executable, "-c", PRINT_FOLDER + code], stdout=subprocess.PIPE, text=True, check=False
    )
    return Path(done.stdout.strip())


def test_same_folder_on_every_call() -> None:
    assert scratch() == scratch()
    assert scratch().is_dir()


@pytest.mark.parametrize("end", ["", "sys.exit(3)", "raise KeyboardInterrupt"])
def test_folder_is_removed_when_the_process_exits(temporary: Path, end: str) -> None:
    assert run(end).parent == temporary
    assert not list(temporary.iterdir())


def test_next_process_removes_the_folder_of_a_killed_one(temporary: Path) -> None:
    folder = run("(scratch() / 'file').touch(); os.kill(os.getpid(), signal.SIGKILL)")
    assert (folder / "file").exists()
    run("")
    assert not list(temporary.iterdir())


def test_next_command_removes_the_folder_of_a_killed_process(temporary: Path, workdir: Path) -> None:
    run("os.kill(os.getpid(), signal.SIGKILL)")
    subprocess.run(
        [sys.executable, "-m", "kit", "configs"], check=True, cwd=workdir, stdout=subprocess.DEVNULL
    )
    assert not list(temporary.iterdir())


def test_folder_of_a_running_process_is_kept(temporary: Path) -> None:
    code = [sys.executable, "-c", PRINT_FOLDER + "sys.stdin.read()"]
    with subprocess.Popen(code, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        folder = Path((process.stdout or sys.stdin).readline().strip())
        run("")
        assert folder.is_dir()
        process.send_signal(signal.SIGKILL)
    assert list(temporary.iterdir()) == [folder]


def test_forked_child_keeps_the_folder(temporary: Path) -> None:
    code = "pid = os.fork(); pid or sys.exit(0); os.waitpid(pid, 0); assert scratch().is_dir()"
    run(code)
    assert not list(temporary.iterdir())


def test_missing_temporary_folder_is_an_error_with_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nonexistent")
    with pytest.raises(
        UserError, match=r"^/nonexistent/kit-.*: no temporary files can be written.*\nset TMPDIR"
    ):
        _folder_of.__wrapped__(os.getpid())


def test_a_folder_whose_removal_was_cut_short_is_removed_by_the_next_process(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = temporary / "kit-abcdefgh"
    (folder / "deep").mkdir(parents=True)
    (folder / "lock").touch()
    removed: list[str] = []
    monkeypatch.setattr(shutil, "rmtree", lambda path, **_: removed.append(Path(path).name))
    _delete(folder)
    assert removed == ["deep", "kit-abcdefgh"]
    assert (folder / "lock").exists()


def test_an_error_in_the_temporary_folder_names_the_folder_that_the_user_chooses(tmp_path: Path) -> None:
    error = OSError(errno.ENOSPC, "No space left on device", str(scratch() / "tmpabc" / ".download"))
    folder = tempfile.gettempdir()
    assert explained(error) == (
        f"{folder}: No space left on device; set TMPDIR to a writable folder with free space"
    )
    for other in ("runs/a", str(tmp_path / "a"), folder, None):
        assert explained(OSError(errno.ENOSPC, "No space left on device", other)) is None
