"""Progress of a run: live bars on a terminal, plain lines elsewhere."""

import threading
import time
from collections.abc import Sequence
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from kit.data.dataset import Dataset
from kit.errors import KitError
from kit.members import Member, MemberResult
from kit.metrics import METRICS, Metric
from kit.models.families import cost
from kit.reports.formatting import duration, network_size
from kit.runs import Run
from kit.terminals import can_redraw
from kit.training.job import Job
from kit.training.launch.base import Progress as Epoch
from kit.typed import in_typed_form

FIRST_LINE, LAST_PAUSE = 10.0, 60.0
"""Seconds before the first plain line, and at most between two lines; each pause is 1.5 times the last."""

EARLY = 0.02
"""Share of the epochs below which start-up time dominates, so that no remaining time is shown.

A run of 16 members estimated 3 h 21 min after one epoch of 512, 1 h 31 min after 2 %, and took 1 h 7 min.
"""


class Terminal:
    """Shows the progress of a run; a `kit.pipeline.cv.ProgressListener`.

    Args:
        console: where to write; None: stderr.
        first_line: seconds before the first plain line.
    """

    def __init__(self, console: Console | None = None, first_line: float = FIRST_LINE) -> None:
        self.console, self.first_line = console or Console(stderr=True), first_line
        self.live = can_redraw(self.console)
        self.bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[figures]}"),
            console=self.console,
            disable=not self.live,
        )
        self._lock, self._over = threading.Lock(), threading.Event()
        self._bars: dict[Member, TaskID] = {}
        self._done: dict[Member, int] = {}
        self._finished = self._jobs = self._epochs = 0
        self._metric: Metric | None = None
        self._started = time.monotonic()

    def __enter__(self) -> Self:
        self.bars.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        self.bars.stop()

    def begun(
        self, run: Run, dataset: Dataset, jobs: Sequence[Job], kept: int, seconds: float | None = None
    ) -> None:
        """Show the data, the members to train and the estimated time."""
        rows = f"{len(dataset.train_labels):,} training rows, {len(dataset.test_images):,} test rows"
        self._say(f"{run.name}: {rows} from {dataset.source}")
        if dataset.sample:
            self._say(
                in_typed_form(
                    "This is the bundled sample; `kit data fetch` downloads the competition's data."
                )
            )
        for warning in dataset.warnings:
            self._say(f"warning: {warning}")
        if kept:
            self._say(f"{kept} of {kept + len(jobs)} members are already trained")
        for model in dict.fromkeys(job.member.model for job in jobs):
            self._say(_described([job for job in jobs if job.member.model == model]))
        if not jobs:
            return
        if seconds is None:
            self._say("no time estimate yet: this machine has not trained such a model")
        else:
            self._say(f"about {duration(seconds)}, estimated from earlier runs on this machine")
        self._started, self._metric = time.monotonic(), METRICS[jobs[0].metric]
        self._jobs, self._epochs = len(jobs), sum(job.epochs for job in jobs)
        self._all = self.bars.add_task("all epochs", total=self._epochs, figures="")
        if not self.live:
            threading.Thread(target=self._write_lines, daemon=True).start()

    def progressed(self, progress: Epoch) -> None:
        """Advance a member's bar."""
        with self._lock:
            member = progress.member
            if member not in self._bars:
                self._bars[member] = self.bars.add_task(str(member), total=progress.epochs, figures="")
            score = self._metric.format(progress.val_score) + self._metric.unit if self._metric else ""
            self.bars.update(self._bars[member], completed=progress.epoch, figures=score)
            self._done[member] = progress.epoch
            self._count()

    def retried(self, job: Job, reason: str) -> None:
        """Report a lost worker."""
        self._say(f"warning: {reason}; retrying")
        with self._lock:
            self._drop(job.member)
            self._done.pop(job.member, None)
            self._count()

    def ended(self, job: Job, outcome: MemberResult | KitError) -> None:
        """Report a trained or failed member."""
        with self._lock:
            self._drop(job.member)
            self._finished += 1
            # A member that failed early counts as done: none of its epochs remain.
            self._done[job.member] = job.epochs
            self._count()
        if isinstance(outcome, KitError):
            self._say(f"failed: {outcome.what}")
        elif self.live:
            self._say(f"{job.member}: trained in {duration(outcome.history.seconds)}")

    def _drop(self, member: Member) -> None:
        if member in self._bars:
            self.bars.remove_task(self._bars.pop(member))

    def _count(self) -> None:
        figures = f"{self._finished} of {self._jobs} members{self._left(time.monotonic() - self._started)}"
        self.bars.update(self._all, completed=sum(self._done.values()), figures=figures)

    def _write_lines(self) -> None:
        pause = self.first_line
        while not self._over.wait(pause):
            with self._lock:
                line = self._line(time.monotonic() - self._started)
            self._say(line)
            pause = min(LAST_PAUSE, pause * 1.5)

    def _line(self, spent: float) -> str:
        members, share = f"{self._finished} of {self._jobs} members", sum(self._done.values()) / self._epochs
        return f"{duration(spent)}: {members}, {share:.0%} of the epochs{self._left(spent)}"

    def _left(self, spent: float) -> str:
        share = sum(self._done.values()) / self._epochs
        return f", about {duration(spent * (1 / share - 1))} left" if EARLY <= share < 1 else ""

    def _say(self, text: str) -> None:
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)


def _described(jobs: Sequence[Job]) -> str:
    """Return the number of members, epochs and the cost of one model, in words."""
    job, members = jobs[0], f"{len(jobs)} member{'s' if len(jobs) > 1 else ''}"
    size = cost(job.model, job.shape, job.classes)
    if size is None:
        return f"{job.member.model}: {members}"
    costs = network_size(size.parameters, size.multiply_adds)
    teachers = f", teachers {', '.join(job.model.teachers)}" if job.model.teachers else ""
    return f"{job.member.model}: {members} of {job.epochs} epochs in {job.precision}{teachers}; {costs}"
