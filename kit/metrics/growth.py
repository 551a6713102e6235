"""Score against the number of averaged members, and its extrapolation."""

from __future__ import annotations

from functools import reduce
from itertools import combinations
from math import comb, isfinite, sqrt
from typing import TYPE_CHECKING, NamedTuple

from kit.lazy import LazyModule
from kit.metrics.classification import Accuracy, log_loss
from kit.metrics.intervals import Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from kit.metrics.metric import Metric
else:
    np = LazyModule("numpy")

LEVEL = 0.9
"""How often a band is to hold the expected score."""
SIZES = 16
"""With more units than this, only about so many sizes of ensembles are scored."""


class GrowthPoint(NamedTuple):
    """Scores of ensembles of `units` units: median, 5 % and 95 % quantile over `subsets` subsets."""

    units: int
    median: float
    low: float
    high: float
    subsets: int


class GrowthForecast(NamedTuple):
    """Expected score of an ensemble of `units` units, with its 90 % band."""

    units: int
    value: float
    low: float
    high: float


class GrowthEstimate(NamedTuple):
    """Score against the number of units.

    Attributes:
        points: ascending number of units.
        forecasts: empty if `missing` says why.
        errors_saved: expected errors of all S units minus those of 2 S units on the same rows.
        errors_saved_band: its 90 % band.
        missing: why there is no forecast.
    """

    points: tuple[GrowthPoint, ...]
    forecasts: tuple[GrowthForecast, ...] = ()
    errors_saved: float | None = None
    errors_saved_band: Interval | None = None
    missing: str | None = None


class _Scored(NamedTuple):
    """Ensembles of `size` units: (subsets, units) bool membership, and (subsets,) losses."""

    size: int
    holds: NDArray[np.bool_]
    losses: NDArray[np.float64]
    errors: NDArray[np.float64]


def growth(
    units: Sequence[NDArray[np.floating]],
    labels: NDArray[np.integer],
    metric: Metric,
    *,
    forecast_to: Sequence[int] | None = None,
    subsets: int = 40,
    seed: int = 0,
) -> GrowthEstimate:
    """Return the score of ensembles of 1 … S units, and what more units would give.

    Args:
        units: S matrices (rows, classes) of OOF probabilities; an ensemble is their mean.
        labels: (rows,) from 0.
        metric: of the scores.
        forecast_to: numbers of units; 2 S and 4 S by default.
        subsets: how many ensembles of each size are scored at most.
        seed: of the choice of subsets.
    """
    count, rows = len(units), len(labels)
    # In this order, the random subsets do not depend on the order of the units.
    ordered = sorted((np.asarray(unit, np.float64) for unit in units), key=lambda one: log_loss(one, labels))
    scored = [_score(ordered, labels, metric, _subsets(count, size, subsets, seed)) for size in _sizes(count)]
    points = tuple(_point(one, metric) for one in scored)
    if count == 1:
        return GrowthEstimate(points, missing="a single unit has no curve")
    losses, errors = [one.losses for one in scored], [one.errors for one in scored]
    if not all(isfinite(loss) for one in losses for loss in one):
        return GrowthEstimate(points, missing=f"{metric.title} is not defined on these rows")
    forecasts = []
    for size in forecast_to or (2 * count, 4 * count):
        loss, half = _extrapolate(scored, losses, {size: 1.0})
        low, high = sorted((metric.from_loss(loss - half), metric.from_loss(loss + half)))
        forecasts.append(GrowthForecast(size, metric.from_loss(loss), low, high))
    saved, half = _extrapolate(scored, errors, {count: rows, 2 * count: -rows})
    return GrowthEstimate(points, tuple(forecasts), saved, Interval(saved - half, saved + half))


def _sizes(count: int) -> list[int]:
    """Return 1 … count, thinned if these are many."""
    return sorted(
        {round(size) for size in np.geomspace(1, count, SIZES)} if count > SIZES else {*range(1, count + 1)}
    )


def _subsets(count: int, size: int, limit: int, seed: int) -> list[tuple[int, ...]]:
    """Return all subsets of this size, or distinct random ones."""
    if comb(count, size) <= limit:
        return list(combinations(range(count), size))
    rng, chosen = np.random.default_rng([seed, size]), set[tuple[int, ...]]()
    while len(chosen) < limit:
        chosen.add(tuple(sorted(rng.choice(count, size, replace=False).tolist())))
    return sorted(chosen)


def _score(
    units: Sequence[NDArray[np.float64]],
    labels: NDArray[np.integer],
    metric: Metric,
    chosen: Sequence[tuple[int, ...]],
) -> _Scored:
    """Return the losses of the ensembles of these subsets."""
    hits, holds = Accuracy(), np.zeros((len(chosen), len(units)), np.bool_)
    losses, errors = np.empty((2, len(chosen)))
    for at, subset in enumerate(chosen):
        holds[at, list(subset)] = True
        mean = reduce(np.add, (units[unit] for unit in subset)) / len(subset)
        losses[at] = metric.loss(metric.value(mean, labels))
        errors[at] = losses[at] if metric.name == hits.name else hits.loss(hits.value(mean, labels))
    return _Scored(len(chosen[0]), holds, losses, errors)


def _point(one: _Scored, metric: Metric) -> GrowthPoint:
    scores = [metric.from_loss(loss) for loss in one.losses]
    low, median, high = np.quantile(scores, [0.05, 0.5, 0.95])
    return GrowthPoint(one.size, float(median), float(low), float(high), len(scores))


def _extrapolate(
    scored: Sequence[_Scored], losses: Sequence[NDArray[np.float64]], at: dict[int, float]
) -> tuple[float, float]:
    """Return a sum of expected losses at sizes `at` (size: factor), and half the width of its 90 % band."""
    from scipy.special import stdtrit

    count = scored[-1].size
    value = _fitted([(one.size, loss.mean()) for one, loss in zip(scored, losses, strict=True)], at)
    if count == 2:
        half = abs(losses[0][0] - losses[0][1]) / 2
    else:
        without = []
        for unit in range(count):
            left = [(one, loss[~one.holds[:, unit]]) for one, loss in zip(scored, losses, strict=True)]
            without.append(_fitted([(one.size, loss.mean()) for one, loss in left if len(loss)], at))
        half = sqrt((count - 1) * float(np.var(without)))
    return value, float(stdtrit(count - 1, (1 + LEVEL) / 2)) * half


def _fitted(points: Sequence[tuple[int, float]], at: dict[int, float]) -> float:
    """Return the sum of factor x (a + b / size), with a and b by least squares."""
    sizes, losses = np.array(points).T
    slope, level = np.polyfit(1 / sizes, losses, 1, w=sizes)
    return float(sum(factor * (level + slope / size) for size, factor in at.items()))
