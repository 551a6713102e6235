"""Plots of a study, as SVG.

Optuna's own plots change matplotlib's global state, and long names and choices overlap in them.
"""

import math
from dataclasses import dataclass
from io import BytesIO
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from kit.plotting import figure
from kit.records import StudyReport
from kit.reports.study.drawing import (
    BASELINE,
    BEST,
    OTHER,
    PRUNED,
    TEXT_BOX,
    USUAL,
    NothingToDrawError,
    Scale,
    StudyView,
    draw_key,
    scatter,
    shown,
)
from kit.reports.study.figures import finite_loss
from kit.reports.study.wording import confidence, short_names

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure
    from optuna import Study

WIDTH = 9.0
"""Inches."""
KINDS = {"trial": USUAL, "best": BEST, "baseline": BASELINE}


@dataclass(frozen=True)
class Plot:
    """A plot, or the reason why there is none.

    Attributes:
        title, text: heading, and how to read it.
        svg: the image; None if it cannot be drawn.
        missing: the reason.
    """

    title: str
    text: str
    svg: bytes | None
    missing: str | None = None


def draw_plots(study: "Study", report: StudyReport) -> list[Plot]:
    """Draw all plots.

    Args:
        study: holds the trials.
        report: the figures.
    """
    view = StudyView(study, report)
    return [_drawn(draw, view, title, text.format(loss=view.loss)) for draw, title, text in PLOTS]


def _drawn(draw: "Callable[[Figure, StudyView], None]", view: StudyView, title: str, text: str) -> Plot:
    file = BytesIO()
    try:
        with figure(figsize=(WIDTH, 4), layout="constrained") as drawing:
            draw(drawing, view)
            drawing.savefig(file, format="svg", metadata={"Date": None})
    except NothingToDrawError as error:
        return Plot(title, text, None, str(error))
    return Plot(title, text, file.getvalue())


def _confirmation(figure: "Figure", view: StudyView) -> None:
    confirmed = view.report.confirmation
    comparisons = [one for one in confirmed.comparisons if one.mean is not None] if confirmed else []
    if not confirmed or not comparisons:
        raise NothingToDrawError("no trial was trained again")
    figure.set_figheight(1.2 + 0.5 * len(comparisons))
    axes = figure.add_subplot()
    for position, one in enumerate(comparisons):
        pairs = zip(confirmed.baseline_losses, one.losses, strict=True)
        gains = [base - own for base, own in pairs if base is not None and own is not None]
        color = BEST if one.better else USUAL
        axes.plot(gains, [position + 0.25] * len(gains), ".", color=color, alpha=0.6)
        low, mean, high = (-edge for edge in (one.high, one.mean, one.low) if edge is not None)
        axes.plot([low, high], [position, position], color=color, linewidth=2)
        axes.plot([mean], [position], "D", color=color)
    axes.axvline(0, color="0.3", linewidth=1)
    axes.set_yticks(range(len(comparisons)), [f"trial {one.trial}" for one in comparisons])
    axes.set_ylim(len(comparisons) - 0.5, -0.5)
    axes.set_xlabel(f"gain in {view.loss}, with its {confidence(confirmed)} interval")
    axes.grid(alpha=0.3, axis="x")


def _history(figure: "Figure", view: StudyView) -> None:
    from matplotlib.ticker import MaxNLocator

    axes = figure.add_subplot()
    scatter(axes, view, view.complete, [one.number for one in view.complete])
    best = [min(view.ceiling, value) for value in accumulate(view.values, min)]
    axes.step([one.number for one in view.complete], best, where="post", color=BEST, alpha=0.6)
    baselines = [one.values[0] for one in view.complete if "baseline" in one.user_attrs]
    if baselines and baselines[0] <= view.ceiling:
        axes.axhline(baselines[0], color=BASELINE, linestyle="--", linewidth=1)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("trial")
    axes.set_ylabel(view.loss)
    draw_key(figure, KINDS)


def _importance(figure: "Figure", view: StudyView) -> None:
    found = {key: part for key, part in view.report.importance.items() if part is not None}
    if view.report.importance_missing or not found:
        raise NothingToDrawError(view.report.importance_missing or "there are no parameters")
    names = short_names(view.report.importance)[1]
    figure.set_figheight(1 + 0.3 * len(found))
    axes = figure.add_subplot()
    bars = axes.barh([names[key] for key in found], list(found.values()), color=USUAL)
    axes.bar_label(bars, [f"{part:.0%}" for part in found.values()], padding=3)
    axes.set_ylim(len(found) - 0.4, -0.6)
    axes.set_xlim(0, 1.1 * max(found.values()))
    axes.xaxis.set_major_formatter("{x:.0%}")
    axes.set_xlabel("importance")


