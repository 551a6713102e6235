"""Plots of a comparison."""

from typing import TYPE_CHECKING

from kit.metrics import METRICS
from kit.plotting import SOFT, marks
from kit.records import RunComparison
from kit.reports.compare.wording import pair_of, ranking
from kit.reports.html.axis import ROUND_STEPS
from kit.reports.html.scores import TimedScore, time_plot
from kit.reports.html.svg import Plot, draw, letters
from kit.reports.html.text import short

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_plots(comparison: RunComparison) -> list[Plot]:
    """Return the plots: differences from a reference run, and scores against training time if it is known.

    A run that is compared with itself has none.
    """
    if len({one.run for one in comparison.contenders}) < len(comparison.contenders):
        return []
    plots, own = [difference_plot(comparison)], marks([one.run for one in comparison.contenders])
    timed = [TimedScore(one.run, one.score, one.training_seconds) for one in comparison.contenders]
    if all(one.seconds > 0 for one in timed):
        plots.append(time_plot(timed, METRICS[comparison.metric], own))
    return plots


def difference_plot(comparison: RunComparison) -> Plot:
    """Return the plot of paired differences: from the first of two runs, from the best of several."""
    metric = METRICS[comparison.metric]
    reference, *others = [0, 1] if len(comparison.contenders) == 2 else ranking(comparison)
    pairs = [pair_of(comparison, reference, other) for other in others]
    scale = 100 if metric.percent else 1
    name = comparison.contenders[reference].run
    own = marks([one.run for one in comparison.contenders])

    def paint(axes: "Axes") -> None:
        from matplotlib.ticker import MaxNLocator

        axes.axvline(0, color=SOFT, linewidth=1.2, linestyle=":")
        for place, pair in enumerate(pairs):
            color, marker = own[pair.b]
            axes.hlines(place, scale * pair.interval[0], scale * pair.interval[1], color=color, linewidth=2)
            if pair.difference is not None:
                axes.plot(scale * pair.difference, place, marker, color=color)
        room = letters(axes.figure, 0.4)
        axes.set_yticks(range(len(pairs)), [short(pair.b, room) for pair in pairs])
        axes.set_ylim(len(pairs) - 0.4, -0.6)
        axes.xaxis.set_major_locator(MaxNLocator(4, steps=ROUND_STEPS))
        axes.set_xlabel(f"difference in {metric.title}{', points' * metric.percent}")

    ends = "; ".join(
        f"{pair.b} {metric.format_difference(pair.difference)}, "
        f"{' to '.join(map(metric.format_difference, pair.interval))}"
        for pair in pairs
    )
    title = f"Difference from {name}"
    better = "positive" if metric.greater_is_better else "negative"
    note = f"On the same rows; {better} is better. Bars: 95 % interval."
    return draw(title, f"{ends}.", paint, note=note, height=1.2 + 0.3 * len(pairs))
