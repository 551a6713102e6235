"""Train jobs side by side, and give the results as they come."""

import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial

from kit import interrupts
from kit.errors import KitError
from kit.members import Member, MemberResult
from kit.training.bundles import Bundle, bundled
from kit.training.failures import OutOfMemoryError, WorkerFailedError, failed_alone
from kit.training.job import Job
from kit.training.launch.base import Checkpoint, DataFolder, Device, Event, Launcher
from kit.training.launch.session import Session
from kit.training.launch.together import BundleRun
from kit.training.launch.watchdog import Watchdog

Outcome = tuple[Job, MemberResult | KitError]
Ended = queue.SimpleQueue[tuple[Job, MemberResult | BaseException] | None]
Put = Callable[[tuple[Job, MemberResult | BaseException]], None]
LOOK_SECONDS = 0.5
"""Seconds, at most, of one wait for an outcome. Neither devices that the launcher got meanwhile nor a signal
that came just before the wait end it."""


class WorkerPool:
    """A thread pool in which each thread drives one worker at a time.

    Each job has a worker of its own, unless `jobs_per_worker` says otherwise.

    Args:
        launcher: starts the workers.
        devices: one per worker that runs at once, at first.
        data: the arrays that jobs refer to.
        on_progress: called from the threads after each epoch, and in between about once a second.
        on_retry: called from the threads with the job, the reason and how, before a member is retried.
        on_checkpoint: called from the threads with each checkpoint.
        reseed: whether a member that diverged is trained again with other random numbers, once.
        watchdog: kills workers that hang; None: one with the usual limits.
        jobs_per_worker: how many jobs a worker trains before another one replaces it. Start-up takes seconds,
            but memory that a library does not give back stays with the worker.
        most: workers that run at once, at most, if the launcher gets more devices meanwhile; None: as many
            as there are devices at first.
    """

    def __init__(
        self,
        launcher: Launcher,
        devices: Sequence[Device],
        data: DataFolder,
        *,
        on_progress: Callable[[Job, Event], None],
        on_retry: Callable[[Job, str], None],
        on_checkpoint: Callable[[Checkpoint], None] = lambda _: None,
        reseed: bool = False,
        watchdog: Watchdog | None = None,
        jobs_per_worker: int = 1,
        most: int | None = None,
    ) -> None:
        self.launcher, self._on_progress, self._on_retry = launcher, on_progress, on_retry
        self._jobs_per_worker, self._trained = jobs_per_worker, Counter[Session]()
        self._on_checkpoint = on_checkpoint
        self._checkpoints: dict[Member, bytes] = {}
        self._session = partial(
            Session,
            launcher,
            data=data,
            on_retry=on_retry,
            watchdog=watchdog or Watchdog(),
            reseed=reseed,
            memory_retry=False,
        )
        self._sessions = [self._session(device) for device in devices]
        self._most = max(len(devices), most or 0)
        self._todo: queue.SimpleQueue[tuple[Bundle, int]] = queue.SimpleQueue()
        self._over = threading.Event()
        self._room, self._places = threading.Semaphore(0), 1
        self._threads = ThreadPoolExecutor(self._most, thread_name_prefix="kit-worker")

    @contextmanager
    def train(self, jobs: Sequence[Job], until: float | None = None) -> Iterator[Iterator[Outcome]]:
        """Give an iterator of each job with its result, or with the error that ended it, as they finish.

        Ctrl-C, SIGTERM and SIGHUP raise KeyboardInterrupt in that iterator, and nowhere else in the block.
        When the block ends, for whatever reason, all workers are ended; unfinished members are lost. A pool
        trains once.

        Args:
            jobs: what to train, in this order.
            until: when the iterator ends, finished or not, by `time.monotonic`; None: when all are finished.
        """
        # A SimpleQueue may be put to in a signal handler; None is an interrupt.
        ended: Ended = queue.SimpleQueue()
        with interrupts.deferred(lambda: ended.put(None)), self.launcher.suspended_together():
            try:
                bundles = bundled(jobs)
                for bundle in bundles:
                    self._todo.put((bundle, 1))
                # Results that wait to be stored fill the memory if members are trained faster than they are
                # written.
                self._places = max(map(len, bundles), default=1)
                self._room.release(2 * len(self._sessions) * self._places)
                for session in self._sessions[: len(bundles)]:
                    self._threads.submit(self._drive, session, ended.put)
                yield self._outcomes(ended, len(jobs), until)
            finally:
                self._over.set()
                for session in self._sessions:
                    session.stop()
                if jobs:
                    self._room.release(len(jobs))  # No thread waits for it any more.
                self._threads.shutdown(wait=True, cancel_futures=True)
                for session in self._sessions:
                    session.close()

    def _outcomes(self, ended: Ended, count: int, until: float | None) -> Iterator[Outcome]:
        """Yield the outcome of each job; those for which the memory did not suffice are trained again, alone.

        A retry at once would run beside the same workers, and would probably end in the same way.
        """
        short_of_memory: dict[Member, OutOfMemoryError] = {}
        again: list[Job] = []
        for job, outcome in self._received(ended, count, until):
            if isinstance(outcome, OutOfMemoryError):
                self._on_retry(job, f"{outcome.what}; retrying alone, after the other members")
                short_of_memory[job.member] = outcome
                again.append(job)
            else:
                yield job, outcome
        for bundle in bundled(again):
            self._todo.put((bundle, 2))
            self._threads.submit(self._drive, self._sessions[0], ended.put)
            for job, outcome in self._received(ended, len(bundle), until):
                if isinstance(outcome, WorkerFailedError):
                    yield job, failed_alone(outcome, short_of_memory[job.member], job.together)
                else:
                    yield job, outcome

    def _drive(self, session: Session, put: Put) -> None:
        """Train jobs in a session until none is left."""
        while not self._over.is_set():
            self._room.acquire()
            if self._over.is_set():
                return
            try:
                bundle, attempt = self._todo.get_nowait()
            except queue.Empty:
                self._room.release()
                return
            if len(bundle) == 1:
                self._run(session, bundle[0], put, attempt)
            else:
                self._run_together(session, bundle, put, attempt)

    def _run(self, session: Session, job: Job, put: Put, attempt: int) -> None:
        try:
            with self._reused(session):
                result = session.train(
                    self._continued(job),
                    partial(self._on_progress, job),
                    self._keep,
                    attempt=attempt,
                )
            self._checkpoints.pop(job.member, None)
            put((job, result))
        except BaseException as error:
            put((job, error))

    def _run_together(self, session: Session, bundle: Bundle, put: Put, attempt: int) -> None:
        """Train a bundle, which fills several places among the results that wait."""
        for _ in bundle[1:]:
            self._room.acquire()
        jobs = {job.member: job for job in bundle}
        left = dict(jobs)
        continued = tuple(map(self._continued, bundle))

        def progressed(event: Event) -> None:
            self._on_progress(jobs[event.member], event)

        def end(job: Job, outcome: MemberResult | WorkerFailedError) -> None:
            if isinstance(outcome, MemberResult):
                self._checkpoints.pop(job.member, None)
            put((left.pop(job.member), outcome))

        try:
            with self._reused(session):
                BundleRun(session, continued, progressed, self._keep, end, attempt=attempt).run()
        except BaseException as error:
            for job in tuple(left.values()):
                put((job, error))

    def _grow(self, put: Put) -> None:
        """Use the machines that have joined meanwhile."""
        room = self._most - len(self._sessions)
        if room <= 0 or self._todo.empty():
            return
        for device in self.launcher.more(len(self._sessions))[:room]:
            self._sessions.append(self._session(device))
            self._room.release(2 * self._places)
            self._threads.submit(self._drive, self._sessions[-1], put)

    @contextmanager
    def _reused(self, session: Session) -> Iterator[None]:
        """End the worker of a session after an error, and when it has trained its share."""
        self._trained[session] += 1
        with ExitStack() as ending:
            ending.enter_context(session)
            yield
            if self._trained[session] % self._jobs_per_worker:
                ending.pop_all()

    def _continued(self, job: Job) -> Job:
        """Return a job with its latest checkpoint, for a retry alone."""
        return replace(job, checkpoint=self._checkpoints.get(job.member, job.checkpoint))

    def _keep(self, checkpoint: Checkpoint) -> None:
        """Keep a member's latest checkpoint for a retry alone."""
        self._checkpoints[checkpoint.member] = checkpoint.content
        self._on_checkpoint(checkpoint)

    def _received(self, ended: Ended, count: int, until: float | None) -> Iterator[Outcome]:
        received = 0
        while received < count:
            self._grow(ended.put)
            left = LOOK_SECONDS if until is None else until - time.monotonic()
            if left <= 0:
                return
            try:
                one = ended.get(timeout=min(left, LOOK_SECONDS))
            except queue.Empty:
                continue
            if one is None:
                raise KeyboardInterrupt
            received += 1
            self._room.release()
            job, outcome = one
            if not isinstance(outcome, MemberResult | KitError):
                raise outcome
            yield job, outcome
