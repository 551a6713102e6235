"""Searches: threads, time limit, Ctrl-C, and other processes."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from kit.config import Choices, Tune
from kit.errors import InterruptedRunError
from kit.members import Member
from kit.training.launch.base import Device, Progress
from kit.tuning import search as searching
from kit.tuning import storage
from kit.tuning.search import search
from kit.tuning.space import Parameter, Space
from kit.tuning.study import SharedStudy, TrialFailedError, TrialStoppedError
from kit.tuning.trial import TrialSlot
from tests.launchers import CPU, FakeLauncher
from tests.tuning.conftest import Recorder, line_space

Open = Callable[..., SharedStudy]
TWO = Space((Parameter("x", Choices(kind="categorical", choices=(1, 2)), {}),), {"x": 1}, False)


def value(trial: optuna.Trial, slot: TrialSlot) -> float:
    slot.on_progress(trial.number, Progress(Member("m", 0, 0), 1, 4, 0.5, 0.9))
    return float((trial.params["x"] - 0.3) ** 2)


def endless(trial: optuna.Trial, slot: TrialSlot) -> float:
    del trial
    while not slot.stopped:
        time.sleep(0.005)
    raise TrialStoppedError(slot.stopped)


def find(shared: SharedStudy, objective: Any = value, jobs: int = 1, **given: Any) -> bool:
    settings: dict[str, Any] = {
        "trials": 6,
        "stop_at": lambda: float("inf"),
        "launcher": FakeLauncher(),
        "devices": [CPU] * jobs,
        "listener": Recorder(),
        **given,
    }
    return search(shared, objective, **settings)


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "CHECK_SECONDS", 0.02)
    monkeypatch.setattr(searching, "POLL_SECONDS", 0.05)


def test_a_search_ends_with_its_trials(open_study: Open, record: Recorder) -> None:
    shared = open_study()
    assert find(shared, listener=record) is True
    assert shared.trial_count() == 6
    assert sorted(record.started) == [trial.number for trial in record.ended] == list(range(6))
    assert record.started[0] == {"x": 0.5}
    assert record.epochs[0] == (0, Progress(Member("m", 0, 0), 1, 4, 0.5, 0.9))
    assert record.waits == []


def test_a_study_that_is_full_is_left_alone(open_study: Open, record: Recorder) -> None:
    shared = open_study()
    find(shared)
    assert find(shared, listener=record) is True
    assert record.started == {}


def test_more_trials_resume_the_study(open_study: Open) -> None:
    shared = open_study()
    find(shared, trials=3)
    find(shared, trials=5)
    assert [trial.number for trial in shared.study.trials] == list(range(5))


@pytest.mark.parametrize(("most", "threads"), [(None, 3), (2, 2)])
def test_machines_that_join_run_trials_up_to_a_limit(
    open_study: Open, most: int | None, threads: int
) -> None:
    class Growing(FakeLauncher):
        def more(self, running: int) -> list[Device]:
            return [CPU] * (3 - running)

    together = threading.Barrier(threads, timeout=30)

    def wait(trial: optuna.Trial, slot: TrialSlot) -> float:
        together.wait()
        return value(trial, slot)

    assert find(open_study(), wait, launcher=Growing(), most=most) is True


def test_threads_share_the_count_and_have_devices_of_their_own(open_study: Open) -> None:
    shared = open_study()
    used, barrier = set(), threading.Barrier(2, timeout=30)
    devices = [Device("gpu", "0"), Device("gpu", "1")]

    def together(trial: optuna.Trial, slot: TrialSlot) -> float:
        used.add(slot.device)
        barrier.wait()
        return value(trial, slot)

    find(shared, together, devices=devices)
    assert shared.trial_count() == 6
    assert used == set(devices)


def test_a_space_where_everything_fails_ends(open_study: Open) -> None:
    shared = open_study()

    def fail(trial: optuna.Trial, slot: TrialSlot) -> float:
        del trial, slot
        raise TrialFailedError("it diverged")

    assert find(shared, fail) is True
    assert [trial.user_attrs["failed"] for trial in shared.study.trials] == ["it diverged"] * 6


def test_a_search_ends_once_there_is_nothing_new(open_study: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "REPEATS", 4)
    shared = open_study(TWO)

    def repeat(trial: optuna.Trial, slot: TrialSlot) -> float:
        if trial.number > 1:
            trial.set_user_attr("repeat_of", 0)
        return value(trial, slot)

    assert find(shared, repeat, trials=None) is True
    assert shared.trial_count() == 6


def test_at_the_time_limit_running_trials_are_queued_again(open_study: Open, record: Recorder) -> None:
    shared = open_study()
    find(shared, trials=1)

    def stop_at() -> float:
        return 0.0 if len(record.started) == 2 else float("inf")

    assert find(shared, endless, trials=3, jobs=2, stop_at=stop_at, listener=record) is True
    cut = shared.study.trials[1:3]
    assert [trial.user_attrs["failed"] for trial in cut] == ["time limit reached"] * 2
    assert shared.trial_count() == 3
    assert find(shared, trials=3) is True
    again = {trial.params["x"] for trial in shared.study.trials[3:]}
    assert again == {trial.params["x"] for trial in cut}


def test_a_trial_that_would_not_be_done_in_time_is_not_begun(open_study: Open, record: Recorder) -> None:
    shared = open_study()

    def slow(trial: optuna.Trial, slot: TrialSlot) -> float:
        time.sleep(0.5)
        return value(trial, slot)

    # Once something is known, the end comes nearer.
    def stop_at() -> float:
        return time.monotonic() + (0.3 if shared.study.get_trials(states=(TrialState.COMPLETE,)) else 60)

    assert find(shared, slow, stop_at=stop_at, listener=record) is True
    assert sorted(record.started) == [0]


def test_nothing_is_begun_after_the_end(open_study: Open, record: Recorder) -> None:
    assert find(open_study(), stop_at=lambda: 0.0, listener=record) is True
    assert record.started == {}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_stops_all_threads_and_the_next_call_resumes(
    open_study: Open, record: Recorder, number: signal.Signals
) -> None:
    shared = open_study()
    find(shared, trials=2)
    before = signal.signal(number, signal.default_int_handler)
    both = threading.Barrier(3)
    record.on_start = both.wait

    def press() -> None:
        both.wait()
        os.kill(os.getpid(), number)

    def impatient(trial: optuna.Trial, slot: TrialSlot) -> float:
        try:
            return endless(trial, slot)
        finally:
            os.kill(os.getpid(), number)

    threading.Thread(target=press).start()
    with pytest.raises(InterruptedRunError, match="interrupted; 2 trials are done"):
        find(shared, impatient, trials=5, jobs=2, listener=record)
    assert signal.signal(number, before) == signal.default_int_handler
    cut = shared.study.trials[2:4]
    assert [trial.user_attrs["failed"] for trial in cut] == ["interrupted"] * 2
    assert (shared.running(), shared.trial_count()) == ({}, 4)
    assert find(shared, trials=5) is True
    assert shared.trial_count() == 5
    again = {trial.params["x"] for trial in shared.study.trials[4:6]}
    assert again == {trial.params["x"] for trial in cut}


def test_an_unexpected_error_ends_the_search_and_loses_no_trial(open_study: Open) -> None:
    shared = open_study()

    def break_off(trial: optuna.Trial, slot: TrialSlot) -> float:
        if trial.number == 0:
            time.sleep(0.3)
            raise ZeroDivisionError("oh")
        return endless(trial, slot)

    with pytest.raises(ZeroDivisionError, match="oh"):
        find(shared, break_off, jobs=2)
    assert shared.running() == {}
    assert [trial.state.name for trial in shared.study.trials] == ["FAIL", "FAIL", "WAITING"]


def test_trials_of_others_are_awaited_and_run_where_they_stop(open_study: Open, record: Recorder) -> None:
    shared, other = open_study(), open_study()
    running = threading.Event()
    slot = TrialSlot(FakeLauncher(), CPU, lambda *_: None)

    def elsewhere(trial: optuna.Trial) -> float:
        running.set()
        return endless(trial, slot)

    thread = threading.Thread(target=other.claim, args=(elsewhere, None))
    thread.start()
    running.wait()
    record.on_wait = lambda: slot.stop("interrupted")
    assert find(shared, trials=2, listener=record) is True
    thread.join()
    assert record.waits == [{0: True}]
    assert shared.trial_count() == 2
    assert [trial.number for trial in record.ended] == [1, 2]
    assert record.ended[1].user_attrs["baseline"] is True


def test_a_process_without_time_to_wait_is_not_the_last(open_study: Open) -> None:
    shared, other = open_study(), open_study()
    running, slot = threading.Event(), TrialSlot(FakeLauncher(), CPU, lambda *_: None)

    def elsewhere(trial: optuna.Trial) -> float:
        running.set()
        return endless(trial, slot)

    thread = threading.Thread(target=other.claim, args=(elsewhere, None))
    thread.start()
    running.wait()
    stop_at = time.monotonic() + 0.5
    assert find(shared, trials=1, stop_at=lambda: stop_at) is False
    slot.stop("interrupted")
    thread.join()


SEARCHING = """
import sys, time
sys.path.insert(0, ROOT)
from pathlib import Path
from kit.config import Tune
from kit.tuning import search as searching
from kit.tuning.study import SharedStudy
from tests.launchers import CPU, FakeLauncher
from tests.tuning.conftest import Recorder, line_space
shared = SharedStudy.open("s", "sqlite:///s.db", Path("runs"), Tune(pruner="none"), line_space(), {})
def objective(trial, slot):
    print(trial.number, flush=True)
    time.sleep(SECONDS)
    return trial.params["x"]
