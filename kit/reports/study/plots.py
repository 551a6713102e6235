"""Plots of a study, as SVG.

Optuna's own plots change matplotlib's global state, and long names and choices overlap in them.
"""

import math
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from kit.plotting import BEST, LINE, PLAIN, SOFT
from kit.records import StudyReport
from kit.reports.html.svg import SMALLEST, Plot, draw_figure, is_narrow, letters
from kit.reports.study.confirmation_plot import draw_confirmation
from kit.reports.study.drawing import (
    BASELINE,
    KINDS,
    PRUNED,
    TEXT_BOX,
    TRIAL,
    UNFINISHED,
    NothingToDrawError,
    Scale,
    StudyView,
    draw_key,
    scatter,
    shown,
)
from kit.reports.study.figures import finite_loss
from kit.reports.study.wording import short_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure
    from optuna import Study

HEIGHT = 4.0
"""Inches."""


def draw_plots(study: "Study", report: StudyReport) -> list[Plot]:
    """Draw all plots; one that cannot be drawn has no drawing, and the reason as its note.

    Args:
        study: the trials.
        report: the figures.
    """
    view = StudyView(study, report)
    plots = []
    for draw, title, text in PLOTS:
        reading = text.format(loss=view.loss)
        try:
            plots.append(draw_figure(title, reading, partial(draw, view=view), note=reading, full=True))
        except NothingToDrawError as error:
            plots.append(Plot(title, reading, "", "", str(error)))
    return plots


def _history(figure: "Figure", view: StudyView) -> None:
    from matplotlib.ticker import MaxNLocator

    figure.set_figheight(HEIGHT)
    axes = figure.add_subplot()
    scatter(axes, view, view.complete, [one.number for one in view.complete])
    best = [min(view.ceiling, value) for value in accumulate(view.values, min)]
    axes.step([one.number for one in view.complete], best, where="post", color=BEST, alpha=0.6)
    baselines = [one.values[0] for one in view.complete if "baseline" in one.user_attrs]
    if baselines and baselines[0] <= view.ceiling:
        axes.axhline(baselines[0], color=BASELINE.color, linestyle="--", linewidth=1)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("trial")
    axes.set_ylabel(view.loss)
    draw_key(figure, view, KINDS)


def _importance(figure: "Figure", view: StudyView) -> None:
    found = {key: part for key, part in view.report.importance.items() if part is not None}
    if view.report.importance_missing or not found:
        raise NothingToDrawError(view.report.importance_missing or "there are no parameters")
    names = short_names(view.report.importance)[1]
    figure.set_figheight(1 + 0.3 * len(found))
    axes = figure.add_subplot()
    places, room = range(len(found)), letters(figure, 0.4)
    bars = axes.barh(places, list(found.values()), color=PLAIN)
    axes.set_yticks(places, [shown(names[key], room) for key in found])
    axes.grid(visible=False, axis="y")
    axes.bar_label(bars, [f"{part:.0%}" for part in found.values()], padding=3)
    axes.set_ylim(len(found) - 0.4, -0.6)
    axes.set_xlim(0, 1.1 * max(found.values()))
    axes.xaxis.set_major_formatter("{x:.0%}")
    axes.set_xlabel("importance")


def _slices(figure: "Figure", view: StudyView) -> None:
    names, columns = view.names, 1 if is_narrow(figure) else 3
    rows = math.ceil(len(names) / columns)
    figure.set_figheight(0.7 + 2.4 * rows)
    grid = list(figure.subplots(rows, columns, sharey=True, squeeze=False).flat)
    for axes, key in zip(grid, names, strict=False):
        whole, lost = ([one for one in some if key in one.params] for some in (view.complete, view.pruned))
        scale = Scale(key, whole[0])
        scatter(axes, view, whole, [scale.position(one) for one in whole])
        tried = [scale.position(one) for one in lost]
        axes.plot(tried, [view.ceiling] * len(tried), PRUNED.marker, color=PRUNED.color, markersize=5)
        axes.set_title(shown(names[key], 40), fontsize=9)
        axes.set_xticks(scale.positions, scale.texts, fontsize=SMALLEST)
        if len(scale.positions) > 4:
            axes.tick_params(axis="x", labelrotation=90)
        axes.set_xlim(-0.12, 1.12)
    for axes in grid[len(names) :]:
        axes.axis("off")
    figure.supylabel(view.loss, fontsize=9)
    draw_key(figure, view, [*KINDS, PRUNED])


