"""Plots of the methods and the weights of an ensemble."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from kit.metrics import LOSS
from kit.plotting import BEST, CHOSEN, PLAIN, SOFT, Mark
from kit.records import Combination
from kit.reports.html.svg import Plot, draw, is_narrow, letters
from kit.reports.html.text import short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 25
"""Columns in the plot of weights."""
SMALLEST = 0.0005
"""Smallest weight that is not shown as 0."""


def methods(given: Combination) -> Plot:
    """Return the plot of each method's log loss compared with `mean`."""
    each = given.methods

    def paint(axes: "Axes") -> None:
        axes.axvline(0, color=SOFT, linestyle=":", linewidth=1.2)
        for place, one in enumerate(each):
            used = one is given.used
            color, marker = (BEST, CHOSEN) if used else (PLAIN, "o")
            axes.hlines(place, *one.over_mean.loss_interval, color=color, linewidth=1.5)
            axes.plot(one.over_mean.loss, place, marker, color=color, markersize=5 if used else 4)
        names = [one.method + " (used)" * (one is given.used) for one in each]
        axes.set_yticks(range(len(each)), names)
        axes.invert_yaxis()
        axes.set_xlabel("log loss minus that of mean")
        _plain(axes)

    lowest = min(each, key=lambda one: one.over_mean.loss)
    text = f"{lowest.method} has the lowest log loss, {LOSS.format(lowest.score.log_loss)}. " + (
        f"The ensemble uses {given.method}, with a difference of "
        f"{LOSS.format_difference(given.used.over_mean.loss)} to mean."
    )
    return draw(
        "Log loss of the methods compared with mean",
        text,
        paint,
        note="Lines: 95 % interval, paired by row. Left is better.",
    )


def weights(given: Combination, models: Mapping[str, Mark]) -> Plot | None:
    """Return the plot of the columns' weights; None if all are equal.

    Args:
        given: the ensemble.
        models: marks by model; a column is named after its model and its seed.
    """
    each = sorted(given.columns, key=lambda one: -one.weight)
    if each[0].weight - each[-1].weight < 1e-9:
        return None
    largest = sorted(each, key=lambda one: -abs(one.weight))[:MOST]
    shown = [one for one in each if one in largest and abs(one.weight) >= SMALLEST]

    def paint(axes: "Axes") -> None:
        colors = [models[one.column.rpartition("-s")[0]].color for one in shown]
        axes.barh(range(len(shown)), [one.weight for one in shown], color=colors, height=0.7)
        room = letters(axes.figure, 0.4)
        axes.set_yticks(range(len(shown)), [short(one.column, room) for one in shown])
        axes.set_ylim(len(shown) - 0.4, -0.6)
        axes.axvline(0, color=SOFT, linewidth=0.8)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel(f"weight in {given.method}")
        _plain(axes)

    first, last = each[0], each[-1]
    rest = f"{len(shown)} of {len(each)} weights; the others are smaller."
    return draw(
        "Weights of the columns",
        f"{first.column} has the largest weight, {first.weight:.3f}; {last.column} has the smallest, "
        f"{last.weight:z.3f}.",
        paint,
        height=0.9 + 0.22 * max(len(shown), 4),
        note=rest if len(shown) < len(each) else "",
    )


def _plain(axes: "Axes") -> None:
    """Label few ticks of the horizontal axis, without an offset or an exponent."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(3 if is_narrow(axes.figure) else 5))
    axes.ticklabel_format(axis="x", style="plain", useOffset=False)
