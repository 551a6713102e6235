"""Compare columns of predictions on the same rows, each pair once: models of a run, or runs."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from kit import metrics
from kit.metrics import Metric
from kit.records import Pair

LEVEL = 0.05
"""Family-wise error rate of the verdicts."""
Probabilities = NDArray[np.floating]
Labels = NDArray[np.integer]


def compare_pairs(
    names: Sequence[str],
    probs: Sequence[Probabilities],
    labels: Labels,
    metric: Metric,
    seconds: Sequence[float | None] | None = None,
) -> tuple[Pair, ...]:
    """Return every pair (a, b), a before b in `names`; p-values are corrected over all pairs (Holm).

    Args:
        names: one per column of predictions.
        probs: (rows, classes) each, of the same rows.
        labels: (rows,) from 0.
        metric: that the verdict is about.
        seconds: training time of each; None if unknown.
    """
    chosen = list(combinations(range(len(names)), 2))
    times = seconds or [None] * len(names)
    pairs = []
    for a, b in chosen:
        hits_a, hits_b = (probs[one].argmax(axis=1) == labels for one in (a, b))
        lost, gained, exact = metrics.mcnemar(hits_a, hits_b)
        difference = metric.difference(probs[b], probs[a], labels)
        loss = difference if metric is metrics.LOSS else metrics.LOSS.difference(probs[b], probs[a], labels)
        time_a, time_b = times[a], times[b]
        pairs.append(
            Pair(
                a=names[a],
                b=names[b],
                rows=len(labels),
                verdict="no difference",
                difference=difference.mean,
                interval=(difference.low, difference.high),
                p=exact if metric is metrics.HITS else metrics.normal_p(difference),
                p_corrected=1.0,
                gained=gained,
                lost=lost,
                loss_difference=loss.mean,
                loss_interval=(loss.low, loss.high),
                seconds_difference=None if time_a is None or time_b is None else time_b - time_a,
            )
        )
    return _judged(pairs, metric)


def _judged(pairs: Sequence[Pair], metric: Metric) -> tuple[Pair, ...]:
    """Return the pairs with corrected p-values and verdicts."""
    judged = []
    for pair, p in zip(pairs, metrics.holm([pair.p for pair in pairs]), strict=True):
        verdict = "no difference"
        if p < LEVEL and pair.difference:
            verdict = "better" if (pair.difference > 0) == metric.greater_is_better else "worse"
        judged.append(pair.model_copy(update={"p_corrected": float(p), "verdict": verdict}))
    return tuple(judged)