last = searching.search(
    shared, objective, trials=8, stop_at=lambda: float("inf"), launcher=FakeLauncher(), devices=[CPU] * 2,
    listener=Recorder()
)
print(last, flush=True)
"""


def elsewhere(seconds: float) -> "subprocess.Popen[str]":
    script = SEARCHING.replace("SECONDS", str(seconds)).replace("ROOT", repr(str(Path(__file__).parents[2])))
    return subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_two_processes_run_each_trial_once(workdir: Path) -> None:
    processes = [elsewhere(0.2) for _ in range(2)]
    said = [process.communicate()[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sorted(said[0][:-1] + said[1][:-1]) == [str(number) for number in range(8)]
    assert "True" in {said[0][-1], said[1][-1]}
    shared = SharedStudy.open("s", "sqlite:///s.db", workdir / "runs", Tune(), line_space(), {})
    assert len({trial.params["x"] for trial in shared.study.trials}) == 8


@pytest.mark.slow
def test_a_process_finishes_the_study_of_one_that_was_killed(
    workdir: Path, monkeypatch: pytest.MonkeyPatch, record: Recorder
) -> None:
    monkeypatch.setattr(storage, "HEARTBEAT", 1)
    monkeypatch.setattr(storage, "GRACE", 2)
    with elsewhere(3600) as process:
        assert process.stdout
        lost = sorted(int(process.stdout.readline()) for _ in range(2))
        process.send_signal(signal.SIGKILL)
    shared = SharedStudy.open("s", "sqlite:///s.db", workdir / "runs", Tune(pruner="none"), line_space(), {})
    assert (lost, list(shared.running())) == ([0, 1], [0, 1])
    assert find(shared, trials=8, listener=record) is True
    trials = shared.study.trials
    assert [trials[number].state for number in lost] == [TrialState.FAIL] * 2
    done = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    assert (len(done), shared.trial_count()) == (8, 8)
    assert {trial.params["x"] for trial in trials} == {trial.params["x"] for trial in done}
    # On a busy machine, their heartbeats may be old enough before it waits, that of one before the other's.
    assert all(set() < waited.keys() <= {0, 1} and all(waited.values()) for waited in record.waits[:1])
