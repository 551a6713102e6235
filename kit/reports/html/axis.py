"""The axis of scores in a plot."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kit.metrics import LOSS, Metric

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDE = 5
"""A logarithmic axis is clearer if the largest value is this many times the smallest."""
FEW_TICKS, MOST_TICKS, MANY_TICKS = 4, 5, 7
"""A vertical logarithmic axis has up to MANY_TICKS if MOST_TICKS leave it fewer than FEW_TICKS."""
_RANGE = 1e4
"""A logarithmic axis of percentages spans at most this factor: 99.9999 % and 100 % coincide."""

ROUND_STEPS = (1, 2, 2.5, 5, 10)
_EQUAL = 1e-9
"""Difference of scores, relative if they are large, up to which they are equal."""


class ScoreAxis:
    """An axis of scores, better ones higher or, for a loss, lower.

    Percentages are placed by their distance to 100 %, on a logarithmic scale if these differ much: otherwise
    99.5 and 99.7 coincide where another score is 92. A score without errors, which has no logarithm, is at
    the end of that scale.
    """

    def __init__(self, metric: Metric, values: Sequence[float | None]) -> None:
        self._metric = metric
        places = [place for place in map(self._raw, values) if not math.isnan(place)]
        constant = bool(places) and max(places) - min(places) <= _EQUAL * max(abs(places[0]), 1.0)
        self._only = places[0] if constant else None
        positive = [place for place in places if place > 0]
        self._log = bool(
            positive and (metric.percent or metric is LOSS) and max(positive) > WIDE * min(positive)
        )
        self._lowest, self._clips = -math.inf, False
        if self._log:
            self._lowest = min(positive) / 2
            if metric.percent:
                self._lowest = max(self._lowest, max(positive) / _RANGE)
            self._clips = min(places) < self._lowest

    @property
    def title(self) -> str:
        """The label of the axis."""
        title = self._metric.title + (", %" if self._metric.percent else "")
        return title + (" (log of errors)" if self._log and self._metric.percent else "")

    def place(self, value: float | None) -> float:
        """Return the position of a score, NaN for None."""
        return max(self._raw(value), self._lowest)

    def places(self, values: Sequence[float | None]) -> list[float]:
        """Return the position of each score."""
        return [self.place(value) for value in values]

    def _raw(self, value: float | None) -> float:
        if value is None:
            return math.nan
        return 100 * (1 - value) if self._metric.percent else value

    def apply(self, axes: "Axes", *, horizontal: bool = False, title: str | None = None) -> None:
        """Set scale, ticks and label of the vertical or the horizontal axis, after everything is drawn."""
        axis = axes.xaxis if horizontal else axes.yaxis
        if self._log:
            axes.set(**{f"{'x' if horizontal else 'y'}scale": "log"})
            axis.minorticks_off()
        low, high = sorted(axes.get_xlim() if horizontal else axes.get_ylim())
        if self._only is not None:
            # One tick: the text of others would be the same.
            margin = abs(self._only) / 20 or 1.0
            axis.set_view_interval(self._only - margin, self._only + margin)
            ticks = [self._only]
        elif self._log:
            ticks = self._log_ticks(low, high, MOST_TICKS if horizontal else MANY_TICKS)
        else:
            ticks = _even_ticks(low, high)
        axis.set_ticks(ticks, self._texts(ticks))
        axis.set_inverted(self._metric.percent)
        axis.set_label_text(self.title if title is None else title)

    def _log_ticks(self, low: float, high: float, most: int) -> list[float]:
        """Return few round positions from `low` to `high`, and the end of the scale if scores are there."""
        inside = _decade_ticks(low, high, MOST_TICKS)
        if len(inside) < FEW_TICKS:
            inside = _decade_ticks(low, high, most)
        if not self._clips:
            return inside
        # A label needs a twelfth of the axis.
        nearest = self._lowest * (high / low) ** (1 / 12)
        return [self._lowest, *(tick for tick in inside if tick > nearest)]

    def _texts(self, ticks: Sequence[float]) -> list[str]:
        if not self._log:
            most = 8 if self._only is None else 3 if self._metric.percent else 5
            decimals = next((n for n in range(most) if all(abs(t - round(t, n)) < 1e-9 for t in ticks)), most)
            return [f"{self._shown(tick):.{decimals}f}" for tick in ticks]
        return [
            f"{self._shown(0 if tick == self._lowest else tick):.7f}".rstrip("0").rstrip(".")
            for tick in ticks
        ]

    def _shown(self, place: float) -> float:
        return 100 - place if self._metric.percent else place


def _decade_ticks(low: float, high: float, most: int) -> list[float]:
    """Return round positions from `low` to `high`, at most `most`: up to three in each decade."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    inside: list[float] = []
    for digits, step in (((1, 2, 5), 1), ((1, 5), 1), ((1,), 1), ((1,), 2), ((1,), 3)):
        ticks = [digit * 10.0**decade for decade in decades[::-step] for digit in digits]
        inside = sorted(tick for tick in ticks if low <= tick <= high)
        if len(inside) <= most:
            break
    return inside


def _even_ticks(low: float, high: float) -> list[float]:
    from matplotlib.ticker import MaxNLocator

    ticks = MaxNLocator(MOST_TICKS, steps=ROUND_STEPS).tick_values(low, high)
    return [float(tick) for tick in ticks if low <= tick <= high]
