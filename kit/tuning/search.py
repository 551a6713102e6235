"""The search: threads that claim and run trials, until the study is full or the time is up."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from statistics import median
from typing import TYPE_CHECKING, Any, Protocol

from kit import interrupts
from kit.errors import InterruptedRunError, KitError
from kit.training.launch.base import Device, Launcher, Progress
from kit.tuning.study import SharedStudy, TrialStoppedError
from kit.tuning.trial import Slot
from kit.tuning.waiting import SILENCE, Others

if TYPE_CHECKING:
    from optuna import Trial
    from optuna.trial import FrozenTrial

    Objective = Callable[[Trial, Slot], float]

LOOK_SECONDS = 0.5
"""How often the time is looked at while trials run."""
POLL_SECONDS = 3.0
"""How often one who waits looks after the trials of other processes."""
STOPPED = INTERRUPTED, TIME_UP, BROKEN_OFF = "interrupted", "time was up", "the search broke off"
"""Why a trial is stopped that did not fail itself."""
REPEATS = 50
"""So many trials in a row that repeat earlier ones: there is nothing new to try."""


class ProgressListener(Protocol):
    """Who wants to see a search go on; all but `waiting` is called from other threads."""

    def trial_started(self, number: int, params: Mapping[str, Any]) -> None:
        """A trial begins."""

    def trial_progressed(self, number: int, fold: int, epoch: int, epochs: int, loss: float) -> None:
        """An epoch of a trial is over; `loss` is that of the held-out rows."""

    def trial_ended(self, trial: "FrozenTrial") -> None:
        """A trial is complete, pruned or failed."""

    def waiting(self, trials: Mapping[int, bool], seconds: float) -> None:
        """Nothing is left to begin, but these trials of other processes are running.

        Those of kit give signs of life (True); each is waited for until it gave none for so many seconds.
        """

    def given_up(self, trials: Collection[int]) -> None:
        """These are running still, but are not waited for any longer."""


def search(
    shared: SharedStudy,
    objective: "Objective",
    *,
    trials: int | None,
    stop_at: Callable[[], float],
    launcher: Launcher,
    devices: Sequence[Device],
    listener: ProgressListener,
) -> bool:
    """Run trials until the study has its `trials`, the time is up, or there is nothing new to try.

    Then wait, as long as there is time, for the trials of other processes that give signs of life, and run
    those that get lost.

    Args:
        shared: the study.
        objective: gives a trial's value; see `SharedStudy.claim` for what it may raise.
        trials: of the study, over all processes and calls; None: no limit.
        stop_at: when no trial may still run, by `time.monotonic`; asked again and again, from all threads.
        launcher: starts the workers.
        devices: one per trial that runs at once.
        listener: is told how it goes.

    Returns:
        Whether no trial of kit runs any more, in any process.

    Raises:
        KitError: the storage failed.
        InterruptedRunError: Ctrl-C; what was running is queued again.
    """
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    others, announced = Others(), set[int]()
    try:
        with interrupts.deferred() as pause, launcher.suspended_together():
            runner = _TrialRunner(shared, objective, trials, stop_at, listener, pause=pause)
            runner.slots = [Slot(launcher, device, runner.progressed) for device in devices]
            while True:
                running = shared.running()
                if runner.run():
                    continue  # Others may have come, or left something behind, meanwhile.
                awaited, left = others.waited_for(running), stop_at() - time.monotonic()
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
            f"interrupted; {len(_ended(shared))} trials are done", hint="the same command goes on from there"
        ) from None
    except (StorageInternalError, SQLAlchemyError) as error:
        reason = str(error.__cause__ or error).splitlines()[0]
        raise KitError(
            f"the study's storage failed: {reason}", hint="the same command goes on from there"
        ) from error


class _TrialRunner:
    """The threads of this process, one a slot."""

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
        self.slots: list[Slot] = []
        self._shared, self._objective, self._trials = shared, objective, trials
        self._stop_at, self._watcher, self._pause = stop_at, listener, pause
        self._ran = False

    def run(self) -> bool:
        """Run trials until none can be begun; say whether any was. However it ends, none runs any more."""
        self._ran = False
        # Futures, since Ctrl-C in Thread.join makes Python 3.11 believe that the thread is over.
        with ThreadPoolExecutor(len(self.slots), thread_name_prefix="kit-trial") as pool:
            try:
                futures = [pool.submit(self._work, slot) for slot in self.slots]
                while (state := wait(futures, LOOK_SECONDS, FIRST_EXCEPTION)).not_done:
                    self._pause(0)
                    if time.monotonic() >= self._stop_at():
                        self._stop(TIME_UP)
                    for future in state.done:
                        future.result()
            except BaseException as error:
                self._stop(INTERRUPTED if isinstance(error, KeyboardInterrupt) else BROKEN_OFF)
                raise
        for future in futures:
            future.result()
        return self._ran

    def progressed(self, number: int, progress: Progress) -> None:
        self._watcher.trial_progressed(
            number, progress.member.fold, progress.epoch, progress.epochs, progress.val_loss
        )

    def _stop(self, reason: str) -> None:
        for slot in self.slots:
            slot.stop(reason)

    def _work(self, slot: Slot) -> None:
        def run(trial: "Trial") -> float:
            self._ran = True
            if slot.stopped:
                raise TrialStoppedError(slot.stopped)
            self._watcher.trial_started(trial.number, trial.params)
            return self._objective(trial, slot)

        while not slot.stopped and self._worth_it():
            trial = self._shared.claim(run, self._trials)
            if trial is None:
                return
            self._watcher.trial_ended(trial)

    def _worth_it(self) -> bool:
        """Say whether another trial would be done in time, and might be a new one."""
        ended = _ended(self._shared)
        repeats = ["repeat_of" in trial.user_attrs for trial in ended]
        if len(ended) >= REPEATS and all(repeats[-REPEATS:]):
            return False
        seconds = [
            trial.duration.total_seconds()
            for trial, repeat in zip(ended, repeats, strict=True)
            if trial.duration and not repeat
        ]
        return time.monotonic() + (median(seconds) if seconds else 0.0) < self._stop_at()


def _ended(shared: SharedStudy) -> "list[FrozenTrial]":
    from optuna.trial import TrialState

    return shared.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))
