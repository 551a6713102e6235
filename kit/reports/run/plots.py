"""Plots of the page of a run."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kit.metrics import HITS, LOSS, Metric
from kit.records import Growth, MemberReport, Reliability, TestPredictions
from kit.reports.html.scores import ScoreAxis
from kit.reports.html.svg import SERIES, SOFT, Plot, draw, legend

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Values = Sequence[float | None]
TRAIN, HELD_OUT = SERIES[1], SERIES[0]


def curves(model: str, members: Sequence[MemberReport], metric: Metric) -> list[Plot]:
    """Return loss and score per epoch of a model's members; empty without epochs."""
    epochs = [one.epochs for one in members if one.epochs.loss]
    if not epochs:
        return []
    loss = _curves(
        f"{model}: log loss",
        [one.loss for one in epochs],
        [one.val_loss for one in epochs],
        LOSS,
        "Training loss includes the L2 penalty and is taken on augmented images: it may be above the other.",
    )
    # The training curve is an accuracy, whatever the metric.
    train = [one.accuracy for one in epochs] if metric is HITS else []
    score = _curves(
        f"{model}: {metric.title}",
        train,
        [one.val_score for one in epochs],
        metric,
        "Training figures are taken on augmented images." if train else "",
    )
    return [plot for plot in (loss, score if metric is not LOSS else None) if plot]


def _curves(
    title: str, train: Sequence[Values], held_out: Sequence[Values], metric: Metric, note: str
) -> Plot | None:
    held_out = [one for one in held_out if any(value is not None for value in one)]
    if not held_out and not train:
        return None
    axis = ScoreAxis(metric, [value for one in (*train, *held_out) for value in one])

    def paint(axes: "Axes") -> None:
        from matplotlib.ticker import MaxNLocator

        for values, color, style, label in (
            (train, TRAIN, (0, (4, 2)), "training"),
            (held_out, HELD_OUT, "-", "held out"),
        ):
            for index, one in enumerate(values):
                axes.plot(
                    range(1, len(one) + 1),
                    axis.places(one),
                    color=color,
                    linestyle=style,
                    linewidth=1.2,
                    alpha=0.75,
                    marker="o" if len(one) == 1 else None,
                    label=label if index == 0 else None,
                )
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.apply(axes)
        legend(axes)

    ends = []
    for name, values in (("held-out", held_out), ("training", train)):
        first, last = _mean_at(values, 0), _mean_at(values, -1)
        if first is not None and last is not None:
            ends.append(f"{name} from {metric.format(first)} to {metric.format(last)}{metric.unit}")
    members = max(len(train), len(held_out))
    text = f"Mean over {members} members, from the first to the last epoch: {'; '.join(ends)}."
    return draw(title, text, paint, note=note)


def _mean_at(curves_: Sequence[Values], epoch: int) -> float | None:
    values = [one[epoch] for one in curves_ if one]
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


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
            color=SERIES[0],
            alpha=0.2,
            linewidth=0,
        )
        medians = axis.places([one.median for one in points])
        axes.plot(counts, medians, "o-", color=SERIES[0], markersize=4, label="median, 5 to 95 % of subsets")
        if ahead:
            # From the last point on.
            later = [points[-1].members, *(one.members for one in ahead)]
            start = points[-1].median
            low = axis.places([start, *(one.low for one in ahead)])
            high = axis.places([start, *(one.high for one in ahead)])
            axes.fill_between(later, low, high, facecolor=SERIES[1], alpha=0.15, linewidth=0)
            middle = axis.places([start, *(one.value for one in ahead)])
            axes.plot(later, middle, "--", color=SERIES[1], label="forecast, 90 % band")
            axes.plot(later[1:], middle[1:], "s", color=SERIES[1], markersize=4)
        axes.set_xlabel("members that predict a row")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.apply(axes)
        legend(axes)

    first, last = points[0], points[-1]
    text = (
        f"The median {metric.title} is {metric.format(first.median)}{metric.unit} with {first.members} "
        f"members and {metric.format(last.median)}{metric.unit} with {last.members}."
    )
    if ahead:
        end = ahead[-1]
        text += (
            f" The forecast for {end.members} members is {metric.format(end.value)}{metric.unit} "
            f"({metric.format_interval((end.low, end.high))})."
        )
    return draw("Score against members averaged", text, paint)


