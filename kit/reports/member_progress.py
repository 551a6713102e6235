"""What one member of a run does now, and how far it is."""

import math
from dataclasses import dataclass, replace
from typing import Literal

from kit.members import Member
from kit.training.estimate import Expected
from kit.training.job import Job
from kit.training.remaining import Course
from kit.training.wire import Phase

State = Phase | Literal["waiting", "done", "failed"]

LIBRARIES = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch", "none": "scikit-learn"}
"""The library that a worker loads, by backend."""


@dataclass
class MemberState:
    """One member of a run.

    Attributes:
        job: its job.
        expected: its expected times.
        state: what its worker does, or did last.
        epoch: number of the current epoch, from 1; 0 outside the epochs.
        steps: share of the current epoch that is done, or of the predictions.
        score: the latest held-out score in the competition's metric; NaN if there is none.
        started, trained, predicted, reported: when its worker was started, the first step and the training
            ended, and the last event came, by the clock of the state; None: not yet.
        finished: when it was stored or failed.
        since: when its worker began what it does.
        kept: number of epochs before the checkpoint from which its worker continues.
    """

    job: Job
    expected: Expected
    state: State = "waiting"
    epoch: int = 0
    steps: float = 0.0
    score: float = math.nan
    started: float | None = None
    trained: float | None = None
    predicted: float | None = None
    reported: float = 0.0
    finished: float | None = None
    since: float = 0.0
    kept: int = 0

    @property
    def member(self) -> Member:
        """The member."""
        return self.job.member

    @property
    def epochs(self) -> int:
        """Number of epochs; 0 for a model without epochs."""
        return self.job.epochs if self.job.model.needs_backend else 0

    @property
    def over(self) -> bool:
        """Whether it is stored or has failed."""
        return self.state in {"done", "failed"}

    @property
    def running(self) -> bool:
        """Whether a worker has it."""
        return self.started is not None and not self.over

    def doing(self, now: float) -> str:
        """Return what its worker does, as in "epoch 3 of 11, 24%" or "compiling 3 s"."""
        if self.state == "training":
            return f"epoch {self.epoch} of {self.epochs}, {math.floor(100 * self.steps)}%"
        library = LIBRARIES.get(self.job.backend, "libraries")
        return phase_text(self.state, library, now - self.since)

    def elapsed(self, now: float) -> float | None:
        """Return the seconds since its worker was started; None before."""
        return None if self.started is None else (self.finished or now) - self.started

    @property
    def kept_share(self) -> float:
        """The share of the training that is done when its worker starts, from 0 to 1."""
        return self.kept / self.epochs if self.epochs else 0.0

    def trained_share(self, now: float) -> float:
        """Return the share of the training that is done, from 0 to 1; for a model without epochs by time."""
        if self.over or self.predicted is not None:
            return 1.0
        if self.trained is None:
            return self.kept_share
        if not self.epochs:
            return by_time(now - self.trained, self.expected.training)
        return min(1.0, (max(self.epoch, 1) - 1 + self.steps) / self.epochs)

    def share(self, now: float) -> float:
        """Return the share of all its work that is done, from 0 to 1, in expected time."""
        if self.over:
            return 1.0
        parts, before = self.expected, 0.0
        if self.started is not None:
            before = 1.0 if self.trained else by_time(now - self.started, parts.before)
        after = 0.0
        if self.predicted is not None:
            after = (
                max(self.steps, by_time(now - self.predicted, parts.after))
                if self.state == "predicting"
                else 1
            )
        done = parts.before * before + parts.training * self.trained_share(now) + parts.after * after
        return min(0.99, done / max(parts.total, 1e-9))

    def course(self, now: float) -> Course:
        """Return how far it is, for the remaining time; without the epochs of an earlier worker."""
        started, trained, rest = self.started, self.trained, 1 - self.kept_share
        left = replace(self.expected, training=rest * self.expected.training)
        if started is None:
            return Course(self.member.model, left, over=self.over)
        last = now if not self.epochs else self.reported
        known = self.epochs or self.over or self.predicted is not None
        return Course(
            self.member.model,
            left,
            before=(trained or now) - started,
            training=None if trained is None else max(0.0, (self.predicted or last) - trained),
            share=(self.trained_share(now) - self.kept_share) / max(rest, 1e-9) if known else None,
            after=None if self.predicted is None else now - self.predicted,
            running=self.running,
            over=self.over,
        )


def phase_text(state: State, library: str, seconds: float) -> str:
    """Return what a worker does, and for how long if it is a second or more, as in "compiling 3 s"."""
    word = f"loading {library}" if state == "loading" else state
    return f"{word} {int(seconds)} s" if seconds >= 1 else word


def by_time(seconds: float, expected: float) -> float:
    """Return a share that grows with time, is 0.63 after the expected time, and never 1."""
    return 1 - math.exp(-seconds / max(expected, 1e-3))
