"""Plots of learning curves."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kit.metrics import HITS, LOSS, Metric
from kit.plotting import BACKGROUND
from kit.records import MemberReport
from kit.reports.html.axis import ScoreAxis
from kit.reports.html.svg import Plot, draw, legend
from kit.reports.html.text import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Values = Sequence[float | None]
WHILE = "while the network learns, on augmented images if the configuration augments them"


def curves(model: str, members: Sequence[MemberReport], metric: Metric, color: str) -> list[Plot]:
    """Return loss and score per epoch of a model's members; empty without epochs.

    Args:
        model: its name.
        members: of the model.
        metric: of the scores.
        color: of the model.
    """
    trained = [one for one in members if one.epochs.loss]
    epochs = [one.epochs for one in trained]
    if not epochs:
        return []
    loss = _draw(
        f"{model}: log loss",
        [one.loss for one in epochs],
        [one.val_loss for one in epochs],
        LOSS,
        color,
        note=f"The training loss is measured {WHILE}, and may include an L2 penalty: it may be above the "
        "held-out loss.",
    )
    if metric is LOSS:
        return [loss] if loss else []
    # The training curve is an accuracy, whatever the metric.
    train = [one.accuracy for one in epochs] if metric is HITS else []
    after = [one.train_score for one in trained if one.train_score is not None]
    notes = [f"Training curves are measured {WHILE}."] if train else []
    if after:
        notes.append("Squares: the finished network on its training rows, without augmentation.")
    score = _draw(
        f"{model}: {metric.title}",
        train,
        [one.val_score for one in epochs],
        metric,
        color,
        after=after,
        note=" ".join(notes),
    )
    return [plot for plot in (loss, score) if plot]


def _draw(
    title: str,
    train: Sequence[Values],
    held_out: Sequence[Values],
    metric: Metric,
    color: str,
    *,
    note: str,
    after: Sequence[float] = (),
) -> Plot | None:
    """Return the plot of the members' curves; `after` are their scores on training rows after training."""
    held_out = [one for one in held_out if any(value is not None for value in one)]
    if not held_out and not train:
        return None
    axis = ScoreAxis(metric, [value for one in (*train, *held_out, after) for value in one])
    last = max(len(one) for one in (*train, *held_out))

    def paint(axes: "Axes") -> None:
        from matplotlib.ticker import MaxNLocator

        for values, style, label in ((train, (0, (3, 1.5)), "training"), (held_out, "-", "held out")):
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
        if after:
            axes.plot(
                [last] * len(after),
                axis.places(after),
                "s",
                color=color,
                markerfacecolor=BACKGROUND,
                markersize=4,
                label="training, no augmentation",
            )
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axis.apply(axes)
        legend(axes)

    ends = []
    for name, values in (("held-out", held_out), ("training", train)):
        first, end = _mean_at(values, 0), _mean_at(values, -1)
        if first is not None and end is not None:
            start = f"from {metric.format(first)} to " if last > 1 else ""
            ends.append(f"{name} {start}{metric.format(end)}{metric.unit}")
    when = "from the first to the last epoch" if last > 1 else "after 1 epoch"
    members = counted(len(held_out) or len(train), "member")
    text = f"Mean over {members}, {when}: {'; '.join(ends)}."
    if (mean := _mean(after)) is not None:
        text += f" After training, on training rows without augmentation: {metric.format(mean)}{metric.unit}."
    return draw(title, text, paint, note=note)


def _mean_at(curves_: Sequence[Values], epoch: int) -> float | None:
    return _mean([one[epoch] for one in curves_ if one])


def _mean(values: Values) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
