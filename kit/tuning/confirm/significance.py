"""Is a trial better than the baseline? The statistics of a confirmation."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import fmean

from kit.metrics import student_interval
from kit.records import Comparison

CANDIDATES = 3
"""Number of trials that are confirmed; intervals are corrected for at least as many comparisons."""
LEVEL = 0.05
"""Family-wise error rate: at most this share of studies calls something better that is not."""
FEWEST_FOLDS = 3
"""With fewer folds, no trial is called better."""


def compare(
    trial: int,
    folds: Sequence[int],
    losses: Sequence[float | None],
    baseline: Sequence[float | None],
    corrected_for: int,
) -> Comparison:
    """Compare a trial's losses with the baseline's in the same replicates.

    Differences are averaged within each fold first: replicates of a fold share held-out rows, and a model
    without randomness repeats the same number, so only folds are independent. Their mean gets Student's
    interval at 1 - LEVEL / corrected_for. By Bonferroni's inequality all intervals hold together in all but
    LEVEL of studies: O. J. Dunn (1961), Multiple comparisons among means, J. Am. Stat. Assoc. 56, 52-64.
    Only an interval below zero makes a trial better, so half of LEVEL is left for false claims; the other
    half covers what folds share, their training rows.

    Args:
        trial: its number.
        folds: the fold that is held out in each replicate.
        losses: one per replicate; None if the training failed.
        baseline: the baseline's losses in the same replicates.
        corrected_for: number of trials that are compared with the baseline.
    """
    by_fold: dict[int, list[float]] = defaultdict(list)
    for fold, own, other in zip(folds, losses, baseline, strict=True):
        if own is not None and other is not None:
            by_fold[fold].append(own - other)
    # Two folds can agree by chance alone.
    if len(by_fold) < FEWEST_FOLDS or None in {*losses, *baseline}:
        return Comparison(trial=trial, losses=tuple(losses), mean=None, low=None, high=None, better=False)
    means = [fmean(own) for own in by_fold.values()]
    mean, low, high = student_interval(means, 1 - LEVEL / corrected_for)
    return Comparison(trial=trial, losses=tuple(losses), mean=mean, low=low, high=high, better=high < 0)


def winner(comparisons: Iterable[Comparison]) -> int | None:
    """Return the number of the better trial with the lowest mean difference; None if none is better."""
    better = [(one.mean, one.trial) for one in comparisons if one.better and one.mean is not None]
    return min(better)[1] if better else None
