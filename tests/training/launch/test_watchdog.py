import math
import re
import threading
import time
from collections.abc import Callable

import pytest

from kit.training.failures import WorkerHangsError
from kit.training.job import Job
from kit.training.launch.base import Activity, DataFolder, Event, Progress
from kit.training.launch.local import LocalLauncher
from kit.training.launch.session import Session
from kit.training.launch.watchdog import Patience, Watch, Watchdog
from tests.launchers import CPU

MakeJob = Callable[..., Job]
Install = Callable[[str], None]
SHORT = Patience(least=0.2, start=0.2, unknown=0.2, tick=0.02)


def watch(job: Job, longest: float | None = None) -> Watch:
    watchdog = Watchdog()
    if longest is not None:
        watchdog.longest[job.member.model] = longest
    return Watch(watchdog, job, lambda: None)


def test_the_limit_is_ten_times_the_longest_epoch(make_job: MakeJob) -> None:
    one = watch(make_job(epochs=3), longest=20.0)
    one.passing(lambda _: None)(Activity(make_job().member, "training", 2, 0.5))
    assert one.limit() == 200.0


@pytest.mark.parametrize(("phase", "limit"), [("training", 60.0), ("predicting", 60.0), ("compiling", 600.0)])
def test_short_epochs_have_a_limit_by_phase(phase: str, limit: float, make_job: MakeJob) -> None:
    one = watch(make_job(epochs=3), longest=0.1)
    one.passing(lambda _: None)(Activity(make_job().member, phase))  # type: ignore[arg-type]
    assert one.limit() == limit


def test_before_the_first_epoch_the_limit_is_wide(make_job: MakeJob) -> None:
    assert watch(make_job(epochs=3)).limit() == 1800.0


def test_the_first_fit_of_a_model_without_epochs_has_no_limit(make_job: MakeJob) -> None:
    assert watch(make_job()).limit() == math.inf


class Ticks(threading.Event):
    """Is set after so many waits, which take no time."""

    def __init__(self, left: int) -> None:
        super().__init__()
        self._left = left

    def wait(self, timeout: float | None = None) -> bool:
        del timeout
        self._left -= 1
        return self._left < 0


def test_epochs_of_all_members_of_a_model_count(make_job: MakeJob) -> None:
    watchdog, job = Watchdog(Patience(tick=0.25)), make_job(epochs=3)
    for ticks in (4, 1):
        one = Watch(watchdog, job, lambda: None)
        one.over = Ticks(ticks)
        one.run()
        one.passing(lambda _: None)(Progress(job.member, 1, 3, 0.5, 0.5))
    assert watchdog.longest["m"] == 1.0


def test_a_worker_that_hangs_is_killed_and_named(
    worker: Install, make_job: MakeJob, launcher: LocalLauncher, data: DataFolder
) -> None:
    worker("epoch(1); time.sleep(600)")
    retries: list[str] = []
    with (
        Session(launcher, CPU, data, lambda _, why: retries.append(why), watchdog=Watchdog(SHORT)) as session,
        pytest.raises(WorkerHangsError, match=r"m-f0-s0: its worker hangs: no message for \d+ s"),
    ):
        session.train(make_job(epochs=3), lambda _: None)
    [retry] = retries
    assert re.fullmatch(r"m-f0-s0: its worker hangs: no message for \d+ s; retrying", retry)


def test_a_worker_that_sends_messages_may_take_any_time(
    worker: Install, make_job: MakeJob, launcher: LocalLauncher, data: DataFolder
) -> None:
    # Three times the limit of silence, with a message after each tenth of it.
    patience = Patience(times=1.0, least=1.0, tick=0.02)
    worker(
        "epoch(1)\n"
        "for number in range(30): send({'phase': 'training', 'epoch': 2, 'share': 0.0}); time.sleep(0.1)\n"
        "finish()"
    )
    with Session(launcher, CPU, data, watchdog=Watchdog(patience)) as session:
        assert session.train(make_job(epochs=3), lambda _: None).history.attempts == 1


def test_while_the_driver_is_busy_with_a_message_no_silence_passes(
    worker: Install, make_job: MakeJob, launcher: LocalLauncher, data: DataFolder
) -> None:
    worker("epoch(1); finish()")

    def slow(event: Event) -> None:
        if isinstance(event, Progress):
            time.sleep(1.0)

    with Session(launcher, CPU, data, watchdog=Watchdog(SHORT)) as session:
        assert session.train(make_job(), slow).history.attempts == 1