def _slices(figure: "Figure", view: StudyView) -> None:
    names, columns = view.names, 3
    rows = math.ceil(len(names) / columns)
    figure.set_figheight(0.7 + 2.4 * rows)
    grid = list(figure.subplots(rows, columns, sharey=True, squeeze=False).flat)
    for axes, key in zip(grid, names, strict=False):
        whole, lost = ([one for one in some if key in one.params] for some in (view.complete, view.pruned))
        scale = Scale(key, whole[0])
        scatter(axes, view, whole, [scale.position(one) for one in whole])
        tried = [scale.position(one) for one in lost]
        axes.plot(tried, [view.ceiling] * len(tried), "x", color=OTHER, markersize=5)
        axes.set_title(shown(names[key], 40), fontsize=9)
        axes.set_xticks(scale.positions, scale.texts, fontsize=7)
        if len(scale.positions) > 4:
            axes.tick_params(axis="x", labelrotation=90)
        axes.set_xlim(-0.12, 1.12)
        axes.tick_params(axis="y", labelsize=8)
    for axes in grid[len(names) :]:
        axes.axis("off")
    figure.supylabel(view.loss, fontsize=9)
    draw_key(figure, KINDS | {"pruned": OTHER})


def _parallel(figure: "Figure", view: StudyView) -> None:
    from matplotlib import colormaps

    names, low, high = view.names, min(view.values), view.ceiling
    if len(view.values) < 2:
        raise NothingToDrawError("it needs two complete trials")
    figure.set_figheight(1.2 + 0.62 * len(names))
    axes = figure.add_subplot()
    scales = {key: Scale(key, next(one for one in view.complete if key in one.params)) for key in names}
    for one in sorted(view.complete, key=lambda one: -one.values[0]):
        bad = min(1.0, (one.values[0] - low) / (high - low)) if high > low else 0.0
        points = [(bad, 0)]
        points += [(scales[key].position(one), row) for row, key in enumerate(names, 1) if key in one.params]
        color, usual = view.color(one), view.color(one) == USUAL
        axes.plot(
            *zip(*points, strict=True),
            color=colormaps["Blues"](1 - 0.8 * bad) if usual else color,
            linewidth=1.2 if usual else 2.2,
            zorder=2 if usual else 3,
        )
    worst = f"{high:.5f}" + " or more" * (max(view.values) > high)
    rows = [
        ([0.0, 1.0], [f"{low:.5f}", worst]),
        *((scale.positions, scale.texts) for scale in scales.values()),
    ]
    for row, (positions, texts) in enumerate(rows):
        axes.plot([0, 1], [row, row], color="0.75", linewidth=1, zorder=1)
        axes.plot(positions, [row] * len(positions), "|", color="0.4", zorder=1)
        for position, text in zip(positions, texts, strict=True):
            one_line = text.replace("\n", "")
            axes.text(
                position, row + 0.14, one_line, ha="center", va="top", fontsize=7, bbox=TEXT_BOX, zorder=4
            )
    axes.set_yticks(range(len(rows)), [view.loss, *(shown(name, 40) for name in names.values())], fontsize=9)
    axes.set_xlim(-0.1, 1.1)
    axes.set_ylim(len(names) + 0.6, -0.3)
    axes.xaxis.set_visible(False)
    axes.spines[:].set_visible(False)
    axes.tick_params(axis="y", length=0)
    draw_key(figure, KINDS)


def _intermediate(figure: "Figure", view: StudyView) -> None:
    from matplotlib.ticker import LogLocator, NullLocator

    curves = [
        (one, points)
        for one in view.trials
        if (points := sorted(item for item in one.intermediate_values.items() if math.isfinite(item[1])))
    ]
    if not curves:
        raise NothingToDrawError("no trial reported any")
    axes = figure.add_subplot()
    for one, points in curves:
        whole = finite_loss(one) is not None
        color = view.color(one) if whole else PRUNED if one.state.name == "PRUNED" else OTHER
        marked = color in {BEST, BASELINE}
        style: dict[str, Any] = {"color": color, "alpha": 1 if marked else 0.5, "zorder": 2 + marked}
        axes.plot(*zip(*points, strict=True), linewidth=1 + marked, **style)
        axes.plot(*points[-1], "." if whole else "x", **style)
    losses = [value for _, points in curves for _, value in points]
    if min(losses) > 0 and max(losses) > 10 * min(losses):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("step")
    axes.set_ylabel(view.loss)
    axes.grid(alpha=0.3)
    draw_key(figure, KINDS | {"pruned": PRUNED, "failed or running": OTHER})


PLOTS = (
    (
        _confirmation,
        "Gains in the confirmation",
        "Gain over the baseline in each replicate (a seed and a fold), its mean and its corrected interval. "
        "A trial is better if the whole interval is above zero.",
    ),
    (
        _history,
        "Optimization history",
        "Loss ({loss}) of each complete trial, and the best so far. Triangles at the top are far worse.",
    ),
    (
        _importance,
        "Parameter importances",
        "Share of the variance of the loss ({loss}) that a parameter alone explains (functional ANOVA). A "
        "rough estimate: with few trials it changes from study to study.",
    ),
    (
        _slices,
        "Slices",
        "Loss ({loss}) against each parameter. Triangles at the upper edge are far worse; crosses there are "
        "values of pruned trials.",
    ),
    (
        _parallel,
        "Parallel coordinates",
        "One line per trial, from its loss ({loss}) down through its parameters; darker is better. A line "
        "skips parameters that its trial lacks.",
    ),
    (
        _intermediate,
        "Intermediate values",
        "Losses that trials reported by step: percent of a fold, continued over the folds, or folds if the "
        "pruner compares folds.",
    ),
)
"""How to draw each plot, its title, and how to read it; {loss} is what the study minimises."""
