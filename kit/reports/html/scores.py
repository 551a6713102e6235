"""Scores on pages: score against training time, pairwise comparisons."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kit.metrics import LOSS, Metric
from kit.records import Pair, Score
from kit.reports.formatting import duration, p_value
from kit.reports.html.axis import ScoreAxis
from kit.reports.html.svg import MARKERS, SERIES, Plot, draw, legend
from kit.reports.html.tables import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TICKS = (
    0.1,
    0.2,
    0.5,
    1,
    2,
    5,
    10,
    20,
    *(60 * n for n in (1, 2, 5, 10, 20)),
    *(3600 * n for n in (1, 2, 5, 10, 24)),
)
_FINE_TICKS = tuple(
    unit * n for unit in (1, 60, 3600) for n in (1, 1.5, 2, 3, 4, 5, 7, 10, 12, 15, 20, 25, 30, 40, 50)
)
"""Both in seconds."""


@dataclass(frozen=True)
class TimedScore:
    """Score of something that was trained, and its training time in seconds."""

    name: str
    score: Score
    seconds: float


def by_score(timed: Sequence[TimedScore], metric: Metric) -> list[TimedScore]:
    """Return the best first; those without a score last."""
    return sorted(
        timed, key=lambda one: math.inf if one.score.value is None else metric.loss(one.score.value)
    )


def time_plot(timed: Sequence[TimedScore], metric: Metric) -> Plot:
    """Return the plot of scores, with their intervals, against training time."""
    ordered = by_score(timed, metric)
    axis = ScoreAxis(metric, [end for one in ordered for end in one.score.interval])

    def paint(axes: "Axes") -> None:
        for index, one in enumerate(ordered):
            place, color = axis.place(one.score.value), SERIES[index % len(SERIES)]
            low, high = axis.places(one.score.interval)
            axes.vlines(one.seconds, low, high, color=color, linewidth=1.5)
            axes.plot(
                one.seconds, place, MARKERS[index % len(MARKERS)], color=color, label=one.name, linestyle=""
            )
        axes.set_xscale("log")
        axes.set_xlabel("training time (logarithmic)")
        _time_ticks(axes, [one.seconds for one in ordered])
        axis.apply(axes)
        legend(axes)

    best, quickest = ordered[0], min(ordered, key=lambda one: one.seconds)
    text = (
        f"{best.name} has the best score, {metric.format(best.score.value)}{metric.unit}, in "
        f"{duration(best.seconds)}; {quickest.name} is the quickest, {metric.format(quickest.score.value)}"
        f"{metric.unit} in {duration(quickest.seconds)}."
    )
    height = 2.6 + 0.2 * math.ceil(len(ordered) / 2)
    return draw("Score against training time", text, paint, size=(4.3, height), note="Bars: 95 % interval.")


def _time_ticks(axes: "Axes", seconds: Sequence[float]) -> None:
    """Label a logarithmic axis of seconds at round times."""
    low, high = min(seconds) / 1.5, max(seconds) * 1.5
    axes.set_xlim(low, high)
    coarse, fine = ([tick for tick in ticks if low <= tick <= high] for ticks in (_TICKS, _FINE_TICKS))
    inside = coarse if len(coarse) > 2 else fine
    # About five labels fit.
    ticks = inside[:: math.ceil(len(inside) / 5) or 1] or [seconds[0]]
    axes.set_xticks(ticks, [_round_time(tick) for tick in ticks])
    axes.minorticks_off()


def _round_time(seconds: float) -> str:
    return duration(seconds).removesuffix(" 00s").removesuffix(" 00m").replace(".0 s", " s")


def better_first(pairs: Sequence[Pair], metric: Metric) -> list[Pair]:
    """Return each pair with the better score as `b`, which a table names first."""
    return [_swapped(one) if _is_worse(one, metric) else one for one in pairs]


def _is_worse(pair: Pair, metric: Metric) -> bool:
    """Return whether `b` has the worse score; equal ones by log loss."""
    change = (pair.difference or 0.0) * (1 if metric.greater_is_better else -1)
    return change < 0 or (change == 0 and pair.loss_difference > 0)


def _swapped(pair: Pair) -> Pair:
    """Return the same pair as `a` compared with `b`."""
    # 0.0 - x, because -x of 0.0 would be shown as -0.000.
    opposite = {"better": "worse", "worse": "better"}
    seconds = pair.seconds_difference
    return pair.model_copy(
        update={
            "a": pair.b,
            "b": pair.a,
            "verdict": opposite.get(pair.verdict, pair.verdict),
            "difference": None if pair.difference is None else 0.0 - pair.difference,
            "interval": (0.0 - pair.interval[1], 0.0 - pair.interval[0]),
            "gained": pair.lost,
            "lost": pair.gained,
            "loss_difference": 0.0 - pair.loss_difference,
            "loss_interval": (0.0 - pair.loss_interval[1], 0.0 - pair.loss_interval[0]),
            "seconds_difference": None if seconds is None else 0.0 - seconds,
        }
    )


def pairs_table(pairs: Sequence[Pair], metric: Metric) -> Table:
    """Return the verdict on each pair, with the figures behind it."""
    return Table(
        "Pairs on the same rows. Verdicts and p hold for all pairs together (Holm).",
        (
            "Pair",
            "Verdict",
            f"Δ {metric.title}{', points' * metric.percent}",
            "95 % interval",
            "p",
            "Gained",
            "Lost",
            "Δ log loss",
            "Δ time",
        ),
        [
            (
                f"{one.b} against {one.a}",
                one.verdict,
                metric.format_difference(one.difference),
                " to ".join(map(metric.format_difference, one.interval)),
                p_value(one.p_corrected).removeprefix("p ").removeprefix("= "),
                f"{one.gained:,}",
                f"{one.lost:,}",
                LOSS.format_difference(one.loss_difference),
                _signed_duration(one.seconds_difference),
            )
            for one in pairs
        ],
    )


def _signed_duration(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return f"{'+' if seconds >= 0 else '-'}{duration(abs(seconds))}"
