"""Intervals of proportions and means."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, NamedTuple

from kit.lazy import LazyModule

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray
else:
    np = LazyModule("numpy")


Z95 = 1.96
"""Two-sided 95 % quantile of the normal distribution."""


class Interval(NamedTuple):
    """A 95 % confidence interval."""

    low: float
    high: float


class Difference(NamedTuple):
    """A mean difference with its interval."""

    mean: float
    low: float
    high: float


def wilson(errors: int, rows: int, z: float = Z95) -> tuple[float, float]:
    """Return the Wilson score interval of the accuracy 1 - errors / rows.

    Source: E. B. Wilson (1927), J. Am. Stat. Assoc. 22, 209-212; method 3 of R. G. Newcombe (1998), Stat.
    Med. 17, 857-872.

    Raises:
        ValueError: no rows, or more errors than rows.
    """
    if not 0 <= errors <= rows or rows == 0:
        raise ValueError(
            f"expected 0 to {rows} errors in at least 1 row; received {errors} errors in {rows} rows"
        )
    p, spread = 1 - errors / rows, z * z / rows
    centre = (p + spread / 2) / (1 + spread)
    half = z * sqrt(p * (1 - p) / rows + spread / (4 * rows)) / (1 + spread)
    return max(0.0, centre - half), min(1.0, centre + half)


def expected_score(accuracy: float, rows: int, test_rows: int) -> tuple[float, float]:
    """Return the 95 % prediction interval of the accuracy on `test_rows` other rows.

    p ± 1.96 √(p(1 - p)(1/n + 1/m)): both samples vary around the same unknown accuracy (difference of two
    independent proportions, normal approximation). Where p is 0 or 1, the centre of its Wilson interval gives
    the variance, which would be 0. It leaves out that another training gives another network.

    Args:
        accuracy: p, as measured.
        rows: n, on how many rows.
        test_rows: m.
    """
    p = accuracy if 0 < accuracy < 1 else (accuracy + Z95**2 / rows / 2) / (1 + Z95**2 / rows)
    half = Z95 * sqrt(p * (1 - p) * (1 / rows + 1 / test_rows))
    return max(0.0, accuracy - half), min(1.0, accuracy + half)


def share_intervals(counts: NDArray[np.integer], rows: int) -> list[Interval]:
    """Return where the share of each class is expected in other rows: 95 % for all classes together.

    Both samples vary around the same unknown shares. The arcsine of the root of a share has nearly the same
    variance, 1 / (4n + 2), for any share, also for that of a class without rows: F. J. Anscombe (1948),
    Biometrika 35, 246-254. The quantile is that of 1 - 0.05 / classes (Bonferroni). In 2,000 simulations each
    of 2 to 1,000 classes, equal and unequal, 2 to 6 % had a class outside its interval.

    Args:
        counts: (classes,) rows of each class in n rows.
        rows: m, how many other rows.
    """
    from scipy.special import ndtri

    quantile = -float(ndtri(0.05 / 2 / len(counts)))
    total = int(counts.sum())
    centre = np.arcsin(np.sqrt((counts + 3 / 8) / (total + 3 / 4)))
    half = quantile * sqrt(1 / (4 * total + 2) + 1 / (4 * rows + 2))
    ends = np.sin(np.clip([centre - half, centre + half], 0, np.pi / 2)) ** 2
    low, high = np.clip((ends * (rows + 3 / 4) - 3 / 8) / rows, 0, 1).tolist()
    return [Interval(*one) for one in zip(low, high, strict=True)]


def mean_sd(values: Sequence[float]) -> tuple[float, float | None]:
    """Return the mean and the sample standard deviation (n - 1); a single value has no deviation.

    Raises:
        ValueError: there is no value.
    """
    if not values:
        raise ValueError("expected at least one value; received none")
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None


def student_interval(values: Sequence[float], level: float = 0.95) -> Difference:
    """Return the mean of independent values with its two-sided t interval, mean ± t s / √n.

    t is the (1 + level) / 2 quantile of Student's distribution with n - 1 degrees of freedom. Values that are
    all equal have an interval without width. Source: Student (1908), Biometrika 6, 1-25.

    Args:
        values: at least 2.
        level: how often such an interval holds the true mean.

    Raises:
        ValueError: there are fewer values.
    """
    from scipy.special import stdtrit

    mean, sd = mean_sd(values)
    if sd is None:
        raise ValueError("expected at least two values; received one")
    half = float(stdtrit(len(values) - 1, (1 + level) / 2)) * sd / sqrt(len(values))
    return Difference(mean, mean - half, mean + half)


def normal_interval(value: float, variance: float, sizes: Sequence[int], z: float = Z95) -> Interval:
    """Return value ± z √(variance (1/n + …)), the normal approximation.

    With one size, this is the confidence interval of a mean over n rows; with two, the prediction interval of
    the mean over m other rows.

    Args:
        value: the mean.
        variance: of one row.
        sizes: n, or n and m.
        z: two-sided quantile of the normal distribution.
    """
    half = z * sqrt(variance * sum(1 / size for size in sizes))
    return Interval(value - half, value + half)
