"""Who holds the lock of a run: names in messages, and locks left by dead processes."""

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from kit import holders
from kit.errors import UserError
from kit.holders import NAME, Holder, claimed, is_held, read
from kit.members import Member
from kit.run_folder import Run

CODE = """
import sys, time
from pathlib import Path
from kit import holders
from kit.holders import claimed
holders.BEAT_SECONDS = 0.1
with claimed(Path(sys.argv[-1]), held=True, say=print):
    print("claimed", flush=True)
    time.sleep(100)
"""


def nothing(_: str) -> None:
    """Expect no line."""
    raise AssertionError(_)


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holders, "BEAT_SECONDS", 0.1)
    monkeypatch.setattr(holders, "WATCH_SECONDS", 1.0)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Return a function that starts a process which claims `tmp_path`, after a prefix of its command line."""
    started = []

    def start(*prefix: str) -> "subprocess.Popen[str]":
        command = [*prefix, sys.executable, "-c", CODE, str(tmp_path)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "claimed\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def write(folder: Path, **changes: object) -> Holder:
    """Leave the record of a dead process in a folder, changed; return it."""
    holder = replace(Holder.current(), **changes)  # type: ignore[arg-type]  # the changes of a test
    (folder / NAME).write_text(json.dumps(asdict(holder)))
    return holder


def test_the_record_names_this_process_until_the_block_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["kit", "cv", "-c", "quick", "--set", "a=postgresql://me:s3cret@db/x"])
    with claimed(tmp_path, held=True, say=nothing):
        holder = read(tmp_path)
        assert holder is not None
        assert (holder.pid, holder.host) == (os.getpid(), platform.node())
        assert str(holder) == (
            f"process {os.getpid()} on {platform.node()}, since {holder.since[11:16]} "
            "(kit cv -c quick --set 'a=postgresql://me:***@db/x')"
        )
    assert list(tmp_path.iterdir()) == []


def test_the_record_is_renewed(tmp_path: Path, start: Callable[..., object]) -> None:
    start()
    before = (tmp_path / NAME).stat().st_mtime_ns
    assert holders._is_renewed(tmp_path, before) is True


def test_a_second_process_is_refused_with_the_name_of_the_first(tmp_path: Path) -> None:
    holder = write(
        tmp_path, host="gpu1", pid=4242, since="2026-01-02T14:03:00+01:00", command="kit cv -c quick"
    )
    with pytest.raises(UserError) as caught, claimed(tmp_path, held=False, say=nothing):
        pass
    assert str(caught.value) == (
        f"{tmp_path}: another process is writing this run: process 4242 on gpu1, since 14:03 "
        "(kit cv -c quick)\nwait for it, or choose another name"
    )
    assert read(tmp_path) == holder


def test_the_record_of_a_process_that_was_killed_here_is_replaced_at_once(
    tmp_path: Path, start: Callable[..., "subprocess.Popen[str]"]
) -> None:
    process = start()
    assert is_held(tmp_path) is True
    process.kill()
    process.wait()
    assert is_held(tmp_path) is False
    with claimed(tmp_path, held=True, say=nothing):
        assert read(tmp_path).pid == os.getpid()  # type: ignore[union-attr]  # there is one


def test_a_killed_process_that_its_parent_has_not_awaited_is_dead(
    tmp_path: Path, start: Callable[..., "subprocess.Popen[str]"]
) -> None:
    process = start()
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    with claimed(tmp_path, held=True, say=nothing):
        pass


def test_a_later_process_with_the_same_number_is_not_the_holder(tmp_path: Path) -> None:
    write(tmp_path, pid=os.getppid(), started="1")
    with claimed(tmp_path, held=True, say=nothing):
        pass


@pytest.mark.parametrize("change", [{"host": "other"}, {"boot": "other"}, {"namespace": 1}])
def test_a_foreign_record_that_is_not_renewed_is_taken_over(
    tmp_path: Path, change: dict[str, object]
) -> None:
    holder = write(tmp_path, **change)
    said: list[str] = []
    with claimed(tmp_path, held=True, say=said.append):
        assert read(tmp_path) != holder
    assert said == [
        f"looking for 1 s whether {holder} still writes {tmp_path}",
        "it does not: its lock is taken over",
    ]


def test_a_damaged_record_is_watched_too(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("{")
    said: list[str] = []
    with claimed(tmp_path, held=True, say=said.append):
        assert read(tmp_path) is not None
    assert said[0] == f"looking for 1 s whether an unknown process still writes {tmp_path}"


@pytest.mark.parametrize("elsewhere", ["host", "boot", "namespace"])
def test_a_living_process_elsewhere_is_not_replaced(
    tmp_path: Path, start: Callable[..., object], monkeypatch: pytest.MonkeyPatch, elsewhere: str
) -> None:
    start()  # It holds no lock here, as on a file system whose locks are local.
    places: dict[str, tuple[object, str, object]] = {
        "host": (platform, "node", "here"),
        "boot": (holders, "_boot", "here"),
        "namespace": (holders, "_namespace", 1),
    }
    where, name, value = places[elsewhere]
    monkeypatch.setattr(where, name, lambda: value)
    before = read(tmp_path)
    said: list[str] = []
    with pytest.raises(UserError, match="another process is writing this run: process"):
        claimed(tmp_path, held=True, say=said.append).__enter__()
    assert read(tmp_path) == before
    assert is_held(tmp_path) is True


def may_change_host_names() -> bool:
    command = ["unshare", "--uts", "true"]
    return bool(shutil.which("unshare")) and subprocess.run(command, check=False).returncode == 0


@pytest.mark.skipif(not may_change_host_names(), reason="this user may not change a host name")
def test_a_process_with_another_host_name_is_watched_and_named(
    tmp_path: Path, start: Callable[..., "subprocess.Popen[str]"]
) -> None:
    process = start("unshare", "--uts", "sh", "-c", 'hostname gpu9; exec "$@"', "sh")
    with pytest.raises(UserError, match=r"process \d+ on gpu9, since"):
        claimed(tmp_path, held=True, say=lambda _: None).__enter__()
    process.kill()
    process.wait()
    said: list[str] = []
    with claimed(tmp_path, held=True, say=said.append):
        pass
    assert said[-1] == "it does not: its lock is taken over"


def test_a_record_that_appears_at_the_same_time_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = Holder.current()

    def racing() -> Holder:
        (tmp_path / NAME).write_text(json.dumps(asdict(replace(ours, host="gpu1"))))
        return ours

    monkeypatch.setattr(Holder, "current", racing)
    with pytest.raises(UserError, match="on gpu1"):
        claimed(tmp_path, held=True, say=nothing).__enter__()
    assert read(tmp_path) == replace(ours, host="gpu1")


def test_a_record_that_another_process_took_over_is_not_removed(tmp_path: Path) -> None:
    with claimed(tmp_path, held=True, say=nothing):
        other = write(tmp_path, host="gpu1")
    assert read(tmp_path) == other


def test_clearing_a_run_keeps_the_record(tmp_path: Path) -> None:
    run = Run(tmp_path)
    with run.locked():
        run.write_log(Member("cnn", 0, 0), "text")
        run.clear()
        assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_an_interrupt_while_the_record_is_written_leaves_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("kit.holders.json.dumps", interrupt)
    with pytest.raises(KeyboardInterrupt), claimed(tmp_path, held=True, say=nothing):
        pass
    assert not (tmp_path / NAME).exists()