def _parallel(figure: "Figure", view: StudyView) -> None:
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
        style = view.style(one)
        usual = style is TRIAL
        axes.plot(
            *zip(*points, strict=True),
            color=style.color,
            alpha=1 - 0.8 * bad if usual else 1,
            linewidth=1.2 if usual else 2.2,
            zorder=2 if usual else 3,
        )
    worst = f"{high:.5f}" + " or more" * (max(view.values) > high)
    rows = [
        (view.loss, [0.0, 1.0], [f"{low:.5f}", worst]),
        *((shown(names[key], 40), scale.positions, scale.texts) for key, scale in scales.items()),
    ]
    _draw_rows(figure, rows)
    axes.set_xlim(-0.1, 1.1)
    axes.set_ylim(len(names) + 0.6, -0.4)
    axes.grid(visible=False)
    axes.xaxis.set_visible(False)
    axes.spines[:].set_visible(False)
    axes.tick_params(axis="y", length=0)
    draw_key(figure, view, KINDS)


def _draw_rows(figure: "Figure", rows: "Sequence[tuple[str, Sequence[float], Sequence[str]]]") -> None:
    """Draw the horizontal axes of parameters: name, positions and texts of each."""
    [axes] = figure.axes
    for row, (name, positions, texts) in enumerate(rows):
        axes.plot([0, 1], [row, row], color=LINE, linewidth=1, zorder=1)
        axes.plot(positions, [row] * len(positions), "|", color=SOFT, zorder=1)
        # Few of many choices fit.
        step = math.ceil(sum(map(len, texts)) / letters(figure, 0.9 if is_narrow(figure) else 0.7))
        for position, text in list(zip(positions, texts, strict=True))[::step]:
            axes.text(
                position,
                row + 0.14,
                text.replace("\n", ""),
                ha="center",
                va="top",
                fontsize=SMALLEST,
                bbox=TEXT_BOX,
                zorder=4,
            )
        if is_narrow(figure):
            axes.text(-0.08, row - 0.08, name, weight="bold", ha="left", va="bottom", bbox=TEXT_BOX, zorder=4)
    names = ["" if is_narrow(figure) else name for name, _, _ in rows]
    axes.set_yticks(range(len(rows)), names, fontsize=9)


def _intermediate(figure: "Figure", view: StudyView) -> None:
    from matplotlib.ticker import LogLocator, NullLocator

    curves = [
        (one, points)
        for one in view.trials
        if (points := sorted(item for item in one.intermediate_values.items() if math.isfinite(item[1])))
    ]
    if all(len(points) < 2 for _, points in curves):
        raise NothingToDrawError("no trial reported more than one")
    figure.set_figheight(HEIGHT)
    axes = figure.add_subplot()
    for one, points in curves:
        style = view.style(one)
        marked = style in KINDS[1:]
        line: dict[str, Any] = {"color": style.color, "alpha": 1 if marked else 0.5, "zorder": 2 + marked}
        axes.plot(*zip(*points, strict=True), style.line, linewidth=1 + marked, **line)
        axes.plot(*points[-1], "." if finite_loss(one) is not None else style.marker, **line)
    losses = [value for _, points in curves for _, value in points]
    if min(losses) > 0 and max(losses) > 10 * min(losses):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("step")
    axes.set_ylabel(view.loss)
    draw_key(figure, view, [*KINDS, PRUNED, UNFINISHED])


PLOTS = (
    (
        draw_confirmation,
        "Gains in the confirmation",
        "Gain over the baseline in each replicate (a seed and a fold), its mean and its interval, in percent "
        "of the baseline's loss ({loss}). A trial is better if the whole interval is above zero.",
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
        "One line per trial, from its loss ({loss}) down through its parameters; fainter is worse. A line "
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
