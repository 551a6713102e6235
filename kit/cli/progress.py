"""What people see while a run trains: live bars on a terminal, plain lines elsewhere."""

import threading
import time
from collections.abc import Sequence
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from kit.data.dataset import Dataset
from kit.errors import KitError
from kit.reports.terminal import duration, percent
from kit.store import Member, MemberResult, Run
from kit.training.job import Job
from kit.training.subprocesses import Progress as Epoch

FIRST_LINE = 10.0
"""Seconds to the first plain line; each further one waits half as long again, at most MINUTE."""
MINUTE = 60.0


class Terminal:
    """Shows a run on stderr; a `kit.pipeline.Watcher`."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)
        self.live = self.console.is_terminal
        self.bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(),
            console=self.console,
            disable=not self.live,
        )
        self._lock = threading.Lock()
        self._members: dict[Member, TaskID] = {}
        self._epochs, self._finished, self._total = 0.0, 0, 0
        self._jobs = 0
        self._started = self._last = time.monotonic()
        self._pause = FIRST_LINE

    def __enter__(self) -> Self:
        self.bars.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.bars.stop()

    def begun(self, run: Run, dataset: Dataset, jobs: Sequence[Job], kept: int) -> None:
        """Say what is going to happen."""
        self._started = self._last = time.monotonic()
        self._jobs, self._total = len(jobs), sum(job.epochs for job in jobs)
        rows = f"{len(dataset.train_labels):,} training rows, {len(dataset.test_images):,} test rows"
        self._say(f"{run.name}: {rows} from {dataset.source}")
        if dataset.sample:
            self._say("These are the kit's own sample digits: get the competition's with kit data fetch.")
        for warning in dataset.warnings:
            self._say(f"warning: {warning}")
        if kept:
            self._say(f"{kept} members are there already")
        self._all = self.bars.add_task(f"{self._jobs} members", total=self._total, figures="")

    def progressed(self, progress: Epoch) -> None:
        """Move a member's bar on."""
        with self._lock:
            member = progress.member
            if member not in self._members:
                self._members[member] = self.bars.add_task(str(member), total=progress.epochs, figures="")
            self.bars.update(
                self._members[member], completed=progress.epoch, figures=f"{percent(progress.val_accuracy)} %"
            )
            self._epochs += 1
            self.bars.update(self._all, completed=self._epochs)
            self._line()

    def retried(self, job: Job, reason: str) -> None:
        """Tell of a lost worker."""
        self._say(f"warning: {reason}; starting it once more")
        with self._lock:
            self._forget(job.member)

    def ended(self, job: Job, outcome: MemberResult | KitError) -> None:
        """Tell of a member that is over."""
        with self._lock:
            if isinstance(outcome, KitError):
                self._forget(job.member)
                self._say(f"failed: {outcome}")
                return
            self._finished += 1
            if (task := self._members.pop(job.member, None)) is not None:
                self.bars.remove_task(task)
            if self.live:
                seconds = duration(outcome.history["seconds"])
                self._say(f"{job.member}: {seconds}, {self._finished} of {self._jobs}")

    def _forget(self, member: Member) -> None:
        if (task := self._members.pop(member, None)) is not None:
            self._epochs -= next(one.completed for one in self.bars.tasks if one.id == task)
            self.bars.remove_task(task)

    def _line(self) -> None:
        now = time.monotonic()
        if self.live or now - self._last < self._pause or not self._epochs:
            return
        self._last, self._pause = now, min(MINUTE, self._pause * 1.5)
        spent = now - self._started
        left = spent * (self._total / self._epochs - 1)
        members = f"{self._finished} of {self._jobs} members"
        self._say(
            f"{duration(spent)}: {members}, {self._epochs / self._total:.0%}, about {duration(left)} left"
        )

    def _say(self, text: str) -> None:
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)
