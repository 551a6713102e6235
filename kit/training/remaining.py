"""Remaining time of a run: expected times, corrected by what the run has measured."""

from collections.abc import Sequence
from dataclasses import dataclass

from kit.training.estimate import Expected

TRUST, TRUST_OVERHEAD = 30.0, 5.0
"""Seconds of this run that weigh as much as the expectation from earlier runs: of training, of the rest."""
ENOUGH = 1.0
"""Seconds of training in this run from which a model that is new to this machine has an estimate."""
UNCERTAIN, LEAST = 0.3, 0.08
"""Relative half-width of the range before anything is measured, and at the end."""


@dataclass(frozen=True)
class Course:
    """How far one member is.

    Attributes:
        expected: its expected times.
        before: seconds spent before its first step; so far, if `training` is None.
        training: seconds of training until the last report; None: not begun.
        share: part of the training that these seconds were for, from 0 to 1.
        after: seconds since the training ended; None: not ended.
        running: whether a worker has it.
        over: whether it is trained or has failed.
    """

    expected: Expected
    before: float = 0.0
    training: float | None = None
    share: float = 0.0
    after: float | None = None
    running: bool = False
    over: bool = False


@dataclass(frozen=True)
class Range:
    """A remaining time in seconds, with its uncertainty."""

    low: float
    high: float


def remaining(courses: Sequence[Course], workers: int) -> Range | None:
    """Return the remaining time of all members.

    None while a model that is new to this machine has no measurement.

    Args:
        courses: all members, in the order of training.
        workers: number of parallel workers.
    """
    measured = sum(one.training or 0.0 for one in courses)
    if measured < ENOUGH and not all(one.expected.known for one in courses if not one.over):
        return None
    known = all(one.expected.known for one in courses)
    speed = _factor(
        TRUST if known else 0.0, measured, sum(one.share * one.expected.training for one in courses)
    )
    ready = [one for one in courses if one.training is not None]
    rest = _factor(
        TRUST_OVERHEAD, sum(one.before for one in ready), sum(one.expected.before for one in ready)
    )
    left = [_left(one, speed, rest) for one in courses if one.running and not one.over]
    busy = sorted(left, reverse=True)[:workers] + [0.0] * max(0, workers - len(left))
    for one in courses:
        if not (one.running or one.over):
            busy[busy.index(min(busy))] += _left(one, speed, rest)
    middle, doubt = max(busy, default=0.0), LEAST + (UNCERTAIN - LEAST) * TRUST / (TRUST + measured)
    if not known:
        doubt += UNCERTAIN * ENOUGH / measured
    return Range(middle * max(0.0, 1 - doubt), middle * (1 + doubt))


def _factor(trust: float, seconds: float, expected: float) -> float:
    """Return the factor of expected seconds: measured over expected, and 1 with the weight `trust`."""
    return (trust + seconds) / (trust + expected) if trust + expected > 0 else 1.0


def _left(one: Course, speed: float, rest: float) -> float:
    before = training = after = 0.0
    if one.training is None:
        # What takes longer than expected still takes a while.
        before = max(rest * one.expected.before - one.before, 0.2 * rest * one.expected.before)
    if one.after is None:
        training, after = speed * one.expected.training * (1 - one.share), speed * one.expected.after
    else:
        after = max(speed * one.expected.after - one.after, 0.2 * speed * one.expected.after)
    return before + training + after
