"""Compare columns of predictions on the same rows, each pair once: models of a run, or runs."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from kit import metrics
from kit.metrics import Difference, Metric
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
    times = seconds or [None] * len(names)
    hits = [metric.decisions(one, labels) == labels for one in probs]
    losses = _differences(probs, labels, metrics.LOSS)
    values = losses if metric is metrics.LOSS else _differences(probs, labels, metric)
    pairs = []
    for (a, b), difference in values.items():
        lost, gained, exact = metrics.mcnemar(hits[a], hits[b])
        loss, time_a, time_b = losses[a, b], times[a], times[b]
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


def _differences(
    probs: Sequence[Probabilities], labels: Labels, metric: Metric
) -> dict[tuple[int, int], Difference]:
    """Return the metric of b minus that of a, by pair (a, b)."""
    pairs = list(combinations(range(len(probs)), 2))
    rows = [metric.row_losses(one, labels) for one in probs]
    losses = [one for one in rows if one is not None]
    if not pairs or len(losses) < len(rows):
        return {(a, b): metric.difference(probs[b], probs[a], labels) for a, b in pairs}
    values = np.column_stack(losses) * (-1 if metric.greater_is_better else 1)
    means, drawn = values.mean(axis=0), metrics.bootstrap_means(values)
    found = {}
    for a, b in pairs:
        low, high = np.percentile(drawn[:, b] - drawn[:, a], [2.5, 97.5])
        found[a, b] = Difference(float(means[b] - means[a]), float(low), float(high))
    return found


def _judged(pairs: Sequence[Pair], metric: Metric) -> tuple[Pair, ...]:
    """Return the pairs with corrected p-values and verdicts."""
    judged = []
    for pair, p in zip(pairs, metrics.holm([pair.p for pair in pairs]), strict=True):
        verdict = "no difference"
        if p < LEVEL and pair.difference:
            verdict = "better" if (pair.difference > 0) == metric.greater_is_better else "worse"
        judged.append(pair.model_copy(update={"p_corrected": p, "verdict": verdict}))
    return tuple(judged)
