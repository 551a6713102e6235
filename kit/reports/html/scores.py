"""Scores on pages: score against training time, pairwise comparisons."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kit.metrics import LOSS, Metric
from kit.plotting import Mark
from kit.records import Pair, Score
from kit.reports.formatting import duration, p_number, signed_duration
from kit.reports.html.axis import ScoreAxis
from kit.reports.html.svg import Plot, draw, legend
from kit.reports.html.tables import Table
from kit.reports.html.text import short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAME = 28
"""Characters of a name in a legend of two columns."""
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


def time_plot(timed: Sequence[TimedScore], metric: Metric, marks: Mapping[str, Mark]) -> Plot:
    """Return the plot of scores, with their intervals, against training time.

    Args:
        timed: the scores.
        metric: of the scores.
        marks: by name.
    """
    ordered = sorted(timed, key=lambda one: one.score.rank(metric))
    axis = ScoreAxis(metric, [end for one in ordered for end in one.score.interval])

    def paint(axes: "Axes") -> None:
        for one in ordered:
            color, marker = marks[one.name]
            low, high = axis.places(one.score.interval)
            axes.vlines(one.seconds, low, high, color=color, linewidth=1.5)
            place, label = axis.place(one.score.value), short(one.name, NAME)
            axes.plot(one.seconds, place, marker, color=color, label=label, linestyle="")
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
    return draw("Score against training time", text, paint, note="Bars: 95 % interval.")


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
            *(("Δ log loss",) if metric is not LOSS else ()),
            "Δ time",
        ),
        [
            (
                f"{one.b} against {one.a}",
                one.verdict,
                metric.format_difference(one.difference),
                " to ".join(map(metric.format_difference, one.interval)),
                p_number(one.p_corrected),
                f"{one.gained:,}",
                f"{one.lost:,}",
                *((LOSS.format_difference(one.loss_difference),) if metric is not LOSS else ()),
                signed_duration(one.seconds_difference),
            )
            for one in pairs
        ],
    )
