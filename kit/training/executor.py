"""Run a plan of members: a thread a worker process, results as they come."""

import os
import queue
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from dataclasses import replace

from kit.errors import KitError
from kit.store import MemberResult
from kit.training.job import Job
from kit.training.subprocesses import Progress, WorkerLostError, run_worker

ATTEMPTS = 2
"""A worker that was killed is started once more."""


class Crew:
    """A thread pool in which each thread drives one worker process at a time.

    Args:
        jobs: workers at once.
        pinned: give each worker one thread on a core of its own (CPU training); results then do not depend on `jobs`.
        on_progress: called from the threads after each epoch.
        on_retry: called from the threads with the job and the reason, before a lost worker is started again.
    """

    def __init__(
        self,
        jobs: int,
        *,
        pinned: bool,
        on_progress: Callable[[Progress], None],
        on_retry: Callable[[Job, str], None],
    ) -> None:
        self.on_progress, self.on_retry = on_progress, on_retry
        self._slots: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        for slot in range(jobs):
            self._slots.put(_core(slot) if pinned else None)
        self._processes: set[subprocess.Popen[bytes]] = set()
        self._lock, self._stopped = threading.Lock(), False
        self._pool: Executor = ThreadPoolExecutor(jobs, thread_name_prefix="kit-worker")

    def train(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, MemberResult | KitError]]:
        """Yield each job with its result, or with the error that ended it, in the order in which they finish."""
        waiting: dict[Future[MemberResult], Job] = {self._pool.submit(self._train, job): job for job in jobs}
        try:
            while waiting:
                for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                    job, error = waiting.pop(future), future.exception()
                    if error is not None and not isinstance(error, KitError):
                        raise error
                    yield job, error if isinstance(error, KitError) else future.result()
        finally:
            self._stop()

    def _train(self, job: Job) -> MemberResult:
        slot = self._slots.get()
        try:
            for attempt in range(1, ATTEMPTS + 1):
                try:
                    result = run_worker(job, slot, self.on_progress, self._started)
                except WorkerLostError as error:
                    if attempt == ATTEMPTS or self._stopped:
                        raise
                    self.on_retry(job, str(error))
                else:
                    return replace(result, history=result.history | {"attempts": attempt})
        finally:
            self._slots.put(slot)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _started(self, process: "subprocess.Popen[bytes]") -> None:
        with self._lock:
            self._processes = {one for one in self._processes if one.poll() is None} | {process}
            if self._stopped:
                process.kill()

    def _stop(self) -> None:
        """End every worker; members that are under way are lost, finished ones have been yielded."""
        with self._lock:
            self._stopped = True
            for process in self._processes:
                process.kill()
        self._pool.shutdown(wait=True, cancel_futures=True)


def _core(slot: int) -> int | None:
    """Return the core of a slot; None where the system has no such thing."""
    if not hasattr(os, "sched_getaffinity"):
        return slot
    cores = sorted(os.sched_getaffinity(0))
    return cores[slot % len(cores)]
