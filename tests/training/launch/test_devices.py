import os
import subprocess
import sys
from contextlib import ExitStack

import pytest

from kit.training.launch.devices import reserve_core

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system pins no process")

HOLD = """
import sys
from kit.training.launch.devices import reserve_core
with reserve_core() as core:
    print(core, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def few_cores(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return cores that no other worker of kit on this machine has."""
    cores = [100_000 + os.getpid(), 200_000 + os.getpid()]
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(cores))
    return cores


def test_each_gets_a_core_of_its_own_as_long_as_there_is_one(few_cores: list[int]) -> None:
    with reserve_core() as first, reserve_core() as second:
        assert [first, second] == few_cores


def test_a_core_that_is_given_back_is_lent_again(few_cores: list[int]) -> None:
    with reserve_core():
        with reserve_core() as second:
            pass
        with reserve_core() as again:
            assert again == second == few_cores[1]


def test_more_workers_than_cores_share_them_evenly(few_cores: list[int]) -> None:
    with ExitStack() as held:
        lent = [held.enter_context(reserve_core()) for _ in range(6)]
    assert sorted(lent) == sorted(few_cores * 3)


def test_another_process_keeps_its_core_until_it_ends() -> None:
    available = sorted(os.sched_getaffinity(0))
    if len(available) < 2:
        pytest.skip("one core cannot be divided")
    command = [sys.executable, "-c", HOLD]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout
        theirs = int(other.stdout.readline())
        with reserve_core() as ours:
            assert ours != theirs
        other.kill()
