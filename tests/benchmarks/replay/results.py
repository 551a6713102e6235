"""The figures of simulated studies, with their intervals."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from kit.metrics import wilson
from tests.benchmarks.replay.studies import Outcome
from tests.benchmarks.replay.surrogate import Floats

RESAMPLES = 2000


@dataclass(frozen=True)
class Figure:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float

    def text(self, scale: float = 100.0, digits: int = 1) -> str:
        """Return it for people."""
        value, low, high = (f"{scale * one:.{digits}f}" for one in (self.value, self.low, self.high))
        return f"{value} ({low}-{high})"


@dataclass(frozen=True)
class Gains:
    """What studies gain, per study.

    Attributes:
        trials: mean number.
        found: mean true gain of the best trial.
        confirmed: share of studies that confirm a trial.
        false: share of studies that confirm one that is no better.
        mean, median: true gain of the confirmed trial; 0 without one.
    """

    trials: float
    found: float
    confirmed: Figure
    false: Figure
    mean: Figure
    median: Figure

    @classmethod
    def of(cls, outcomes: Sequence[Outcome]) -> Self:
        """Return the figures of studies."""
        gains = np.array([one.gain for one in outcomes])
        return cls(
            float(np.mean([one.trials for one in outcomes])),
            float(np.mean([one.found for one in outcomes])),
            share([one.confirmed for one in outcomes]),
            share([one.false for one in outcomes]),
            bootstrapped(gains, np.mean),
            bootstrapped(gains, np.median),
        )


def share(hits: Sequence[bool]) -> Figure:
    """Return the share of hits with Wilson's interval."""
    # `wilson` is of an accuracy: of what is no error.
    low, high = wilson(len(hits) - sum(hits), len(hits))
    return Figure(sum(hits) / len(hits), low, high)


def bootstrapped(values: Floats, figure: Callable[..., Floats]) -> Figure:
    """Return a figure of values with its percentile bootstrap interval."""
    chosen = np.random.default_rng(0).integers(len(values), size=(RESAMPLES, len(values)))
    low, high = np.quantile(figure(values[chosen], axis=1), [0.025, 0.975])
    return Figure(float(figure(values)), float(low), float(high))
