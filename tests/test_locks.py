import errno
import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kit.locks import NoLocksError, held, locked


@pytest.fixture(params=["folder", "file"])
def path(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    path = tmp_path / str(request.param)
    path.mkdir() if request.param == "folder" else path.write_text("content")
    return path


def disable_locks(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", fail)


def test_lock_is_exclusive(path: Path) -> None:
    with locked(path, wait=False) as first, locked(path, wait=False) as second:
        assert (first, second) == (True, False)
    with locked(path) as again:
        assert again


def test_missing_file_is_created_and_existing_one_unchanged(tmp_path: Path, path: Path) -> None:
    with locked(tmp_path / "new"), locked(path):
        pass
    assert (tmp_path / "new").read_text() == ""
    assert path.is_dir() or path.read_text() == "content"


def test_held_reports_the_lock(path: Path) -> None:
    assert held(path) is False
    with locked(path):
        assert held(path) is True
    assert held(path) is False


def test_missing_file_is_not_locked(tmp_path: Path) -> None:
    assert held(tmp_path / "nowhere") is False
    assert list(tmp_path.iterdir()) == []


def test_lock_is_released_when_the_process_is_killed(path: Path) -> None:
    code = "import sys, time; from pathlib import Path; from kit.locks import locked\n"
    code += f"with locked(Path({str(path)!r})): print('held', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        assert held(path) is True
        with locked(path, wait=False) as mine:
            assert not mine
        process.kill()
        process.wait()
    assert held(path) is False


def test_probe_does_not_block_the_lock(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    probe = os.open(path, os.O_RDONLY)
    fcntl.flock(probe, fcntl.LOCK_SH)
    monkeypatch.setattr(time, "sleep", lambda _: os.close(probe))
    with locked(path, wait=False) as mine:
        assert mine


@pytest.mark.parametrize(
    "number", [errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL]
)
@pytest.mark.parametrize("wait", [True, False])
def test_file_system_without_locks_is_an_error(
    path: Path, monkeypatch: pytest.MonkeyPatch, number: int, wait: bool
) -> None:
    disable_locks(monkeypatch, number)
    with pytest.raises(NoLocksError) as caught:
        locked(path, wait=wait).__enter__()
    folder = path if path.is_dir() else path.parent
    assert str(caught.value) == (
        f"{folder}: this file system does not support locks ({os.strerror(number)})\n"
        "without locks a second kit process could damage the files: use a folder on a local disk"
    )


def test_held_is_unknown_without_locks(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disable_locks(monkeypatch, errno.ENOLCK)
    assert held(path) is None
