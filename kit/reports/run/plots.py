"""Plots of the page of a run."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from kit.metrics import HITS, Metric
from kit.plotting import BACKGROUND, PLAIN, SOFT, Mark
from kit.records import Growth, Reliability, Report, TestPredictions
from kit.reports.formatting import percent
from kit.reports.html.axis import ScoreAxis
from kit.reports.html.svg import Plot, draw, legend, letters
from kit.reports.html.text import counted, first_few, short
from kit.reports.run.score_tables import ENSEMBLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def models(report: Report, names: Sequence[str], metric: Metric, marks: Mapping[str, Mark]) -> Plot:
    """Return the plot of the score of each model, of its members, and of the ensemble.

    Args:
        report: the figures.
        names: of the models, the best first.
        metric: of the competition.
        marks: by model, and by ENSEMBLE.
    """
    scores = {ENSEMBLE: report.oof} | {one.model: one.score for one in report.models if one.model in names}
    rows = [ENSEMBLE, *names]
    members = {
        name: [one.score.value for one in report.members if one.model == name and one.score] for name in rows
    }
    ends = [end for one in scores.values() for end in one.interval]
    axis = ScoreAxis(metric, [*ends, *(value for own in members.values() for value in own)])

    def paint(axes: "Axes") -> None:
        for place, name in enumerate(rows):
            color, marker = marks[name]
            axes.plot(axis.places(members[name]), [place] * len(members[name]), "|", color=color)
            low, high = axis.places(scores[name].interval)
            axes.hlines(place, low, high, color=color, linewidth=1.5)
            axes.plot(axis.place(scores[name].value), place, marker, color=color)
        axes.set_yticks(range(len(rows)), [short(name, letters(axes.figure, 0.35)) for name in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axis.apply(axes, horizontal=True)

    text = "; ".join(f"{name} {metric.format(scores[name].value)}{metric.unit}" for name in rows)
    note = "Lines: 95 % interval. Strokes: members, each on its held-out rows."
    return draw("Models and their members", f"{text}.", paint, note=note, height=1.1 + 0.25 * len(rows))


def growth(given: Growth, metric: Metric) -> Plot:
    """Return the plot of score against members, with the forecast."""
    points, ahead = given.points, given.forecast
    bands = [(one.low, one.high) for one in points] + [(one.low, one.high) for one in ahead]
    axis = ScoreAxis(metric, [end for band in bands for end in band])

    def paint(axes: "Axes") -> None:
        from matplotlib.ticker import MaxNLocator

        counts = [one.members for one in points]
        axes.fill_between(
            counts,
            axis.places([one.low for one in points]),
            axis.places([one.high for one in points]),
            color=PLAIN,
            alpha=0.2,
            linewidth=0,
        )
        medians = axis.places([one.median for one in points])
        axes.plot(counts, medians, "o-", color=PLAIN, markersize=4, label="median, 5 to 95 % of subsets")
        if ahead:
            later = [one.members for one in ahead]
            middle = axis.places([one.value for one in ahead])
            low, high = (axis.places([getattr(one, end) for one in ahead]) for end in ("low", "high"))
            axes.plot([counts[-1], *later], [medians[-1], *middle], ":", color=PLAIN, linewidth=1.2)
            axes.vlines(later, low, high, color=PLAIN, linewidth=1.5)
            axes.plot(
                later,
                middle,
                "s",
                color=PLAIN,
                markerfacecolor=BACKGROUND,
                markersize=4,
                label="forecast, 90 % band",
            )
        axes.set_xlabel("members that predict a row")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axis.apply(axes)
        legend(axes)

    first, last = points[0], points[-1]
    text = (
        f"The median {metric.title} is {metric.format(first.median)}{metric.unit} with "
        f"{counted(first.members, 'member')} and {metric.format(last.median)}{metric.unit} with "
        f"{last.members:,}."
    )
    if ahead:
        end = ahead[-1]
        text += (
            f" The forecast for {counted(end.members, 'member')} is {metric.format(end.value)}{metric.unit} "
            f"({metric.format_interval((end.low, end.high))})."
        )
    return draw("Score against members averaged", text, paint)


def reliability(given: Reliability) -> list[Plot]:
    """Return accuracy against confidence, and their difference."""
    bins = given.bins
    # Without the upper ends, which are 100 %: the scale ends near the best of the others.
    axis = ScoreAxis(
        HITS, [value for one in bins for value in (one.confidence, one.accuracy, one.interval[0])]
    )

    def diagram(axes: "Axes") -> None:
        places = axis.places([one.confidence for one in bins])
        low, high = (axis.places([one.interval[side] for one in bins]) for side in (0, 1))
        ends = (min(places + high), max(places + low))
        axes.plot(ends, ends, ":", color=SOFT, linewidth=1.2, label="perfect")
        axes.vlines(places, low, high, color=PLAIN, linewidth=1.5, label="95 % interval")
        middle = axis.places([one.accuracy for one in bins])
        axes.plot(places, middle, "o", color=PLAIN, markersize=4, label="accuracy")
        axis.apply(axes, horizontal=True, title=axis.title.replace("accuracy", "confidence"))
        axis.apply(axes)
        legend(axes)

    def gaps(axes: "Axes") -> None:
        places = range(1, len(bins) + 1)
        low, high = ([100 * (one.interval[side] - one.confidence) for one in bins] for side in (0, 1))
        axes.axhline(0, color=SOFT, linestyle=":", linewidth=1.2)
        axes.vlines(places, low, high, color=PLAIN, linewidth=1.5)
        differences = [100 * (one.accuracy - one.confidence) for one in bins]
        axes.plot(places, differences, "o", color=PLAIN, markersize=4)
        axes.set_xticks(list(places))
        axes.set_xlabel("group of rows, by ascending confidence")
        axes.set_ylabel("difference, points")

    outside = sum(not one.interval[0] <= one.confidence <= one.interval[1] for one in bins)
    furthest = max(range(len(bins)), key=lambda index: abs(bins[index].accuracy - bins[index].confidence))
    far = bins[furthest]
    return [
        draw(
            "Reliability diagram",
            f"Confidence is outside the 95 % interval of the accuracy in {outside} of {len(bins)} "
            f"{'groups' if len(bins) != 1 else 'group'} of rows.",
            diagram,
        ),
        draw(
            "Accuracy minus confidence",
            f"The largest difference is {100 * (far.accuracy - far.confidence):+.3f} points, in group "
            f"{furthest + 1} of {len(bins)}, with confidence {percent(far.confidence)} % and accuracy "
            f"{percent(far.accuracy)} %.",
            gaps,
            note="Lines: 95 % interval. Below 0 the probabilities are too high: overconfident.",
        ),
    ]


def classes(given: TestPredictions, labels: Sequence[str]) -> Plot:
    """Return the shares of predicted classes and the intervals where they are expected."""
    shares = given.classes
    outside = [labels[one.label] for one in shares if not one.is_expected]

    def paint(axes: "Axes") -> None:
        places = range(len(shares))
        low, high = ([100 * one.test_interval[side] for one in shares] for side in (0, 1))
        axes.vlines(places, low, high, color=SOFT, linewidth=5, alpha=0.4, label="expected from OOF, 95 %")
        axes.plot(
            places,
            [100 * one.test_share for one in shares],
            "o",
            color=PLAIN,
            markersize=4,
            label="test predictions",
        )
        names = [labels[one.label] for one in shares]
        room = letters(axes.figure, 0.8)
        long = sum(map(len, names)) + 2 * len(names) > room
        # A name that is rotated takes the room of two letters.
        step = math.ceil(2 * len(names) / room)
        axes.set_xticks(
            places[::step], [short(name, 12) for name in names[::step]], rotation=90 if long else 0
        )
        axes.set_ylabel("share of rows, %")
        axes.set_xlabel("class")
        axes.grid(visible=False, axis="x")
        legend(axes)

    text = "The share of test predictions " + (
        f"is outside the range expected from the OOF predictions for {first_few(outside)}."
        if outside
        else "is within the range expected from the OOF predictions for every class."
    )
    return draw("Predicted classes in the test rows", text, paint)
