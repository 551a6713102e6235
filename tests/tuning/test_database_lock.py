"""Locks of a database server. Real servers, real processes."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy

from kit.tuning import database_lock as module
from kit.tuning.database_lock import DatabaseLock
from tests.databases import Server

HOLDING = """
import sys, time
from kit.tuning import database_lock as module
module.IDLE_SECONDS = int(sys.argv[2])
with module.DatabaseLock.of(sys.argv[1]).locked("a"):
    print(flush=True)
    time.sleep(600)
"""


@pytest.fixture
def url(server: Server) -> str:
    return server.new_database()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the server wait for a second only."""
    monkeypatch.setattr(module, "IDLE_SECONDS", 1)
    monkeypatch.setattr(module, "KEEP_ALIVE", 0.2)


def lock_of(url: str) -> DatabaseLock:
    lock = DatabaseLock.of(url)
    assert lock
    return lock


def is_free(url: str, name: str = "a") -> bool:
    with lock_of(url).locked(name, wait=False) as acquired:
        return acquired


@pytest.fixture
def holder(url: str, request: pytest.FixtureRequest) -> Iterator["subprocess.Popen[bytes]"]:
    """Return a process that holds the lock "a"; the parameter is how many silent seconds it is granted."""
    bootstrap = f"import sys; sys.path.insert(0, {str(Path(__file__).parents[2])!r})\n{HOLDING}"
    command = [sys.executable, "-c", bootstrap, url, str(request.param)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"\n"
        yield process
        process.kill()


def freed_within(url: str, seconds: float) -> bool:
    ends = time.monotonic() + seconds
    while not is_free(url):
        if time.monotonic() > ends:
            return False
        time.sleep(0.05)
    return True


def test_a_lock_is_exclusive(url: str) -> None:
    with lock_of(url).locked("a") as first, lock_of(url).locked("a", wait=False) as second:
        assert (first, second) == (True, False)


def test_a_lock_is_free_after_the_block(url: str) -> None:
    with lock_of(url).locked("a"):
        pass
    assert is_free(url)


def test_a_lock_is_free_after_an_error(url: str) -> None:
    with pytest.raises(ZeroDivisionError), lock_of(url).locked("a"):
        raise ZeroDivisionError
    assert is_free(url)


def test_names_are_locked_independently(url: str) -> None:
    with lock_of(url).locked("a"):
        assert is_free(url, "b")


def test_databases_are_locked_independently(server: Server, url: str) -> None:
    with lock_of(url).locked("a"):
        assert is_free(server.new_database())


def test_threads_wait_for_each_other(url: str) -> None:
    events = []

    def work() -> None:
        with lock_of(url).locked("a"):
            events.append("second")

    with lock_of(url).locked("a"):
        thread = threading.Thread(target=work)
        thread.start()
        time.sleep(0.3)
        events.append("first")
    thread.join()
    assert events == ["first", "second"]


@pytest.mark.parametrize("holder", [60], indirect=True)
def test_a_killed_process_releases_its_lock(url: str, holder: "subprocess.Popen[bytes]") -> None:
    assert not is_free(url)
    holder.kill()
    assert freed_within(url, 10)


@pytest.mark.parametrize("holder", [5], indirect=True)
def test_a_suspended_process_loses_its_lock(url: str, holder: "subprocess.Popen[bytes]") -> None:
    holder.send_signal(signal.SIGSTOP)
    assert not is_free(url)
    assert freed_within(url, 20)


@pytest.mark.usefixtures("impatient")
def test_a_process_at_work_keeps_its_lock(url: str) -> None:
    with lock_of(url).locked("a"):
        time.sleep(3)
        assert not is_free(url)


@pytest.mark.usefixtures("impatient")
def test_a_lock_is_acquired_again_after_its_connection_was_lost(server: Server, url: str) -> None:
    with lock_of(url).locked("a"):
        server.end_connections(url)
        ends = time.monotonic() + 20
        while is_free(url):
            assert time.monotonic() < ends
            time.sleep(0.1)
    assert is_free(url)


def test_losing_the_connection_in_the_block_is_no_error(server: Server, url: str) -> None:
    with lock_of(url).locked("a"):
        server.end_connections(url)
    assert freed_within(url, 20)  # The server ends a connection in its own time.


def test_a_server_that_is_absent_is_an_error() -> None:
    lock = lock_of("postgresql+psycopg://u:p@127.0.0.1:1/d")
    with pytest.raises(sqlalchemy.exc.OperationalError), lock.locked("a"):
        pass


@pytest.mark.parametrize("url", ["sqlite:///s.db", "oracle+oracledb://u:p@h/d"])
def test_other_databases_have_no_locks(url: str) -> None:
    assert DatabaseLock.of(url) is None
