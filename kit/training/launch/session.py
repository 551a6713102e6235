"""A session: jobs trained one after the other on one device. The only place that retries a member.

`kit.training.launch.together` retries those that are trained as one program, by the same rules. `WorkerPool`
chooses the moment of one kind of retry: members for which the memory did not suffice.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Self

import numpy as np

from kit.members import ARRAYS, MemberResult
from kit.training.bundles import Bundle, named
from kit.training.failures import (
    DivergedError,
    OutOfMemoryError,
    WorkerFailedError,
    WorkerHangsError,
    WorkerLostError,
)
from kit.training.job import Job
from kit.training.launch.base import (
    Activity,
    BundleWorker,
    Checkpoint,
    DataFolder,
    Device,
    Event,
    Launcher,
    OnOutcome,
    WorkerHandle,
)
from kit.training.launch.watchdog import Watchdog

ATTEMPTS = 2
"""How often a job is trained, at most, if its worker is lost."""


def _ignore(job: Job, reason: str) -> None:
    del job, reason


class Session:
    """Trains jobs of one backend and data set in one worker, which is started with the first job.

    A context manager that ends the worker; it may be entered again, and then starts another worker.

    Args:
        launcher: starts the worker.
        device: what the worker computes on.
        data: the arrays that jobs refer to.
        on_retry: called with the job and the reason before a lost worker is replaced by a new one.
        watchdog: kills a worker that hangs; None: one with the usual limits.
        reseed: whether a member that diverged is trained again with other random numbers, once. In a search
            it is not: a configuration that may diverge is worse than one that does not, and the pairs of a
            confirmation share their random numbers.
        memory_retry: whether to retry at once, as after any lost worker, if the memory did not suffice.
    """

    def __init__(
        self,
        launcher: Launcher,
        device: Device,
        data: DataFolder,
        on_retry: Callable[[Job, str], None] = _ignore,
        *,
        watchdog: Watchdog | None = None,
        reseed: bool = False,
        memory_retry: bool = True,
    ) -> None:
        self._launcher, self._device, self.data, self.on_retry = launcher, device, data, on_retry
        self._watchdog = watchdog or Watchdog()
        self._reseed, self._memory_retry = reseed, memory_retry
        self._worker: WorkerHandle | None = None
        self._stopped, self._lock = False, threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def is_running(self) -> bool:
        """Whether it has a worker, which the next job need not wait for."""
        return self._worker is not None

    def close(self) -> None:
        """End the worker, if there is one."""
        with self._lock:
            worker, self._worker = self._worker, None
        if worker is not None:
            worker.close()

    def train(
        self,
        job: Job,
        on_progress: Callable[[Event], None],
        on_checkpoint: Callable[[Checkpoint], None] = lambda _: None,
        *,
        attempt: int = 1,
    ) -> MemberResult:
        """Train `job`, in another worker if the first is lost; the history counts the attempts.

        Args:
            job: what to train.
            on_progress: called when a worker starts, after each epoch, and in between about once a second;
                after a retry again from the epoch after the latest checkpoint.
            on_checkpoint: called with each checkpoint.
            attempt: number of this attempt, from 1.

        Raises:
            WorkerLostError: both workers were lost, or the session is stopped.
            WorkerFailedError: the training failed. The log has what the workers of all attempts wrote.
        """
        logs = ""

        def follow(event: Event | Checkpoint) -> None:
            nonlocal job
            if isinstance(event, Checkpoint):
                job = replace(job, checkpoint=event.content)
                on_checkpoint(event)
            else:
                on_progress(event)

        while True:
            try:
                with self._worker_for((job,), follow) as (worker, passing):
                    result = worker.train(job, passing)
                return finished(job, result, attempt)
            except WorkerFailedError as error:
                logs += f"attempt {attempt}: {error}\n{error.log}"
                error.log = logs
                again = self.again(job, error, attempt)
                if again or isinstance(error, WorkerLostError):
                    self.close()
                if again is None:
                    raise
                self.on_retry(job, f"{error.what}; {error.remedy}")
                job, attempt = again, attempt + 1

    def run_together(
        self, bundle: Bundle, follow: Callable[[Event | Checkpoint], None], on_outcome: OnOutcome
    ) -> None:
        """Train jobs as one program, once; see `BundleWorker.train_together`."""
        with self._worker_for(bundle, follow) as (worker, passing):
            if not isinstance(worker, BundleWorker):
                raise TypeError(f"{type(worker).__name__} trains one member at a time")
            worker.train_together(bundle, passing, on_outcome)

    def stop(self) -> None:
        """End the worker at once and start no other, from any thread; `train` then raises WorkerLostError."""
        with self._lock:
            self._stopped = True
            if self._worker is not None:
                self._worker.kill()

    def again(self, job: Job, error: WorkerFailedError, attempt: int) -> Job | None:
        """Return the job to train after an error; None if the member has failed.

        Args:
            job: what failed.
            error: why.
            attempt: number of the attempt that failed, from 1.
        """
        if self._stopped:
            return None
        if isinstance(error, DivergedError):
            reseeded = replace(job, seed_offset=1, checkpoint=None)
            return reseeded if self._reseed and not job.seed_offset else None
        if isinstance(error, OutOfMemoryError) and not self._memory_retry:
            return None
        is_lost = isinstance(error, WorkerLostError)
        return job if is_lost and attempt - job.seed_offset < ATTEMPTS else None

    @contextmanager
    def _worker_for(
        self, bundle: Bundle, follow: Callable[[Event | Checkpoint], None]
    ) -> Iterator[tuple[WorkerHandle, Callable[[Event | Checkpoint], None]]]:
        """Give the worker, started if there is none, and what takes its messages; kill it if it hangs."""
        first = bundle[0]
        self.data.check()
        if self._worker is None:
            for job in bundle:
                follow(Activity(job.member, "starting"))
        worker = self._ready(first)
        with self._watchdog.watch(first, worker.kill) as watch:
            try:
                yield worker, watch.passing(follow)
            except WorkerFailedError as error:
                self.data.check(error.log)
                if watch.hung is None:
                    raise
                what = f"{named(bundle)}: its worker hangs: no message for {watch.hung:.0f} s"
                raise WorkerHangsError(what, error.log) from None
        self.data.check()

    def _ready(self, job: Job) -> WorkerHandle:
        """Return the worker, started if there is none."""
        if self._worker is None and not self._stopped:
            worker = self._launcher.start(self._device, job.backend, self.data)
            with self._lock:
                self._worker = worker
                if self._stopped:
                    worker.kill()
        if self._worker is None:
            raise WorkerLostError(f"{job.member}: stopped", "")
        return self._worker


def finished(job: Job, result: MemberResult, attempt: int) -> MemberResult:
    """Return a result with the number of attempts and the random numbers that led to it.

    Args:
        job: what was trained.
        result: what its worker sent.
        attempt: number of the attempt, from 1.

    Raises:
        DivergedError: predictions are not finite: weights may become NaN in the last step of the training.
    """
    for name in ARRAYS:
        array = getattr(result, name)
        if array is not None and not np.isfinite(array).all():
            raise DivergedError(f"{job.member}: it diverged: {name} has values that are not finite")
    # A worker that continues from a checkpoint takes the offset from there.
    offset = max(job.seed_offset, result.history.seed_offset)
    figures = {"attempts": attempt, "seed_offset": offset}
    return replace(result, history=result.history.model_copy(update=figures))
