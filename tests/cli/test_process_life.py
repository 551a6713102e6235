"""Start, interruption, resumption and end of `kit cv`, with real processes and signals."""

import platform
import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from kit.run_folder import RUNS, Run
from tests.driving import PATIENCE, Process, catches, gone, stamps, wait_for, workers
from tests.workplace import kit

Driver = Callable[..., Process]
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc"),
]


@pytest.fixture
def temporary(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the empty temporary folder of every `kit`."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def left_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@pytest.mark.timeout(900)
def test_a_signal_at_any_time_ends_it_with_one_line(driver: Driver, temporary: Path) -> None:
    small = ("--set", "models.forest.trees=100")
    began = time.monotonic()
    driver(*small, run="whole").communicate(timeout=PATIENCE)
    takes = time.monotonic() - began
    moments = random.Random(0)
    for number in range(30):
        process, one = driver(*small, "--fresh"), SIGNALS[number % 3]
        wait_for(lambda p=process, s=one: catches(p, s))  # type: ignore[misc]  # bound in each round
        time.sleep(moments.uniform(0, takes))
        process.send_signal(one)
        _, err = process.communicate(timeout=PATIENCE)
        assert process.returncode in {0, 130}, err
        assert "Traceback" not in err
        assert left_in(temporary) == []
        run = Run(RUNS / "mine")
        if process.returncode == 130:
            last = err.splitlines()[-1].removeprefix("kit: ")
            assert last.startswith("interrupted")
            expected = {"interrupted", "complete"}  # The round before, if this one did not begin.
            if "the run is complete" in last:  # The page is drawn after the run.
                expected = {"complete"}
            elif "members are stored" in last:
                expected = {"interrupted"}
            assert not run.exists() or run.read_record().status in expected


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_hangup_marks_the_run_interrupted_and_ends_its_workers(
    driver: Driver, temporary: Path, number: signal.Signals
) -> None:
    process = driver()
    left = wait_for(lambda: workers(process))
    process.send_signal(number)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert err.splitlines()[-1].endswith("of 4 members are stored; rerun the same command to resume")
    assert gone(left)
    assert Run(RUNS / "mine").read_record().status == "interrupted"
    assert left_in(temporary) == []


def test_a_killed_run_is_shown_as_interrupted_and_leaves_no_files(driver: Driver, temporary: Path) -> None:
    process = driver()
    left = wait_for(lambda: workers(process))
    assert "running" in kit("runs").out.split("mine")[1].split()
    process.kill()
    process.communicate()
    wait_for(lambda: gone(left))
    assert Run(RUNS / "mine").read_record().status == "running"
    assert "interrupted" in kit("runs").out.split("mine")[1].split()
    assert "not finished (interrupted)" in kit("report", "mine").err
    wait_for(lambda: left_in(temporary) == [])


def test_a_second_command_on_a_run_names_the_first(driver: Driver) -> None:
    process = driver()
    wait_for(lambda: workers(process))
    second = driver()
    _, err = second.communicate(timeout=PATIENCE)
    assert second.returncode == 2
    first, hint = err.splitlines()
    name = f"another process is writing this run: process {process.pid} on {platform.node()}, since "
    assert first.startswith(f"kit: runs/mine: {name}")
    assert first.endswith(" (kit cv -c tiny.yaml --run mine --jobs 1)")
    assert hint == "wait for it, or choose another name"


def test_ctrl_z_stops_the_workers_too_and_fg_continues_them(driver: Driver) -> None:
    process = driver()
    [worker] = wait_for(lambda: workers(process))
    both = [psutil.Process(process.pid), worker]
    process.send_signal(signal.SIGTSTP)
    wait_for(lambda: {one.status() for one in both} == {psutil.STATUS_STOPPED})
    process.send_signal(signal.SIGCONT)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    assert len(stamps()) == 4


def test_two_runs_side_by_side_use_different_cores(driver: Driver) -> None:
    if len(psutil.Process().cpu_affinity()) < 2:
        pytest.skip("one core cannot be divided")
    processes = [driver(run="one"), driver(run="two")]

    def pinned() -> list[tuple[int, ...]] | None:
        """Return the cores of both workers, once each has started and is pinned."""
        with suppress(psutil.NoSuchProcess):
            found = [tuple(one.cpu_affinity()) for process in processes for one in workers(process)]
            return found if [len(cores) for cores in found] == [1, 1] else None
        return None

    first, second = wait_for(pinned)
    assert first != second


def test_a_run_started_with_nohup_survives_a_hangup(driver: Driver) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # A child inherits it.
    process = driver()
    signal.signal(signal.SIGHUP, before)
    wait_for(lambda: workers(process))
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("number", "what", "hint"),
    [
        (signal.SIGKILL, "was killed (signal 9), but not by the kernel for lack of memory", "systemd-oomd"),
        (signal.SIGILL, "used an instruction that this CPU lacks (signal 4)", "KERAS_BACKEND"),
    ],
)
def test_a_worker_killed_twice_is_explained(
    driver: Driver, number: signal.Signals, what: str, hint: str
) -> None:
    process = driver("--set", "models.logistic=null")
    killed: set[int] = set()
    while len(killed) < 2:
        [worker] = wait_for(lambda: [one for one in workers(process) if one.pid not in killed])[:1]
        killed.add(worker.pid)
        worker.send_signal(number)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    lines = err.splitlines()[-3:]
    assert lines[0] == f"kit: 1 of 2 members failed; forest-f0-s0: its worker {what}"
    assert hint in lines[1]
    assert lines[2].endswith("rerun the same command to train the missing members")
