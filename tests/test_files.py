import errno
import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kit.files import atomic

ROOT = str(Path(__file__).parents[1])


def test_file_appears_only_when_complete(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    with atomic(path) as file:
        file.write(b"content")
        assert not path.exists()
    assert path.read_bytes() == b"content"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")])
def test_failed_write_keeps_the_old_file(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def write() -> None:
        with atomic(path) as file:
            file.write(b"new")
            raise error

    with pytest.raises(type(error)):
        write()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_file_is_flushed_before_the_rename(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    synced: list[bool] = []
    monkeypatch.setattr(os, "fsync", lambda _: synced.append(path.exists()))
    with atomic(path) as file:
        file.write(b"content")
    assert synced == [False]


@pytest.mark.parametrize("number", [errno.EPERM, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS])
@pytest.mark.parametrize("call", ["chmod", "fsync"])
def test_unsupported_chmod_and_fsync_are_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, call, fail)
    with atomic(tmp_path / "file") as file:
        file.write(b"content")
    assert (tmp_path / "file").read_bytes() == b"content"


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EDQUOT])
def test_failed_flush_is_a_failed_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def fail(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match=os.strerror(number)), atomic(tmp_path / "file") as file:
        file.write(b"content")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("umask", "file", "folder"), [(0o022, 0o644, 0o755), (0o077, 0o600, 0o700), (0o002, 0o664, 0o775)]
)
def test_permissions_are_those_that_the_user_wants(
    tmp_path: Path, umask: int, file: int, folder: int
) -> None:
    """Temporary files and folders, which become a file of a run and a folder of the data, are private."""
    code = f"""
import os, zipfile
from pathlib import Path
os.umask({umask})
from kit.data.archives import unpack
from kit.files import atomic
with atomic(Path("runs/a/run.json")) as file:
    file.write(b"x")
with zipfile.ZipFile("a.zip", "w") as archive:
    archive.writestr("train/1.csv", "x")
unpack(Path("a.zip"), Path("data"))
"""
    subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=os.environ | {"PYTHONPATH": ROOT}, check=True
    )
    modes = {str(path.relative_to(tmp_path)): path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}
    assert {modes[name] for name in ("runs/a/run.json", "data/train/1.csv")} == {file}
    assert {modes[name] for name in ("runs", "runs/a", "data", "data/train")} == {folder}


def leave_temporary(path: Path, age: float) -> Path:
    """Leave a temporary file of `path`, as a killed process does."""
    left = path.with_name(f".{path.name}.abcd1234")
    left.write_bytes(b"half")
    os.utime(left, (time.time() - age, time.time() - age))
    return left


def test_the_next_write_removes_what_a_killed_process_left(tmp_path: Path) -> None:
    path = tmp_path / "report[1].html"
    leave_temporary(path, 5)
    other = leave_temporary(tmp_path / "report.html", 5)
    with atomic(path) as file:
        file.write(b"whole")
    assert set(tmp_path.iterdir()) == {path, other}


def test_a_file_that_another_process_writes_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    left = leave_temporary(path, 5)
    with left.open("rb") as writer:
        fcntl.flock(writer, fcntl.LOCK_EX)
        with atomic(path) as file:
            file.write(b"whole")
    assert left.exists()


def test_a_file_that_was_just_written_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    left = leave_temporary(path, 0)
    with atomic(path) as file:
        file.write(b"whole")
    assert left.exists()


def test_two_writes_of_one_file_do_not_disturb_each_other(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    with atomic(path) as first:
        os.utime(next(tmp_path.iterdir()), (1, 1))
        with atomic(path) as second:
            second.write(b"second")
        first.write(b"first")
    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]
