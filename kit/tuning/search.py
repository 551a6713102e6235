"""The search: threads that claim and run trials until the study is complete or the time limit is reached."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import ExitStack
from statistics import median
from typing import TYPE_CHECKING, Protocol

from kit import interrupts
from kit.errors import InterruptedRunError
from kit.records import Params
from kit.reports.study.figures import seconds_of
from kit.training.launch.base import Activity, Device, Event, Launcher, Progress
from kit.tuning.study import SharedStudy, TrialStoppedError
from kit.tuning.trial import TrialSlot
from kit.tuning.waiting import SILENCE, RemoteTrials

if TYPE_CHECKING:
    from optuna import Trial
    from optuna.trial import FrozenTrial

    Objective = Callable[[Trial, TrialSlot], float]

CHECK_SECONDS = 0.5
"""Interval of checking the time limit while trials run."""
MOST = 1000
"""Trials that run at once, at most, on a cluster that grows; each has a thread."""
POLL_SECONDS = 3.0
"""Interval of checking the trials of other processes while waiting for them."""
STOP_REASONS = INTERRUPTED, TIME_UP, SEARCH_FAILED = "interrupted", "time limit reached", "the search failed"
"""Reasons for stopping a trial that did not fail itself."""
REPEATS = 50
"""After this many repeated trials in a row, the space has nothing new to try."""


class ProgressListener(Protocol):
    """Receives progress events of a search; all but `waiting` and `given_up` come from other threads."""

    def trial_started(self, number: int, params: Params) -> None:
        """A trial starts."""

    def trial_progressed(self, number: int, progress: Progress) -> None:
        """A trial finished an epoch."""

    def trial_acts(self, number: int, activity: Activity) -> None:
        """The worker of a trial does something, or is so far with it."""

    def search_ends(self, at: float) -> None:
        """The search has time until `at`, by `time.monotonic`; called repeatedly. Infinity: no limit."""

    def trial_ended(self, trial: "FrozenTrial") -> None:
        """A trial is complete, pruned or failed."""

    def waiting(self, trials: Mapping[int, bool], seconds: float) -> None:
        """No trial is left to start, but these trials of other processes are running.

        True means that the trial sends heartbeats. Each is given up after this many seconds without one.
        """

    def given_up(self, trials: Collection[int]) -> None:
        """The search no longer waits for these trials, although they are running."""


def search(
    shared: SharedStudy,
    objective: "Objective",
    *,
    trials: int | None,
    stop_at: Callable[[], float],
    launcher: Launcher,
    devices: Sequence[Device],
    listener: ProgressListener,
    most: int | None = None,
) -> bool:
    """Run trials until the study has `trials` of them, time is up, or the space has nothing new to try.

    Then wait, while time remains, for trials of other processes that send heartbeats, and retry lost ones.

    Args:
        shared: the study.
        objective: returns a trial's loss; see `SharedStudy.claim` for what it may raise.
        trials: of the study, in all processes and calls; None: no limit.
        stop_at: returns the time limit, by `time.monotonic`; called repeatedly, from all threads.
        launcher: starts the workers.
        devices: one per trial that runs at once, at first.
        listener: receives progress events.
        most: trials that run at once, at most, if machines join meanwhile; None: no limit.

    Returns:
        Whether no trial of kit is running in any process.

    Raises:
        InterruptedRunError: Ctrl-C; running trials are queued again.
    """
    remote, announced = RemoteTrials(), set[int]()
    try:
        with ExitStack() as cleanup, interrupts.deferred() as pause, launcher.suspended_together():
            runner = _TrialRunner(shared, objective, trials, stop_at, listener, pause=pause)
            runner.slots = [TrialSlot(launcher, device, runner.progressed) for device in devices]
            runner.more = lambda: _joined(runner, launcher, most or MOST)
            cleanup.callback(runner.close)
            while True:
                running = shared.running()
                if runner.run():
                    continue  # Meanwhile other processes may have started or lost trials.
                awaited, left = remote.active(running), stop_at() - time.monotonic()
                if not awaited or left <= 0:
                    if running and not any(awaited.values()):
                        listener.given_up(running)
                    return not any(awaited.values())
                if awaited.keys() != announced:
                    listener.waiting(awaited, SILENCE)
                    announced = set(awaited)
                pause(min(POLL_SECONDS, left))
                shared.fail_lost()
    except KeyboardInterrupt:
        raise InterruptedRunError(
            f"interrupted; {len(_ended(shared))} trials are done", hint="rerun the same command to resume"
        ) from None


def _joined(runner: "_TrialRunner", launcher: Launcher, most: int) -> list[TrialSlot]:
    """Return slots on machines that have joined meanwhile."""
    count = len(runner.slots)
    devices = launcher.more(count)[: max(0, most - count)]
    return [TrialSlot(launcher, device, runner.progressed) for device in devices]


class _TrialRunner:
    """The threads of this process, one per slot."""

    def __init__(
        self,
        shared: SharedStudy,
        objective: "Objective",
        trials: int | None,
        stop_at: Callable[[], float],
        listener: ProgressListener,
        *,
        pause: Callable[[float], None],
    ) -> None:
        self.slots: list[TrialSlot] = []
        self.more: Callable[[], list[TrialSlot]] = list
        self._shared, self._objective, self._trials = shared, objective, trials
        self._stop_at, self._listener, self._pause = stop_at, listener, pause
        self._ran = False

    def run(self) -> bool:
        """Run trials until none can start; return whether any ran. On errors too, all have ended."""
        self._ran = False
        # Futures, since after Ctrl-C in Thread.join Python 3.11 considers the thread finished.
        with ThreadPoolExecutor(max(MOST, len(self.slots)), thread_name_prefix="kit-trial") as pool:
            try:
                futures = [pool.submit(self._work, slot) for slot in self.slots]
                while (state := wait(futures, CHECK_SECONDS, FIRST_EXCEPTION)).not_done:
                    self._pause(0)
                    ends = self._stop_at()
                    self._listener.search_ends(ends)
                    if time.monotonic() >= ends:
                        self._stop(TIME_UP)
                    elif more := self.more():
                        self.slots += more
                        futures += [pool.submit(self._work, slot) for slot in more]
                    for future in state.done:
                        future.result()
            except BaseException as error:
                self._stop(INTERRUPTED if isinstance(error, KeyboardInterrupt) else SEARCH_FAILED)
                raise
        for future in futures:
            future.result()
        return self._ran

    def close(self) -> None:
        """End the workers that wait for a trial."""
        for slot in self.slots:
            slot.close()

    def progressed(self, number: int, progress: Event) -> None:
        if isinstance(progress, Activity):
            self._listener.trial_acts(number, progress)
            return
        self._listener.trial_progressed(number, progress)

    def _stop(self, reason: str) -> None:
        for slot in self.slots:
            slot.stop(reason)

    def _work(self, slot: TrialSlot) -> None:
        def run(trial: "Trial") -> float:
            self._ran = True
            if slot.stopped:
                raise TrialStoppedError(slot.stopped)
            self._listener.trial_started(trial.number, trial.params)
            return self._objective(trial, slot)

        while not slot.stopped and self._has_time_and_news():
            trial = self._shared.claim(run, self._trials)
            if trial is None:
                return
            self._listener.trial_ended(trial)

    def _has_time_and_news(self) -> bool:
        """Return whether another trial can finish in time, and may be a new one."""
        ended = _ended(self._shared)
        repeats = ["repeat_of" in trial.user_attrs for trial in ended]
        if len(ended) >= REPEATS and all(repeats[-REPEATS:]):
            return False
        seconds = [
            seconds_of(trial) or 0.0 for trial, repeat in zip(ended, repeats, strict=True) if not repeat
        ]
        return time.monotonic() + (median(seconds) if seconds else 0.0) < self._stop_at()


def _ended(shared: SharedStudy) -> "list[FrozenTrial]":
    from optuna.trial import TrialState

    return shared.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))
