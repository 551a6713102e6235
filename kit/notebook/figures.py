"""Figures of a report for notebooks: the plots of the page, by the name of its section."""

from collections.abc import Callable
from dataclasses import dataclass
from html import escape

from kit.config.errors import nearest
from kit.errors import UserError
from kit.metrics import METRICS
from kit.plotting import CHOSEN, PALETTE, PLAIN, Mark, marks
from kit.records import Report
from kit.reports.html.scores import TimedScore, time_plot
from kit.reports.html.svg import Plot
from kit.reports.run import ensemble_plots, plots
from kit.reports.run.confusion_plot import confusion
from kit.reports.run.curves import curves
from kit.reports.run.score_tables import ENSEMBLE

_STYLE = "background: #fff; color: #1b2027; max-width: 40rem; margin: 0 0 1rem; padding: .5rem"


@dataclass(frozen=True)
class Figure:
    """One or several plots, in light colours on white.

    Attributes:
        name: of the figure.
        plots: each with title, text, note and SVG, whose colours are variables of the page.
    """

    name: str
    plots: tuple[Plot, ...]

    @property
    def svg(self) -> tuple[str, ...]:
        """Each plot as an SVG file of its own."""
        return tuple(_alone(plot.wide) for plot in self.plots)

    def __repr__(self) -> str:
        return "\n".join(f"{plot.title}: {plot.text}" for plot in self.plots)

    def _repr_html_(self) -> str:
        return "".join(
            f'<figure style="{_STYLE}">'
            f"<figcaption><b>{escape(plot.title)}</b></figcaption>{svg}"
            f"<small>{escape(' '.join(filter(None, (plot.text, plot.note))))}</small></figure>"
            for plot, svg in zip(self.plots, self.svg, strict=True)
        )


def names(report: Report) -> tuple[str, ...]:
    """Return the names of the figures that a report has."""
    return tuple(name for name, one in _FIGURES.items() if one.has(report))


def figure(report: Report, name: str) -> Figure:
    """Return a figure of a report.

    Raises:
        UserError: the report has no such figure.
    """
    known = names(report)
    if name not in known:
        raise UserError(
            f"there is no figure {name!r}{nearest(name, known)}", expected=f"one of {', '.join(known)}"
        )
    return Figure(name, tuple(_FIGURES[name].draw(report)))


def _time(report: Report) -> list[Plot]:
    timed = [TimedScore(one.model, one.score, one.seconds) for one in report.models]
    timed.append(TimedScore(ENSEMBLE, report.oof, report.time.member_seconds))
    marked = _marks(report) | {ENSEMBLE: Mark(PLAIN, CHOSEN)}
    return [time_plot(timed, METRICS[report.metric], marked)]


def _curves(report: Report) -> list[Plot]:
    by_model = {one.model: [own for own in report.members if own.model == one.model] for one in report.models}
    metric, marked = METRICS[report.metric], _marks(report)
    return [
        plot for model, own in by_model.items() for plot in curves(model, own, metric, marked[model].color)
    ]


def _marks(report: Report) -> dict[str, Mark]:
    return marks([one.model for one in report.models])


def _ensemble(report: Report) -> list[Plot]:
    given = report.combination
    plots_ = [ensemble_plots.methods(given), ensemble_plots.weights(given, _marks(report))] if given else []
    return [plot for plot in plots_ if plot]


def _growth(report: Report) -> list[Plot]:
    given = report.details and report.details.growth
    return [plots.growth(given, METRICS[given.metric])] if given else []


@dataclass(frozen=True)
class _Kind:
    """Whether a report has a figure, and its plots."""

    has: Callable[[Report], object]
    draw: Callable[[Report], list[Plot]]


_FIGURES = {
    "scores": _Kind(lambda it: len(it.models) > 1 and all(one.seconds > 0 for one in it.models), _time),
    "ensemble": _Kind(lambda it: it.combination, _ensemble),
    "curves": _Kind(lambda it: any(one.epochs.loss for one in it.members), _curves),
    "growth": _Kind(lambda it: it.details and it.details.growth and it.details.growth.points, _growth),
    "confusion": _Kind(
        lambda it: it.details and it.details.confusion,
        lambda it: [confusion(it.details)] if it.details else [],
    ),
    "reliability": _Kind(
        lambda it: it.details, lambda it: plots.reliability(it.details.reliability) if it.details else []
    ),
    "test": _Kind(
        lambda it: it.details,
        lambda it: [plots.classes(it.details.test, it.details.labels)] if it.details else [],
    ),
}
"""By the anchor of their section on the page."""


def _alone(svg: str) -> str:
    """Return an inline SVG of the page with colours in place of variables."""
    for color, (variable, _) in PALETTE.items():
        svg = svg.replace(f"var(--{variable})", color)
    return svg.replace("<svg ", '<svg font-family="sans-serif" ', 1)
