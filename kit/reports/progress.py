"""What a run does now, member by member: the state that terminals and notebooks draw."""

import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from kit.data.dataset import Dataset
from kit.errors import KitError
from kit.members import Member, MemberResult
from kit.metrics import METRICS, Metric
from kit.reports.formatting import duration
from kit.reports.member_progress import MemberState
from kit.reports.progress_text import opening, score_text, time_range
from kit.run_folder import Run
from kit.training.checkpoint import finished_epochs
from kit.training.estimate import Expected
from kit.training.job import Job
from kit.training.launch.base import Activity, Event, Progress
from kit.training.remaining import Range, remaining


@dataclass(frozen=True)
class Snapshot:
    """A run at one moment.

    Attributes:
        stage: what the command itself does, as in "reading data/train.csv"; empty while members train.
        stage_seconds: since when.
        members: all members of this call, in the order of training.
        now: the clock of the state, for the methods of `MemberState`.
        seconds: since the first worker was started.
        share: part of the training that is done, from 0 to 1, in expected time.
        left: the remaining time of the training; None: unknown.
        metric: of the scores.
    """

    stage: str
    stage_seconds: float
    members: tuple[MemberState, ...]
    now: float
    seconds: float
    share: float
    left: Range | None
    metric: Metric | None

    @property
    def running(self) -> list[MemberState]:
        """The members that workers have, in the order of their start."""
        return sorted((one for one in self.members if one.running), key=lambda one: one.started or 0.0)

    @property
    def over(self) -> int:
        """Number of members that are stored or have failed."""
        return sum(one.over for one in self.members)


@dataclass
class RunProgress:
    """Follows a run; a `kit.pipeline.cv.ProgressListener`. `snapshot` may be called from any thread.

    Attributes:
        say: receives lines that stay: the data, the models, each finished member, warnings.
        clock: seconds.
    """

    say: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    _members: dict[Member, MemberState] = field(default_factory=dict)
    _stage: str = ""
    _workers: int = 1
    _metric: Metric | None = None

    def __post_init__(self) -> None:
        self._lock = threading.RLock()
        self._began = self._stage_began = self.clock()

    def stage(self, text: str) -> None:
        """Note what the command itself does now."""
        with self._lock:
            self._stage, self._stage_began = text, self.clock()

    def begun(
        self,
        run: Run,
        dataset: Dataset,
        jobs: Sequence[Job],
        kept: int,
        *,
        expected: Sequence[Expected],
        workers: int,
    ) -> None:
        """Say which data and members there are, and start the clock."""
        for line in opening(run, dataset, jobs, kept):
            self.say(line)
        with self._lock:
            self._began, self._workers, self._stage = self.clock(), workers, ""
            self._metric = METRICS[jobs[0].metric] if jobs else None
            self._members = {
                job.member: MemberState(job, one, kept=finished_epochs(job))
                for job, one in zip(jobs, expected, strict=True)
            }
        left = self.snapshot().left
        if jobs:
            self.say(
                "the time will be known soon: these models are new to this machine"
                if left is None
                else f"about {time_range(left)}"
            )

    def progressed(self, event: Event) -> None:
        """Note what a worker does, or the score after an epoch."""
        with self._lock:
            one, now = self._members[event.member], self.clock()
            one.reported = now
            if isinstance(event, Activity):
                self._act(one, event, now)
            elif isinstance(event, Progress):
                one.score = event.val_score
                if one.epochs:
                    one.epoch, one.steps = event.epoch, 1.0

    def _act(self, one: MemberState, event: Activity, now: float) -> None:
        if one.state != event.phase:
            one.since = now
        if one.started is None or event.phase == "starting":
            one.started, one.trained, one.predicted = now, None, None
        if event.phase == "compiling" and one.trained is None:
            one.kept = max(0, event.epoch - 1)
        if event.phase in {"training", "fitting"} and one.trained is None:
            one.trained = now
        if event.phase in {"predicting", "storing"} and one.predicted is None:
            one.predicted = now
        one.state, one.epoch, one.steps = event.phase, event.epoch, event.share

    def retried(self, job: Job, reason: str) -> None:
        """Say why a member starts again, and how."""
        self.say(f"warning: {reason}")
        with self._lock:
            self._members[job.member] = MemberState(job, self._members[job.member].expected)

    def ended(self, job: Job, outcome: MemberResult | KitError) -> None:
        """Say how a member ended."""
        with self._lock:
            one = self._members[job.member]
            one.state, one.finished = "failed" if isinstance(outcome, KitError) else "done", self.clock()
            one.started = one.finished if one.started is None else one.started
            score, metric = one.score, self._metric
        if isinstance(outcome, KitError):
            self.say(f"failed: {outcome.what}")
            return
        figures = "" if metric is None or math.isnan(score) else f", held-out {score_text(metric, score)}"
        self.say(f"{job.member}: trained in {duration(outcome.history.seconds)}{figures}")

    def snapshot(self) -> Snapshot:
        """Return the run as it is now."""
        with self._lock:
            now, members = self.clock(), tuple(self._members.values())
            work = sum(one.expected.total for one in members)
            done = sum(one.share(now) * one.expected.total for one in members)
            left = remaining([one.course(now) for one in members], self._workers) if members else None
            return Snapshot(
                self._stage,
                now - self._stage_began,
                tuple(replace(one) for one in members),
                now,
                now - self._began,
                done / work if work else 0.0,
                left,
                self._metric,
            )