def reliability(given: Reliability) -> list[Plot]:
    """Return accuracy against confidence, and their difference."""
    bins = given.bins
    confidences = [100 * one.confidence for one in bins]
    accuracies = [100 * one.accuracy for one in bins]
    lows, highs = ([100 * one.interval[side] for one in bins] for side in (0, 1))
    # Without the upper ends, which are 100 %: the scale ends near the best of the others.
    axis = ScoreAxis(
        HITS, [value for one in bins for value in (one.confidence, one.accuracy, one.interval[0])]
    )

    def diagram(axes: "Axes") -> None:
        places = axis.places([one.confidence for one in bins])
        low, high = (axis.places([one.interval[side] for one in bins]) for side in (0, 1))
        ends = (min(places + high), max(places + low))
        axes.plot(ends, ends, ":", color=SOFT, linewidth=1.2, label="perfect")
        axes.vlines(places, low, high, color=SERIES[0], linewidth=1.5, label="95 % interval")
        middle = axis.places([one.accuracy for one in bins])
        axes.plot(places, middle, "o", color=SERIES[0], markersize=4, label="accuracy")
        axis.apply(axes, horizontal=True, title=axis.title.replace("accuracy", "confidence"))
        axis.apply(axes)
        legend(axes)

    def gaps(axes: "Axes") -> None:
        places = range(1, len(bins) + 1)
        low, high = (
            [end - mean for end, mean in zip(ends, confidences, strict=True)] for ends in (lows, highs)
        )
        axes.axhline(0, color=SOFT, linestyle=":", linewidth=1.2)
        axes.fill_between(places, low, high, color=SERIES[0], alpha=0.2, linewidth=0)
        middle = [accuracy - mean for accuracy, mean in zip(accuracies, confidences, strict=True)]
        axes.plot(places, middle, "o-", color=SERIES[0], markersize=4)
        axes.set_xticks(
            list(places), [_short(mean) for mean in confidences], rotation=45 if len(bins) > 6 else 0
        )
        axes.set_xlabel("mean confidence of the rows, %")
        axes.set_ylabel("difference, points")

    furthest = max(bins, key=lambda one: abs(one.accuracy - one.confidence))
    outside = sum(not one.interval[0] <= one.confidence <= one.interval[1] for one in bins)
    text = (
        f"Confidence is outside the interval of the accuracy in {outside} of {len(bins)} groups; the largest "
        f"difference is at confidence {100 * furthest.confidence:.1f} %, with accuracy "
        f"{100 * furthest.accuracy:.1f} %."
    )
    return [
        draw("Reliability diagram", text, diagram),
        draw("Accuracy minus confidence", text, gaps, note="Band: 95 % interval. Below 0: too confident."),
    ]


def _short(value: float) -> str:
    # 99.9998 must not be shown as 100.
    return f"{value:.1f}" if value < 99.9 else f"{math.floor(value * 1000) / 1000:.3f}"


def classes(given: TestPredictions, labels: Sequence[str]) -> Plot:
    """Return the shares of predicted classes and the intervals where they are expected."""
    shares = given.classes
    outside = [labels[one.label] for one in shares if not _inside(one.test_share, one.test_interval)]

    def paint(axes: "Axes") -> None:
        places = range(len(shares))
        low, high = ([100 * one.test_interval[side] for one in shares] for side in (0, 1))
        axes.vlines(
            places, low, high, color=SERIES[0], linewidth=5, alpha=0.4, label="expected from training, 95 %"
        )
        axes.plot(
            places,
            [100 * one.test_share for one in shares],
            "D",
            color=SERIES[1],
            markersize=4,
            label="test predictions",
        )
        names = [labels[one.label] for one in shares]
        long = len(names) > 12 or max(map(len, names)) > 4
        # About 40 names fit.
        step = math.ceil(len(names) / 40)
        axes.set_xticks(places[::step], [name[:12] for name in names[::step]], rotation=90 if long else 0)
        axes.set_ylabel("share of rows, %")
        axes.set_xlabel("class")
        axes.grid(visible=False, axis="x")
        legend(axes)

    found = f"outside for {', '.join(outside[:5])}" if outside else "inside for all classes"
    text = (
        f"Share of each class in the test predictions against the interval expected from training: {found}."
    )
    return draw("Predicted classes in the test rows", text, paint)


def _inside(value: float, interval: tuple[float, float]) -> bool:
    return interval[0] <= value <= interval[1]
