"""Score against the number of averaged members, and its extrapolation."""

from __future__ import annotations

from functools import reduce
from itertools import combinations
from math import comb, isfinite
from typing import TYPE_CHECKING, NamedTuple

from kit.lazy import LazyModule
from kit.metrics.classification import Accuracy, log_loss
from kit.metrics.extrapolation import Curve, extrapolate
from kit.metrics.intervals import Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from kit.metrics.extrapolation import Subsets
    from kit.metrics.metric import Labels, Metric

    Units = Sequence[NDArray[np.float64]]
else:
    np = LazyModule("numpy")

SIZES = 10
"""With more units than this, ensembles of only so many sizes are scored."""


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
        forecasts: for 2 S and 4 S units; empty if `missing` says why.
        errors_saved: expected errors of S units minus those of 2 S units, on the same rows.
        errors_saved_band: its 90 % band.
        missing: why there is no forecast.
    """

    points: tuple[GrowthPoint, ...]
    forecasts: tuple[GrowthForecast, ...] = ()
    errors_saved: float | None = None
    errors_saved_band: Interval | None = None
    missing: str | None = None


def growth(
    units: Sequence[NDArray[np.floating]],
    labels: NDArray[np.integer],
    metric: Metric,
    *,
    subsets: int = 40,
    seed: int = 0,
) -> GrowthEstimate:
    """Return the scores of ensembles of 1 to S units, and expected scores of larger ones on the same rows.

    A unit is what can be added to an ensemble, for example a seed. The result does not depend on the order of
    the units.

    Args:
        units: S matrices (rows, classes) of OOF probabilities; the prediction of an ensemble is their mean.
        labels: (rows,) from 0.
        metric: of the scores.
        subsets: how many ensembles of one size are scored: all if there are no more, else random ones.
        seed: of the random choice.

    Raises:
        ValueError: there is no unit.
    """
    if not units:
        raise ValueError("expected at least one unit; received none")
    # Random subsets are drawn from sorted units, so that they do not depend on the order.
    ordered = sorted(
        (np.asarray(unit, np.float64) for unit in units), key=lambda unit: log_loss(unit, labels)
    )
    count, rows = len(ordered), len(labels)
    chosen = [_subsets(count, size, subsets, seed) for size in _sizes(count)]
    errors = _errors(ordered, labels, chosen)
    curve = errors if isinstance(metric, Accuracy) else _curve(ordered, labels, metric, chosen)
    if not all(isfinite(loss) for losses in curve.losses for loss in losses):
        return GrowthEstimate((), missing=f"{metric.title} is not defined on these rows")
    points = tuple(
        _point(size, losses, metric) for size, losses in zip(_sizes(count), curve.losses, strict=True)
    )
    if count == 1:
        return GrowthEstimate(points, missing="a forecast needs at least two")
    forecasts = tuple(_forecast(curve, size, metric) for size in (2 * count, 4 * count))
    saved, half = extrapolate(errors, {count: rows, 2 * count: -rows})
    return GrowthEstimate(points, forecasts, saved, Interval(saved - half, saved + half))


def _sizes(count: int) -> list[int]:
    if count <= SIZES:
        return list(range(1, count + 1))
    return sorted({round(size) for size in np.geomspace(1, count, SIZES).tolist()})


def _subsets(count: int, size: int, limit: int, seed: int) -> list[tuple[int, ...]]:
    """Return all subsets of one size, or `limit` distinct random ones."""
    if comb(count, size) <= limit:
        return list(combinations(range(count), size))
    rng, chosen = np.random.default_rng([seed, size]), set[tuple[int, ...]]()
    while len(chosen) < limit:
        chosen.add(tuple(sorted(rng.choice(count, size, replace=False).tolist())))
    return sorted(chosen)


def _curve(units: Units, labels: Labels, metric: Metric, chosen: Subsets) -> Curve:
    """Return the losses of the chosen ensembles."""

    def mean(subset: tuple[int, ...]) -> NDArray[np.float64]:
        np.copyto(buffer, units[subset[0]])
        for unit in subset[1:]:
            np.add(buffer, units[unit], out=buffer)
        return np.divide(buffer, len(subset), out=buffer)

    buffer = np.empty_like(units[0])  # New memory for each mean would take half of the time.
    losses = [
        np.array([metric.loss(metric.value(mean(subset), labels)) for subset in of_size])
        for of_size in chosen
    ]
    rows = None
    if len(units) == 2:
        first, second, both = (metric.row_losses(mean(subset), labels) for subset in ((0,), (1,), (0, 1)))
        if first is not None and second is not None and both is not None:
            rows = np.stack([(first + second) / 2, both])
    return Curve(chosen, losses, rows)


def _errors(units: Units, labels: Labels, chosen: Subsets) -> Curve:
    """Return shares of errors; rows that every unit predicts correctly are correct in every ensemble."""
    hard = reduce(np.logical_or, (unit.argmax(axis=1) != labels for unit in units))
    if not hard.any():
        hard = np.ones_like(hard)
    curve = _curve([unit[hard] for unit in units], labels[hard], Accuracy(), chosen)
    share = float(hard.mean())
    rows = None if curve.rows is None else curve.rows * share
    return Curve(chosen, [losses * share for losses in curve.losses], rows)


def _point(size: int, losses: NDArray[np.float64], metric: Metric) -> GrowthPoint:
    low, median, high = np.quantile([metric.from_loss(loss) for loss in losses], [0.05, 0.5, 0.95])
    return GrowthPoint(size, float(median), float(low), float(high), len(losses))


def _forecast(curve: Curve, size: int, metric: Metric) -> GrowthForecast:
    """Return the forecast for an ensemble of `size` units; no loss is below 0."""
    loss, half = extrapolate(curve, {size: 1.0})
    value, *band = (metric.from_loss(max(0.0, at)) for at in (loss, loss - half, loss + half))
    return GrowthForecast(size, value, min(band), max(band))
