"""Is a trial better than the baseline? The statistics of a confirmation."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kit.records import Comparison, Replicate, ReplicateResult

LEVEL = 0.05
"""At most this share of studies without any better trial calls one better."""
SAME_ROWS = 0.6
"""Share of LEVEL that is not spent: the comparison holds out the rows that also chose the trial. Replayed
studies without any better trial then confirm one in 3 to 4 of 100; with all of LEVEL in 6 to 7."""
SHARE = 0.75
"""Share of the error rate that is left which each comparison of a study gets. The first is of the trial that
looks best, so it gets most."""
LOOK_SHARES = (0.1, 0.2, 0.3)
"""Shares of a comparison's error rate that the looks before its last one get; the last gets the rest."""
FEWEST_REPLICATES = 4
"""With fewer replicates, no trial is called better."""
POWER = 0.9
"""Probability for which `Comparison.needed` is computed. It is about 0.8 in simulated studies, because
`estimate` errs on the safe side."""


class Estimate(NamedTuple):
    """A mean difference of losses, its standard error, and the degrees of freedom of the latter."""

    mean: float
    error: float
    degrees: float

    def quantile(self, probability: float) -> float:
        """Return how far the mean may be off, on one side, with this probability of being further."""
        from scipy.stats import t

        return float(t.isf(probability, self.degrees)) * self.error if self.error else 0.0

    def probability(self) -> float:
        """Return the probability that the true difference is below zero, if all are equally likely before."""
        from scipy.stats import t

        if not self.error:
            return 0.5 if self.mean == 0 else float(self.mean < 0)
        return float(t.cdf(-self.mean / self.error, self.degrees))


def error_rate(comparison: int) -> float:
    """Return the error rate of a study's comparison, counted from 0."""
    return LEVEL * (1 - SAME_ROWS) * SHARE * (1 - SHARE) ** comparison


def look_rate(look: int, *, last: bool) -> float:
    """Return the share of a comparison's error rate for a look, counted from 0.

    By Bonferroni's inequality the shares add up, however the looks depend on each other: O. J. Dunn (1961),
    Multiple comparisons among means, J. Am. Stat. Assoc. 56, 52-64.
    """
    return 1 - sum(LOOK_SHARES[:look]) if last else LOOK_SHARES[look]


def estimate(differences: NDArray[np.float64]) -> Estimate:
    """Return the mean of differences over replicates and blocks of rows, with its standard error.

    Both are random: another seed or shuffle gives another model, and other images other losses. Replicates
    hold out the same rows again, so their differences are not independent, and Student's test of them alone
    calls too much better. Two crossed random effects have the variance

        (MS_replicates + MS_blocks - MS_rest) / (replicates * blocks)

    with the degrees of freedom of F. E. Satterthwaite (1946), An approximate distribution of estimates of
    variance components, Biometrics Bull. 2, 110-114. The sum of mean squares is taken as at least each of the
    first two, because few replicates can give a difference near zero by chance.

    Args:
        differences: (replicates, blocks), at least two of each.
    """
    replicates, blocks = differences.shape
    mean = float(differences.mean())
    by_replicate, by_block = differences.mean(axis=1), differences.mean(axis=0)
    rest = differences - by_replicate[:, None] - by_block[None, :] + mean
    freedom = np.array([replicates - 1, blocks - 1, (replicates - 1) * (blocks - 1)])
    squares = (
        np.array(
            [
                blocks * np.sum((by_replicate - mean) ** 2),
                replicates * np.sum((by_block - mean) ** 2),
                np.sum(rest**2),
            ]
        )
        / freedom
    )
    total = max(squares[0] + squares[1] - squares[2], squares[0], squares[1])
    if not total > 0:
        return Estimate(mean, 0.0, 1.0)
    degrees = total**2 / np.sum(squares**2 / freedom)
    return Estimate(mean, math.sqrt(total / differences.size), float(degrees))


def compare(
    trial: int,
    replicates: Sequence[Replicate],
    own: Sequence[ReplicateResult],
    baseline: Sequence[ReplicateResult],
    rate: float,
) -> Comparison:
    """Compare a trial's losses with the baseline's in the same replicates.

    Args:
        trial: its number.
        replicates: seed and held-out fold of each.
        own: the trial's results.
        baseline: the baseline's results.
        rate: greatest probability that a trial that is no better is called better.
    """
    found = Comparison(
        trial=trial,
        replicates=tuple(replicates),
        losses=tuple(one.loss for one in own),
        baseline_losses=tuple(one.loss for one in baseline),
        mean=None,
        low=None,
        high=None,
        error_rate=rate,
        better=False,
    )
    if any(one.loss is None for one in (*own, *baseline)):
        return found.model_copy(update={"status": "failed"})
    if len(replicates) < FEWEST_REPLICATES:
        return found
    given = estimate(np.array([one.blocks for one in own]) - np.array([one.blocks for one in baseline]))
    half = given.quantile(rate)
    return found.model_copy(
        update={
            "mean": given.mean,
            "low": given.mean - half,
            "high": given.mean + half,
            "better": given.mean + half < 0,
            "probability": given.probability(),
            "needed": _needed(given, len(replicates), rate),
        }
    )


def winner(comparisons: Iterable[Comparison]) -> int | None:
    """Return the number of the better trial with the lowest mean difference; None if none is better."""
    better = [(one.mean, one.trial) for one in comparisons if one.better and one.mean is not None]
    return min(better)[1] if better else None


def _needed(given: Estimate, replicates: int, rate: float) -> int | None:
    """Return how many replicates show this mean with POWER in the next comparison, which has a lower rate.

    The standard error falls with the root of their number.
    """
    if given.mean >= 0:
        return None
    distance = given.quantile(rate * (1 - SHARE)) + given.quantile(1 - POWER)
    return max(replicates, math.ceil(replicates * (distance / given.mean) ** 2))
