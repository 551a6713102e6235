"""The locks of a study, on this machine and on others."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from kit.tuning.database_lock import DatabaseLock
from kit.tuning.study_lock import StudyLock
from tests.databases import Server

Machine = Callable[..., StudyLock]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Return a function that returns the lock of a study, as another machine has it."""

    def lock_it(name: str, url: str, study: str = "s") -> StudyLock:
        (tmp_path / name).mkdir(exist_ok=True)
        database = DatabaseLock.of(url)
        return StudyLock(study, tmp_path / name / "study.lock", database, is_server=database is not None)

    return lock_it


@pytest.fixture
def url(server: Server) -> str:
    return server.new_database()


def confirms(lock: StudyLock) -> bool:
    with lock.confirming(lock.file.with_name("confirm.lock")) as alone:
        return alone


def is_blocked(block: Callable[[], object]) -> bool:
    """Say whether a thread is still waiting after half a second; the caller lets it end."""
    thread = threading.Thread(target=block)
    thread.start()
    thread.join(0.5)
    return thread.is_alive()


def test_one_machine_confirms(machine: Machine, url: str) -> None:
    lock = machine("a", url)
    with lock.confirming(lock.file.with_name("confirm.lock")) as alone:
        assert alone
        assert not confirms(machine("b", url))
    assert confirms(machine("b", url))


def test_another_study_is_confirmed_at_the_same_time(machine: Machine, url: str) -> None:
    lock = machine("a", url)
    with lock.confirming(lock.file.with_name("confirm.lock")):
        assert confirms(machine("b", url, "t"))


def test_one_process_of_a_machine_confirms(machine: Machine) -> None:
    lock = machine("a", "sqlite:///s.db")
    with lock.confirming(lock.file.with_name("confirm.lock")) as alone:
        assert alone
        assert not confirms(machine("a", "sqlite:///s.db"))


def test_trials_are_claimed_during_a_confirmation(machine: Machine, url: str) -> None:
    lock = machine("a", url)
    with lock.confirming(lock.file.with_name("confirm.lock")), machine("b", url).claiming():
        pass


def test_one_machine_claims(machine: Machine, url: str) -> None:
    def claim() -> None:
        with machine("b", url).claiming():
            pass

    with machine("a", url).claiming():
        assert is_blocked(claim)


def test_studies_of_one_database_are_opened_one_after_the_other(machine: Machine, url: str) -> None:
    def open_other() -> None:
        with machine("b", url, "t").opening():
            pass

    with machine("a", url).opening():
        assert is_blocked(open_other)


@pytest.mark.parametrize(
    ("url", "is_server", "expected"),
    [("sqlite:///s.db", False, True), ("oracle+oracledb://u:p@h/d", True, False)],
)
def test_whether_the_locks_exclude_every_process(url: str, is_server: bool, expected: bool) -> None:
    lock = StudyLock("s", Path("study.lock"), DatabaseLock.of(url), is_server=is_server)
    assert lock.exclusive is expected
