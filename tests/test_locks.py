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


def without_locks(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def none(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", none)


def test_one_holds_it_at_a_time(path: Path) -> None:
    with locked(path, wait=False) as first, locked(path, wait=False) as second:
        assert (first, second) == (True, False)
    with locked(path) as again:
        assert again


def test_a_missing_file_is_created_and_a_present_one_kept(tmp_path: Path, path: Path) -> None:
    with locked(tmp_path / "new"), locked(path):
        pass
    assert (tmp_path / "new").read_text() == ""
    assert path.is_dir() or path.read_text() == "content"


def test_it_is_known_whether_it_is_held(path: Path) -> None:
    assert held(path) is False
    with locked(path):
        assert held(path) is True
    assert held(path) is False


def test_nobody_holds_what_is_not_there(tmp_path: Path) -> None:
    assert held(tmp_path / "nowhere") is False
    assert list(tmp_path.iterdir()) == []


def test_it_goes_with_the_process(path: Path) -> None:
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


def test_a_look_at_the_lock_does_not_keep_anyone_out(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    look = os.open(path, os.O_RDONLY)
    fcntl.flock(look, fcntl.LOCK_SH)
    monkeypatch.setattr(time, "sleep", lambda _: os.close(look))
    with locked(path, wait=False) as mine:
        assert mine


@pytest.mark.parametrize(
    "number", [errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL]
)
@pytest.mark.parametrize("wait", [True, False])
def test_a_file_system_without_locks_is_named(
    path: Path, monkeypatch: pytest.MonkeyPatch, number: int, wait: bool
) -> None:
    without_locks(monkeypatch, number)
    with pytest.raises(NoLocksError) as caught:
        locked(path, wait=wait).__enter__()
    folder = path if path.is_dir() else path.parent
    assert str(caught.value) == (
        f"{folder}: this file system has no locks ({os.strerror(number)})\n"
        "without them a second kit could damage what is there: work in a folder on a local disk"
    )


def test_without_locks_nobody_knows_whether_it_is_held(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_locks(monkeypatch, errno.ENOLCK)
    assert held(path) is None
