"""Accuracy, log loss, their intervals, and paired tests of two sets of predictions of the same rows.

All sums are float64, so that a figure does not depend on the order of its parts.
"""

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Z95 = 1.96
"""Two-sided 95 % quantile of the normal distribution, as DESIGN.md writes it."""
EPSILON = float(np.finfo(np.float32).eps)
"""Probabilities are stored as float32: nearer to 0 or 1 than this they are not told apart."""


class McNemar(NamedTuple):
    """Rows that only one of two classifiers got right, and how surprising their split is."""

    only_a: int
    only_b: int
    p: float


class Difference(NamedTuple):
    """A mean difference with its interval."""

    mean: float
    low: float
    high: float


def accuracy(probs: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
    """Return the fraction of rows whose most probable class is the label; of equal classes the first counts.

    Args:
        probs: (rows, classes).
        labels: (rows,) from 0.
    """
    return float(np.mean(probs.argmax(axis=1) == labels))


def row_losses(probs: NDArray[np.floating], labels: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return -ln of the probability of each row's label, (rows,) float64.

    Probabilities are clipped to EPSILON … 1 - EPSILON, as scikit-learn does with float32: at most 15.9.

    Args:
        probs: (rows, classes).
        labels: (rows,) from 0.
    """
    of_label = probs[np.arange(len(labels)), labels].astype(np.float64)
    return np.asarray(-np.log(np.clip(of_label, EPSILON, 1 - EPSILON)))


def log_loss(probs: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
    """Return the mean of `row_losses`, in nats."""
    return float(row_losses(probs, labels).mean())


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
    independent proportions, normal approximation). It leaves out that another training gives another network,
    and has no width where p is 0 or 1.

    Args:
        accuracy: p, as measured.
        rows: n, on how many rows.
        test_rows: m.
    """
    half = Z95 * sqrt(accuracy * (1 - accuracy) * (1 / rows + 1 / test_rows))
    return max(0.0, accuracy - half), min(1.0, accuracy + half)


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
