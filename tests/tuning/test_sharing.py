"""Studies that several machines share: processes that have only the database in common.

Each process has a working folder of its own, and so lock files of its own.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from optuna.trial import FrozenTrial, Trial, TrialState

from kit.config import Tune
from kit.tuning import storage
from kit.tuning.retries import is_retry
from kit.tuning.study import SharedStudy
from tests.databases import Server
from tests.tuning.conftest import line_space

ROOT = Path(__file__).parents[2]
TRIALS, HANGS_AT = 40, 3

MACHINE = f"""
import sys, time
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from kit.config import Tune
from kit.tuning import storage
storage.HEARTBEAT, storage.GRACE = 1, 8
from kit.tuning import search as searching
from kit.tuning.study import SharedStudy
from tests.launchers import CPU, FakeLauncher
from tests.tuning.conftest import Recorder, line_space
searching.POLL_SECONDS = 0.2
def open_study(url):
    return SharedStudy.open("s", url, Path("runs"), Tune(pruner="none"), line_space(), {{}})
"""
SEARCHING = (
    MACHINE
    + f"""
begun = []
def objective(trial, slot):
    begun.append(trial.number)
    print(trial.number, flush=True)
    time.sleep(600 if str(len(begun)) in sys.argv[2:] else 0.1)
    return trial.params["x"]
shared = open_study(sys.argv[1])
last = searching.search(
    shared, objective, trials={TRIALS}, stop_at=lambda: float("inf"), launcher=FakeLauncher(), devices=[CPU],
    listener=Recorder()
)
print(last, flush=True)
"""
)
OPENING = (
    MACHINE
    + """
print(flush=True)
for line in sys.stdin:
    open_study(line.strip())
    print(flush=True)
"""
)
HANGING = (
    MACHINE
    + """
def hang(*_):
    print(flush=True)
    time.sleep(600)
setattr(SharedStudy, sys.argv[2], hang)
open_study(sys.argv[1]).claim(lambda trial: 0.0, None)
"""
)

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return a function that runs a script in a new folder, as on another machine."""
    started: list[subprocess.Popen[str]] = []

    def start_it(script: str, *arguments: str) -> "subprocess.Popen[str]":
        folder = tmp_path / f"machine{len(started)}"
        folder.mkdir()
        command = [sys.executable, "-c", script, *arguments]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=folder)
        started.append(process)
        return process

    yield start_it
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def join(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], SharedStudy]:
    """Return a function that opens the study from this process."""
    monkeypatch.setattr(storage, "HEARTBEAT", 1)
    monkeypatch.setattr(storage, "GRACE", 8)

    def join_it(url: str) -> SharedStudy:
        return SharedStudy.open("s", url, workdir / "runs", Tune(pruner="none"), line_space(), {})

    return join_it


def value(trial: Trial) -> float:
    return float(trial.params["x"])


def said(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def complete(shared: SharedStudy) -> list[FrozenTrial]:
    return shared.study.get_trials(states=(TrialState.COMPLETE,))


@pytest.mark.slow
def test_four_machines_share_forty_trials_and_one_is_killed(
    server: Server, start: Start, join: Callable[[str], SharedStudy]
) -> None:
    url = server.new_database()
    victim, *others = start(SEARCHING, url, str(HANGS_AT)), *(start(SEARCHING, url) for _ in range(3))
    lost = [int(said(victim)) for _ in range(HANGS_AT)][-1]
    victim.send_signal(signal.SIGKILL)
    ends = [process.communicate(timeout=120)[0].split() for process in others]
    assert [process.returncode for process in others] == [0, 0, 0]
    assert "True" in {words[-1] for words in ends}

    shared = join(url)
    trials, done = shared.study.trials, complete(shared)
    assert [trial.number for trial in trials] == list(range(len(trials)))
    assert (shared.trial_count(), len(done)) == (TRIALS, TRIALS)
    assert len({trial.params["x"] for trial in done}) == TRIALS
    assert [trial.number for trial in trials if "baseline" in trial.user_attrs and not is_retry(trial)] == [0]
    assert {trial.number for trial in trials} - {trial.number for trial in done} == {lost}
    # Every trial that a machine began is one of the study's, and no two machines began the same.
    begun = [int(number) for words in ends for number in words[:-1]]
    assert len(set(begun)) == len(begun) == TRIALS - HANGS_AT + 1


@pytest.mark.slow
def test_a_study_that_machines_open_in_the_same_instant_has_one_baseline(
    server: Server, start: Start, join: Callable[[str], SharedStudy]
) -> None:
    machines = [start(OPENING) for _ in range(3)]
    for machine in machines:
        said(machine)
    for _ in range(6):
        url = server.new_database()
        for machine in machines:
            assert machine.stdin
            machine.stdin.write(f"{url}\n")
            machine.stdin.flush()
        for machine in machines:
            said(machine)
        assert [machine.poll() for machine in machines] == [None, None, None]
        [trial] = join(url).study.trials
        assert trial.user_attrs == {"baseline": True}


@pytest.mark.slow
@pytest.mark.parametrize("method", ["_fail_lost", "_check_position", "_choose"])
def test_after_a_machine_died_while_it_claimed_another_one_continues(
    server: Server, start: Start, join: Callable[[str], SharedStudy], method: str
) -> None:
    url = server.new_database()
    hanging = start(HANGING, url, method)
    said(hanging)
    hanging.send_signal(signal.SIGKILL)
    shared = join(url)
    ends = time.monotonic() + 30
    while not (trial := shared.claim(value, 1)):
        assert time.monotonic() < ends
        time.sleep(0.1)
    assert trial.params == {"x": 0.5}
    assert shared.trial_count() == 1
    assert shared.claim(value, 1) is None


@pytest.mark.slow
def test_a_machine_waits_while_another_one_claims(
    server: Server, start: Start, join: Callable[[str], SharedStudy]
) -> None:
    url = server.new_database()
    hanging = start(HANGING, url, "_choose")
    said(hanging)
    with join(url).lock.database.locked("claim s", wait=False) as free:  # type: ignore[union-attr]
        assert not free
    assert hanging.poll() is None
