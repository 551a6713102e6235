import os
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import replace

import pytest

from kit.training import machine
from kit.training.launch import devices
from kit.training.launch.base import Device
from kit.training.launch.devices import assign, available, reserve_core
from kit.training.machine import Gpu

pytestmark = pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity"), reason="this system has no CPU affinity"
)

HOLD = """
import sys
from kit.training.launch import devices
devices.CLAIM = sys.argv[1]
with devices.reserve_core() as core:
    print(core, flush=True)
    sys.stdin.read()
"""


def gpus(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Give this machine so many GPUs, and three CPU cores."""
    found = tuple(Gpu("Tesla T4", 7.5, f"GPU-{index}") for index in range(count))
    monkeypatch.setattr(machine, "usable_gpus", lambda _: found)
    monkeypatch.setattr(devices, "cores", lambda: 3)


def test_without_a_gpu_each_core_is_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    gpus(monkeypatch, 0)
    assert available("tensorflow") == [Device("core")] * 3


def test_each_gpu_is_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    gpus(monkeypatch, 2)
    assert available("tensorflow") == [Device("gpu", "GPU-0"), Device("gpu", "GPU-1")]


def test_the_only_gpu_is_not_named(monkeypatch: pytest.MonkeyPatch) -> None:
    gpus(monkeypatch, 1)
    assert available("tensorflow") == [Device("gpu")]


def test_classical_models_train_on_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    gpus(monkeypatch, 2)
    assert available(None) == [Device("core")] * 3


def test_workers_take_the_devices_in_turn_and_share_those_that_are_left() -> None:
    first, second = Device("gpu", "0"), Device("gpu", "1")
    assert assign([first, second], 1) == [first]
    assert assign([first, second], 2) == [first, second]
    shared = replace(first, shared=True)
    assert assign([first, second], 3) == [shared, second, shared]
    assert assign([Device("core")], 2) == [Device("core")] * 2


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


def test_another_process_keeps_its_core_until_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "CLAIM", f"kit-test-{os.getpid()}")
    available = sorted(os.sched_getaffinity(0))
    if len(available) < 2:
        pytest.skip("one core cannot be divided")
    command = [sys.executable, "-c", HOLD, devices.CLAIM]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout
        theirs = int(other.stdout.readline())
        with reserve_core() as ours:
            assert ours != theirs
        other.kill()


def test_no_more_workers_are_assigned_than_a_cluster_has_places() -> None:
    place = Device("remote")
    assert [len(assign([place] * 3, workers)) for workers in (1, 3, 9)] == [1, 3, 3]
