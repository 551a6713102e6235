"""Run a plan of members: a thread a worker process, results as they come."""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import replace

from kit import interrupts
from kit.errors import KitError
from kit.members import MemberResult
from kit.training.failures import WorkerLostError
from kit.training.job import Job
from kit.training.launch.devices import reserve_core
from kit.training.launch.local import Process, Progress, run_worker, stopped_together

Outcome = tuple[Job, MemberResult | KitError]


class WorkerPool:
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
        self.on_progress, self.on_retry, self.pinned = on_progress, on_retry, pinned
        self._processes: set[Process] = set()
        self._lock, self._stopped = threading.Lock(), False
        self._pool: Executor = ThreadPoolExecutor(jobs, thread_name_prefix="kit-worker")

    @contextmanager
    def train(self, jobs: Sequence[Job]) -> Iterator[Iterator[Outcome]]:
        """Give an iterator of each job with its result, or with the error that ended it, as they finish.

        Ctrl-C, SIGTERM and SIGHUP raise KeyboardInterrupt in that iterator, and nowhere else in the block.
        Once the block is left, however it is left, no worker runs any more; members under way are lost.
        """
        # A SimpleQueue may be put to in a signal handler; None stands for an interrupt.
        ended: queue.SimpleQueue[tuple[Job, MemberResult | BaseException] | None] = queue.SimpleQueue()
        with interrupts.deferred(lambda: ended.put(None)), stopped_together():
            try:
                for job in jobs:
                    self._pool.submit(self._run, job, ended.put)
                yield _outcomes(ended.get, len(jobs))
            finally:
                with self._lock:
                    self._stopped = True
                    for process in self._processes:
                        process.kill()
                self._pool.shutdown(wait=True, cancel_futures=True)

    def _run(self, job: Job, put: Callable[[tuple[Job, MemberResult | BaseException]], None]) -> None:
        try:
            put((job, self._train(job)))
        except BaseException as error:
            put((job, error))

    def _train(self, job: Job) -> MemberResult:
        with reserve_core() if self.pinned else nullcontext() as core:
            try:
                return self._attempt(job, core, 1)
            except WorkerLostError as error:
                if self._stopped:
                    raise
                self.on_retry(job, error.what)
                return self._attempt(job, core, 2)

    def _attempt(self, job: Job, core: int | None, attempt: int) -> MemberResult:
        result = run_worker(job, core, self.on_progress, self._started)
        return replace(result, history=result.history | {"attempts": attempt})

    def _started(self, process: Process) -> None:
        with self._lock:
            self._processes = {one for one in self._processes if one.poll() is None} | {process}
            if self._stopped:
                process.kill()


def _outcomes(
    get: Callable[[], tuple[Job, MemberResult | BaseException] | None], count: int
) -> Iterator[Outcome]:
    for _ in range(count):
        ended = get()
        if ended is None:
            raise KeyboardInterrupt
        job, outcome = ended
        if not isinstance(outcome, MemberResult | KitError):
            raise outcome
        yield job, outcome
