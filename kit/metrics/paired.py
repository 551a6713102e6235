"""Paired comparisons of two sets of predictions of the same rows."""

from __future__ import annotations

from math import hypot
from typing import TYPE_CHECKING, NamedTuple

from kit.lazy import LazyModule
from kit.metrics.intervals import Difference, Interval

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
else:
    np = LazyModule("numpy")


class McNemar(NamedTuple):
    """Rows that only one of two classifiers got right, and how surprising their split is."""

    only_a: int
    only_b: int
    p: float


def mcnemar(correct_a: NDArray[np.bool_], correct_b: NDArray[np.bool_]) -> McNemar:
    """Test whether two classifiers have the same accuracy on the same rows.

    Exact and two-sided: the disagreements are tosses of a fair coin, p is twice the smaller tail, at most 1;
    without disagreements it is 1. Source: Q. McNemar (1947), Psychometrika 12, 153-157, with the binomial in
    place of chi².

    Args:
        correct_a: (rows,) whether a got the row right.
        correct_b: (rows,) whether b did.
    """
    from scipy.special import bdtr

    only_a, only_b = int(np.sum(correct_a & ~correct_b)), int(np.sum(correct_b & ~correct_a))
    tail = float(bdtr(min(only_a, only_b), only_a + only_b, 0.5))
    return McNemar(only_a, only_b, min(1.0, 2 * tail))


def discordant_interval(only_a: int, only_b: int) -> Interval:
    """Return the 95 % interval of only_a - only_b; (0, 0) without disagreements.

    Both counts are Poisson; their exact intervals (F. Garwood, 1936, Biometrika 28, 437-442) are combined by
    the distances of their ends (G. Y. Zou and A. Donner, 2008, Stat. Med. 27, 1693-1702). The normal interval
    is too narrow for few disagreements: it would exclude 0 for 4 of 4. This one excludes 0 where `mcnemar`
    gives p < 0.05, and in some cases with p up to 0.06.

    Args:
        only_a: rows that only a got right.
        only_b: rows that only b got right.
    """
    if only_a == only_b == 0:
        return Interval(0.0, 0.0)
    (low_a, high_a), (low_b, high_b) = map(_poisson_interval, (only_a, only_b))
    difference = only_a - only_b
    return Interval(
        difference - hypot(only_a - low_a, high_b - only_b),
        difference + hypot(high_a - only_a, only_b - low_b),
    )


def _poisson_interval(count: int) -> Interval:
    from scipy.special import gammaincinv

    low = float(gammaincinv(count, 0.025)) if count else 0.0
    return Interval(low, float(gammaincinv(count + 1, 0.975)))


def paired_bootstrap(
    loss_a: NDArray[np.float64], loss_b: NDArray[np.float64], seed: int = 0, draws: int = 2000
) -> Difference:
    """Return the mean of loss_a - loss_b over rows, with its 95 % percentile bootstrap interval.

    Rows are drawn with replacement, both losses of a row together, one resample in memory at a time.
    Source: B. Efron and R. J. Tibshirani (1993), An Introduction to the Bootstrap, chapter 13.

    Args:
        loss_a: (rows,) losses.
        loss_b: (rows,) losses of the same rows.
        seed: of the draws; the same seed gives the same interval.
        draws: how many resamples.
    """
    difference = np.asarray(loss_a, np.float64) - loss_b
    rng, rows = np.random.default_rng(seed), len(difference)
    means = [difference[rng.integers(rows, size=rows, dtype=np.int32)].mean() for _ in range(draws)]
    low, high = np.percentile(means, [2.5, 97.5])
    return Difference(float(difference.mean()), float(low), float(high))


def bootstrap_means(values: NDArray[np.float64], seed: int = 0, draws: int = 2000) -> NDArray[np.float64]:
    """Return (draws, columns) float64: the mean of each column in each resample of the rows.

    Each resample is the same for all columns, so that differences of columns are paired, and the same as in
    `paired_bootstrap`. For many pairs of columns, this is faster.

    Args:
        values: (rows, columns) float64.
        seed: of the draws.
        draws: how many resamples.
    """
    rng, rows = np.random.default_rng(seed), len(values)
    drawn = (rng.integers(rows, size=rows, dtype=np.int32) for _ in range(draws))
    return np.stack([np.bincount(chosen, minlength=rows) @ values for chosen in drawn]) / rows
