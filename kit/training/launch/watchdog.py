"""The watchdog: kills a worker from which nothing comes for much longer than its member's epochs take."""

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from kit.training.estimate import expected
from kit.training.job import Job
from kit.training.launch.base import Activity, Checkpoint, Event, Progress


@dataclass(frozen=True)
class Patience:
    """How long a worker may be silent. A false alarm costs a whole training, so the limits are wide.

    Attributes:
        times: multiple of the longest epoch so far. A TensorFlow or PyTorch worker sends messages within an
            epoch, about one per second, but a JAX worker only one per epoch; the rest allows for other
            programs on the machine.
        least: seconds at least; an epoch of a small network takes less than a pause of a busy disk.
        start: seconds at least while it does something else than epochs: it loads libraries from a cold
            disk, compiles, stores, or fits a model without epochs.
        unknown: seconds at least until the first epoch of this model in this run has ended; the expected time
            is then a guess, so `times` applies to it twice.
        tick: seconds between two looks.
    """

    times: float = 10.0
    least: float = 60.0
    start: float = 600.0
    unknown: float = 1800.0
    tick: float = 1.0


PATIENCE = Patience()
"""The limits of every command."""


class Watchdog:
    """Knows how long the epochs of each model took in this run; shared by all workers of the run.

    Args:
        patience: the limits; None: PATIENCE.
    """

    def __init__(self, patience: Patience | None = None) -> None:
        self.patience = patience or PATIENCE
        self.longest: dict[str, float] = {}
        """Seconds of the longest epoch by model. The first epoch of each worker includes its start."""

    @contextmanager
    def watch(self, job: Job, kill: Callable[[], None]) -> Iterator["Watch"]:
        """Call `kill` if the worker that trains `job` in this block is silent for too long."""
        watch = Watch(self, job, kill)
        thread = threading.Thread(target=watch.run, name="kit-watchdog", daemon=True)
        thread.start()
        try:
            yield watch
        finally:
            watch.over.set()
            thread.join()


class Watch:
    """The watch over one worker. Its time is a count of ticks, not a difference of clocks.

    So no time passes while this process is suspended (Ctrl-Z, a laptop that sleeps), and clocks may jump.

    Attributes:
        hung: seconds without a message after which the worker was killed; None: it was not.
        over: set when the watch ends.
    """

    def __init__(self, watchdog: Watchdog, job: Job, kill: Callable[[], None]) -> None:
        self.hung: float | None = None
        self.over = threading.Event()
        self._watchdog, self._job, self._kill = watchdog, job, kill
        self._phase = "starting"
        self._silent = self._epoch = 0.0
        self._listening = True

    def passing(self, follow: Callable[[Event | Checkpoint], None]) -> Callable[[Event | Checkpoint], None]:
        """Return a function that notes an event and passes it on."""

        def note(event: Event | Checkpoint) -> None:
            # While this process handles a message, the next ones wait in the pipe: that is no silence.
            self._listening = False
            try:
                follow(event)
            finally:
                self._note(event)
                self._listening = True

        return note

    def run(self) -> None:
        """Count ticks until the watch is over or the worker is killed."""
        tick = self._watchdog.patience.tick
        while not self.over.wait(tick):
            if not self._listening:
                continue
            self._silent += tick
            self._epoch += tick
            if self._silent > self.limit():
                self.hung = self._silent
                self._kill()
                return

    def limit(self) -> float:
        """Return how many seconds the worker may be silent now; infinite if nothing is known.

        Nothing is known of the first fit of a model without epochs: it may take hours, without a message.
        """
        patience, longest = self._watchdog.patience, self._watchdog.longest.get(self._job.member.model)
        if longest is None:
            return max(patience.unknown, patience.times**2 * _first_epoch(self._job))
        in_epochs = self._phase in {"training", "predicting"}
        return max(patience.least if in_epochs else patience.start, patience.times * longest)

    def _note(self, event: Event | Checkpoint) -> None:
        self._silent = 0.0
        if isinstance(event, Activity):
            self._phase = event.phase
        elif isinstance(event, Progress):
            longest, model = self._watchdog.longest, self._job.member.model
            longest[model] = max(longest.get(model, 0.0), self._epoch)
            self._phase, self._epoch = "training", 0.0


def _first_epoch(job: Job) -> float:
    """Return the expected seconds until the first epoch has ended, on a machine of which nothing is known."""
    guess = expected([job], ())[0].times(job.together)
    return guess.before + guess.training / job.epochs if guess.network else math.inf
