"""A session: jobs trained one after the other on one device. The only place that retries a lost worker."""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Self

from kit.members import MemberResult
from kit.training.failures import WorkerLostError
from kit.training.job import Job
from kit.training.launch.base import Activity, Checkpoint, DataFolder, Device, Event, Launcher, WorkerHandle

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
    """

    def __init__(
        self,
        launcher: Launcher,
        device: Device,
        data: DataFolder,
        on_retry: Callable[[Job, str], None] = _ignore,
    ) -> None:
        self._launcher, self._device, self._data, self._on_retry = launcher, device, data, on_retry
        self._worker: WorkerHandle | None = None
        self._stopped, self._lock = False, threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        with self._lock:
            worker, self._worker = self._worker, None
        if worker is not None:
            worker.close()

    def train(
        self,
        job: Job,
        on_progress: Callable[[Event], None],
        on_checkpoint: Callable[[Checkpoint], None] = lambda _: None,
    ) -> MemberResult:
        """Train `job`, in a second worker if the first is lost; the history counts the attempts.

        Args:
            job: what to train.
            on_progress: called when a worker starts, after each epoch, and in between about once a second;
                after a retry again from the epoch after the latest checkpoint.
            on_checkpoint: called with each checkpoint.

        Raises:
            WorkerLostError: both workers were lost, or the session is stopped.
            WorkerFailedError: the training failed.
        """
        attempt = 1

        def follow(event: Event | Checkpoint) -> None:
            nonlocal job
            if isinstance(event, Checkpoint):
                job = replace(job, checkpoint=event.content)
                on_checkpoint(event)
            else:
                on_progress(event)

        while True:
            try:
                if self._worker is None:
                    on_progress(Activity(job.member, "starting"))
                result = self._ready(job).train(job, follow)
                return replace(result, history=result.history.model_copy(update={"attempts": attempt}))
            except WorkerLostError as error:
                self.__exit__()
                if self._stopped or attempt == ATTEMPTS:
                    raise
                self._on_retry(job, error.what)
                attempt += 1

    def stop(self) -> None:
        """End the worker at once and start no other, from any thread; `train` then raises WorkerLostError."""
        with self._lock:
            self._stopped = True
            if self._worker is not None:
                self._worker.kill()

    def _ready(self, job: Job) -> WorkerHandle:
        """Return the worker, started if there is none."""
        if self._worker is None and not self._stopped:
            worker = self._launcher.start(self._device, job.backend, self._data)
            with self._lock:
                self._worker = worker
                if self._stopped:
                    worker.kill()
        if self._worker is None:
            raise WorkerLostError(f"{job.member}: stopped", "")
        return self._worker
