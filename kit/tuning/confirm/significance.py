"""Is a trial better than the baseline? The statistics of a confirmation."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from kit.metrics import student_interval

CANDIDATES = 3
"""How many trials are confirmed, and the least number that comparisons are corrected for."""
LEVEL = 0.05
"""Share of studies, at most, in which something is called better that is not."""
FEWEST_FOLDS = 3
"""With fewer, nothing is called better."""


@dataclass(frozen=True)
class Comparison:
    """What the confirmation says of a trial.

    Attributes:
        trial: its number.
        differences: its log loss minus the baseline's, a replicate each.
        mean, low, high: their mean, each fold counting alike, and its interval; infinite where a training
            failed.
        better: whether the interval lies below zero.
    """

    trial: int
    differences: tuple[float, ...]
    mean: float
    low: float
    high: float
    better: bool


def compare(
    trial: int, folds: Sequence[int], losses: Sequence[float], baseline: Sequence[float], corrected_for: int
) -> Comparison:
    """Compare a trial's log losses with the baseline's in the same replicates.

    Differences are averaged over the replicates of a fold first: they share held-out rows, and those of a
    model without randomness are the same number, so only folds count as independent. Their mean gets
    Student's interval at 1 - LEVEL / corrected_for. By Bonferroni's inequality all intervals are right at
    once in all but LEVEL of studies: O. J. Dunn (1961), Multiple comparisons among means, J. Am. Stat. Assoc.
    56, 52-64. Only an interval below zero makes a trial better, so half of LEVEL remains for false claims;
    the other half covers what folds share, their training rows.

    Args:
        trial: its number.
        folds: held out in each replicate.
        losses: a replicate each, infinite where the training failed.
        baseline: the same of the baseline.
        corrected_for: how many trials are compared with the baseline in all.
    """
    differences = tuple(ours - theirs for ours, theirs in zip(losses, baseline, strict=True))
    by_fold: dict[int, list[float]] = defaultdict(list)
    for fold, difference in zip(folds, differences, strict=True):
        by_fold[fold].append(difference)
    # Two folds can agree by chance alone.
    if len(by_fold) < FEWEST_FOLDS or not all(map(math.isfinite, differences)):
        return Comparison(trial, differences, math.inf, -math.inf, math.inf, better=False)
    means = [fmean(own) for own in by_fold.values()]
    mean, low, high = student_interval(means, 1 - LEVEL / corrected_for)
    return Comparison(trial, differences, mean, low, high, better=high < 0)


def winner(comparisons: Iterable[Comparison]) -> int | None:
    """Return the number of the trial that gained most of those that are better; None where none is."""
    better = [comparison for comparison in comparisons if comparison.better]
    return min(better, key=lambda comparison: comparison.mean).trial if better else None
