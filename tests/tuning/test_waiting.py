"""Trials of other processes: waited for while they send heartbeats, by the monotonic clock."""

import time
from collections.abc import Callable

import optuna
import pytest
from optuna.distributions import FloatDistribution

from kit.tuning import search as searching
from kit.tuning import waiting
from kit.tuning.search import search
from kit.tuning.study import SharedStudy
from kit.tuning.waiting import SILENCE, RemoteTrials
from tests.launchers import CPU, FakeLauncher
from tests.tuning.conftest import Recorder

Open = Callable[..., SharedStudy]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the monotonic time, which can be set."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_a_trial_without_heartbeats_is_given_up_after_the_timeout(clock: list[float]) -> None:
    remote = RemoteTrials()
    assert remote.active({3: None}) == {3: False}
    clock[0] = SILENCE - 1
    assert remote.active({3: None}) == {3: False}
    clock[0] = SILENCE
    assert remote.active({3: None}) == {}


def test_a_trial_with_heartbeats_is_waited_for(clock: list[float]) -> None:
    remote = RemoteTrials()
    for beat in range(100):
        clock[0] = beat * SILENCE / 2
        assert remote.active({3: f"beat {beat}"}) == {3: True}
    clock[0] += SILENCE
    assert remote.active({3: "beat 99"}) == {}


def test_a_heartbeat_from_the_future_is_not_a_new_one(clock: list[float]) -> None:
    """As after the computer's clock was set back: Optuna does not know the trial to be lost for hours."""
    remote = RemoteTrials()
    remote.active({3: "2099-01-01 00:00:00"})
    clock[0] = SILENCE
    assert remote.active({3: "2099-01-01 00:00:00"}) == {}


def foreign(shared: SharedStudy) -> int:
    """Begin a trial as another program does, and never end it."""
    return shared.study.ask({"x": FloatDistribution(0, 1)}).number


def find(shared: SharedStudy, record: Recorder, stop_at: float = float("inf")) -> bool:
    def objective(trial: optuna.Trial, _: object) -> float:
        return float(trial.params["x"])

    return search(
        shared,
        objective,
        trials=4,
        stop_at=lambda: stop_at,
        launcher=FakeLauncher(),
        devices=[CPU],
        listener=record,
    )


@pytest.mark.parametrize("programs", [1, 2])
def test_trials_begun_elsewhere_do_not_block_the_search(
    open_study: Open, record: Recorder, monkeypatch: pytest.MonkeyPatch, programs: int
) -> None:
    monkeypatch.setattr(searching, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(waiting, "SILENCE", 0.5)
    shared = open_study()
    shared.claim(lambda trial: float(trial.params["x"]), None)
    numbers = [foreign(shared) for _ in range(programs)]
    assert find(shared, record) is True
    assert record.waits == [dict.fromkeys(numbers, False)]
    assert record.left == numbers
    assert shared.trial_count() == 4
    assert list(shared.running()) == numbers


def test_a_trial_begun_elsewhere_does_not_keep_the_confirmation_away(
    open_study: Open, record: Recorder
) -> None:
    shared = open_study()
    shared.claim(lambda trial: float(trial.params["x"]), None)
    number = foreign(shared)
    assert find(shared, record, stop_at=time.monotonic() - 1) is True
    assert (record.waits, record.left) == ([], [number])
