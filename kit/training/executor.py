"""Run a plan of members: a thread a worker process, results as they come."""

import os
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace

from kit.errors import KitError
from kit.store import MemberResult
from kit.training.job import Job
from kit.training.subprocesses import Process, Progress, WorkerLostError, run_worker

Outcome = tuple[Job, MemberResult | KitError]


class Crew:
    """A thread pool in which each thread drives one worker process at a time.

    Args:
        jobs: workers at once.
        pinned: give each worker one thread on a core of its own (training on a CPU); results then do not
            depend on `jobs`.
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
            self._slots.put(core_of(slot) if pinned else None)
        self._processes: set[Process] = set()
        self._lock, self._stopped = threading.Lock(), False
        self._pool: Executor = ThreadPoolExecutor(jobs, thread_name_prefix="kit-worker")

    @contextmanager
    def train(self, jobs: Sequence[Job]) -> Iterator[Iterator[Outcome]]:
        """Give an iterator of each job with its result, or with the error that ended it, as they finish.

        Once the block is left, however it is left, no worker runs any more; members under way are lost.
        """
        try:
            yield self._outcomes({self._pool.submit(self._train, job): job for job in jobs})
        finally:
            with self._lock:
                self._stopped = True
                for process in self._processes:
                    process.kill()
            self._pool.shutdown(wait=True, cancel_futures=True)

    def _outcomes(self, waiting: dict[Future[MemberResult], Job]) -> Iterator[Outcome]:
        while waiting:
            for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                job = waiting.pop(future)
                try:
                    yield job, future.result()
                except KitError as error:
                    yield job, error

    def _train(self, job: Job) -> MemberResult:
        core = self._slots.get()
        try:
            return self._attempt(job, core, 1)
        except WorkerLostError as error:
            if self._stopped:
                raise
            self.on_retry(job, error.what)
            return self._attempt(job, core, 2)
        finally:
            self._slots.put(core)

    def _attempt(self, job: Job, core: int | None, attempt: int) -> MemberResult:
        result = run_worker(job, core, self.on_progress, self._started)
        return replace(result, history=result.history | {"attempts": attempt})

    def _started(self, process: Process) -> None:
        with self._lock:
            self._processes = {one for one in self._processes if one.poll() is None} | {process}
            if self._stopped:
                process.kill()


def core_of(slot: int) -> int:
    """Return a core for each slot: those that this process may use, in turn."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [slot]
    return cores[slot % len(cores)]
