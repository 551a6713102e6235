"""Remaining time of a run: expected times, corrected by what the run has measured."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from kit.training.estimate import SIMILAR, Expected

PRIOR = 3.0
"""Seconds of training in this run that weigh as much as an expectation with a doubt of 1."""
OVERHEAD = 5.0
"""The same for start-up and compiling."""
LEAST = 0.25
"""Relative uncertainty of a well-measured run: other programs on the machine come and go."""
WIDEST = 3.0
"""Ratio of the ends of the widest range that is worth showing."""


@dataclass(frozen=True)
class Course:
    """How far one member is.

    Attributes:
        model: name of its model; members of one model are equally fast.
        expected: its expected times.
        before: seconds spent before its first step; so far, if `training` is None.
        training: seconds of training until the last report; None: not begun.
        share: part of the training that these seconds were for, from 0 to 1; None: unknown, as in the fit of
            a classical model.
        after: seconds since the training ended; None: not ended.
        running: whether a worker has it.
        over: whether it is trained or has failed.
    """

    model: str
    expected: Expected
    before: float = 0.0
    training: float | None = None
    share: float | None = 0.0
    after: float | None = None
    running: bool = False
    over: bool = False


@dataclass(frozen=True)
class Range:
    """A remaining time in seconds, with its uncertainty."""

    low: float
    high: float


@dataclass(frozen=True)
class _Speed:
    """By what the expected times of a model are multiplied, and how uncertain that is."""

    factor: float
    doubt: float


def remaining(courses: Sequence[Course], workers: int) -> Range | None:
    """Return the remaining time of all members.

    None while the range would be wider than WIDEST: before the first seconds of training in a run whose
    networks are new to this machine, and until the first fit of a classical model that is new to it.
    Replayed at 60 times of each of four recorded runs (5 to 20 members, two cores with other programs on
    them), the range held 83 % of the times if the machine had trained the same models before, 74 % if it had
    trained nothing, and 70 % if it had trained other networks. Where it failed, the load of the machine had
    changed during the run.

    Args:
        courses: all members, in the order of training.
        workers: number of parallel workers.
    """
    todo = [one for one in courses if not one.over]
    speeds = {model: _speed(model, courses) for model in {one.model for one in todo}}
    if any(math.isinf(speed.doubt) for speed in speeds.values()):
        return None
    ready = [one for one in courses if one.training is not None]
    spent, planned = sum(one.before for one in ready), sum(one.expected.before for one in ready)
    start = (OVERHEAD + spent) / (OVERHEAD + planned)
    left = [(one, _left(one, speeds[one.model].factor, start)) for one in todo]
    running = sorted((seconds for one, seconds in left if one.running), reverse=True)[:workers]
    busy = running + [0.0] * (workers - len(running))
    for one, seconds in left:
        if not one.running:
            busy[busy.index(min(busy))] += seconds
    # Each model's doubt counts by what is left of its members.
    work = sum(seconds for _, seconds in left)
    spread = 1 + sum(seconds * speeds[one.model].doubt for one, seconds in left) / max(work, 1e-9)
    return Range(max(busy) / spread, max(busy) * spread) if spread**2 <= WIDEST else None


def _speed(model: str, courses: Sequence[Course]) -> _Speed:
    """Return measured over expected seconds of a model; the expectation weighs PRIOR / doubt².

    A network that is new to this machine and to the run is as fast per multiply-add as the run's others.
    """
    own = [one for one in courses if one.model == model]
    doubt = max(one.expected.doubt for one in own)
    seconds, planned = _measured(own)
    if math.isfinite(doubt):
        weight = PRIOR / doubt**2
        return _Speed((weight + seconds) / (weight + planned), LEAST + doubt * weight / (weight + seconds))
    if min(seconds, planned) > 0:
        return _Speed(seconds / planned, LEAST + PRIOR / seconds)
    networks = [one for one in courses if one.expected.network]
    seconds, planned = _measured(networks)
    if own[0] in networks and min(seconds, planned) > 0:
        return _Speed(seconds / planned, SIMILAR)
    return _Speed(1.0, math.inf)


def _measured(courses: Sequence[Course]) -> tuple[float, float]:
    """Return the seconds of training so far, and how many were expected for it."""
    known = [one for one in courses if one.training is not None and one.share is not None]
    seconds = sum(one.training or 0.0 for one in known)
    return seconds, sum((one.share or 0.0) * one.expected.training for one in known)


def _left(one: Course, speed: float, start: float) -> float:
    before = 0.0
    if one.training is None:
        before = _rest(start * one.expected.before, one.before)
    after = speed * one.expected.after
    if one.after is not None:
        return _rest(after, one.after)
    training = speed * one.expected.training
    if one.share is None:
        return before + _rest(training, one.training or 0.0) + after
    return before + training * (1 - one.share) + after


def _rest(seconds: float, spent: float) -> float:
    """Return what is left of so many seconds: what takes longer than expected still takes a while."""
    return max(seconds - spent, 0.2 * seconds)
