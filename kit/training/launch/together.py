"""Train a bundle of jobs in a session, and again those that have no result."""

from collections.abc import Callable
from dataclasses import replace

from kit.members import Member, MemberResult
from kit.training.bundles import Bundle
from kit.training.failures import WorkerFailedError
from kit.training.job import Job
from kit.training.launch.base import Checkpoint, Event, OnOutcome
from kit.training.launch.session import Session, finished


class BundleRun:
    """Trains jobs as one program; those without a result are trained again by the rules of a session.

    A member that diverged is trained again after the others.

    Args:
        session: where.
        bundle: what to train.
        on_progress: see `Session.train`.
        on_checkpoint: see `Session.train`.
        on_outcome: called with the outcome of each job.
        attempt: number of this attempt, from 1.
    """

    def __init__(
        self,
        session: Session,
        bundle: Bundle,
        on_progress: Callable[[Event], None],
        on_checkpoint: Callable[[Checkpoint], None],
        on_outcome: OnOutcome,
        *,
        attempt: int = 1,
    ) -> None:
        self._session, self._attempt = session, attempt
        self._left = {job.member: job for job in bundle}
        self._diverged: list[tuple[Job, int]] = []
        self._logs: dict[Member, str] = dict.fromkeys(self._left, "")
        self._on_progress, self._on_checkpoint, self._on_outcome = on_progress, on_checkpoint, on_outcome

    def run(self) -> None:
        """Train until each job has its outcome."""
        while self._left:
            try:
                self._session.run_together(tuple(self._left.values()), self._follow, self._end)
            except WorkerFailedError as error:
                self._fail(error)
            self._attempt += 1
        for job, attempt in self._diverged:
            outcome: MemberResult | WorkerFailedError
            try:
                outcome = self._session.train(job, self._on_progress, self._on_checkpoint, attempt=attempt)
            except WorkerFailedError as error:
                error.log = self._logs[job.member] + error.log
                outcome = error
            self._on_outcome(job, outcome)

    def _follow(self, event: Event | Checkpoint) -> None:
        if isinstance(event, Checkpoint):
            self._left[event.member] = replace(self._left[event.member], checkpoint=event.content)
            self._on_checkpoint(event)
        else:
            self._on_progress(event)

    def _end(self, job: Job, outcome: MemberResult | WorkerFailedError) -> None:
        """Pass the outcome of one job on, unless it is to be trained again."""
        self._session.data.check()
        del self._left[job.member]
        try:
            if isinstance(outcome, WorkerFailedError):
                raise outcome
            outcome = finished(job, outcome, self._attempt)
        except WorkerFailedError as error:
            outcome = self._logged(job, error)
            if again := self._session.again(job, error, self._attempt):
                self._session.on_retry(job, f"{error.what}; {error.remedy}")
                self._diverged.append((again, self._attempt + 1))
                return
        self._on_outcome(job, outcome)

    def _fail(self, error: WorkerFailedError) -> None:
        """Retry all jobs without an outcome, or give them up."""
        self._session.close()
        jobs = tuple(self._left.values())
        errors = [self._logged(job, error) for job in jobs]
        if all(self._session.again(job, error, self._attempt) for job in jobs):
            for job in jobs:
                self._session.on_retry(job, f"{error.what}; {error.remedy}")
            return
        self._left.clear()
        for job, own in zip(jobs, errors, strict=True):
            self._on_outcome(job, own)

    def _logged(self, job: Job, error: WorkerFailedError) -> WorkerFailedError:
        """Return the error with what the workers of all attempts wrote."""
        self._logs[job.member] += f"attempt {self._attempt}: {error}\n{error.log}"
        return type(error)(error.what, self._logs[job.member], error.hint)
