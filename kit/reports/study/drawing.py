"""What the plots of a study share: the trials, the position of values, markers and labels."""

import math
import textwrap
from collections.abc import Sequence
from functools import cached_property
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from kit.metrics import METRICS
from kit.plotting import BACKGROUND, BEST, CHOSEN, PLAIN, SOFT, WRONG
from kit.records import StudyReport
from kit.reports.html.svg import is_narrow
from kit.reports.study.figures import finite_loss, is_repeat
from kit.reports.study.wording import loss_title, param_text, short_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from optuna import Study
    from optuna.trial import FrozenTrial

ABOVE = 8
"""Losses above this multiple of the median's distance from the best are drawn at the edge."""
TEXT_BOX = {"facecolor": BACKGROUND, "edgecolor": "none", "alpha": 0.8, "pad": 0.5}
"""Box of text that is drawn over lines."""


class Style(NamedTuple):
    """How trials of a kind are drawn.

    Attributes:
        label: in the legend.
        color: of lines and markers.
        marker: of a loss.
        line: style of a line.
    """

    label: str
    color: str
    marker: str = "o"
    line: str = "-"


TRIAL = Style("trial", PLAIN)
BEST_TRIAL = Style("best", BEST, CHOSEN)
BASELINE = Style("baseline", SOFT, "s")
PRUNED = Style("pruned", WRONG, "x")
UNFINISHED = Style("failed or running", PLAIN, "x", ":")
KINDS = (TRIAL, BEST_TRIAL, BASELINE)
"""Complete trials."""


class NothingToDrawError(Exception):
    """A plot cannot be drawn; the message is the reason."""


class StudyView:
    """The data of the plots.

    Attributes:
        report: the figures.
        loss: name of what the study minimises.
        trials: without repeats.
        complete, pruned: of these, by number; a complete one has a finite value.
    """

    def __init__(self, study: "Study", report: StudyReport) -> None:
        self.report, self.loss = report, loss_title(METRICS[report.metric])
        self.trials = [one for one in study.get_trials(deepcopy=False) if not is_repeat(one)]
        self.complete = [one for one in self.trials if finite_loss(one) is not None]
        self.pruned = [one for one in self.trials if one.state.name == "PRUNED"]

    @cached_property
    def values(self) -> list[float]:
        """Losses of the complete trials."""
        if not self.complete:
            raise NothingToDrawError("no trial is complete")
        return [one.values[0] for one in self.complete]

    @property
    def names(self) -> dict[str, str]:
        """Names of the parameters of complete trials by key, the most important first."""
        if not self.report.importance:
            raise NothingToDrawError("no complete trial has a parameter")
        return short_names(self.report.importance)[1]

    @cached_property
    def best(self) -> float:
        """The lowest loss."""
        return min(self.values)

    @cached_property
    def ceiling(self) -> float:
        """The largest loss that is drawn at its own position."""
        worst, typical = max(self.values), median(self.values) - self.best
        return min(worst, self.best + ABOVE * typical) if typical > 0 else worst

    def style(self, trial: "FrozenTrial") -> Style:
        """Return how a trial is drawn."""
        if finite_loss(trial) is None:
            return PRUNED if trial.state.name == "PRUNED" else UNFINISHED
        if "baseline" in trial.user_attrs:
            return BASELINE
        return BEST_TRIAL if finite_loss(trial) == self.best else TRIAL


class Scale:
    """Positions of a parameter's values from 0 to 1: numbers within their range, choices evenly spaced.

    Attributes:
        positions, texts: of the labels.
    """

    def __init__(self, key: str, example: "FrozenTrial") -> None:
        from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

        self._key, self._given, self._log = key, example.distributions[key], False
        match self._given:
            case FloatDistribution() | IntDistribution() as numbers:
                self._low, self._high, self._log = float(numbers.low), float(numbers.high), numbers.log
                middle = math.sqrt(self._low * self._high) if self._log else (self._low + self._high) / 2
                values = [self._low, middle, self._high]
                texts = [f"{value:.3g}" for value in values]
            case CategoricalDistribution() as given:
                self._low, self._high = 0.0, len(given.choices) - 1.0
                values = [float(index) for index in range(len(given.choices))]
                texts = [param_text(choice) for choice in given.choices]
            case _:
                raise NothingToDrawError(f"{key} is neither a number nor a choice")
        self.positions = [self._share(value) for value in values]
        self.texts = [_broken(shown(text, 36)) for text in texts]

    def position(self, trial: "FrozenTrial") -> float:
        """Return the position of the trial's value."""
        return self._share(self._given.to_internal_repr(trial.params[self._key]))

    def _share(self, value: float) -> float:
        if self._high == self._low:
            return 0.5
        if self._log:
            return math.log(value / self._low) / math.log(self._high / self._low)
        return (value - self._low) / (self._high - self._low)


def scatter(
    axes: "Axes", view: StudyView, trials: "Sequence[FrozenTrial]", positions: Sequence[float]
) -> None:
    """Draw losses; those above the ceiling as triangles at the ceiling."""
    groups: dict[tuple[Style, str], list[tuple[float, float]]] = {}
    for one, position in zip(trials, positions, strict=True):
        style = view.style(one)
        marker = "^" if one.values[0] > view.ceiling else style.marker
        groups.setdefault((style, marker), []).append((position, min(one.values[0], view.ceiling)))
    for (style, marker), points in groups.items():
        size, front = (5, 2) if style is TRIAL else (7, 3)
        across, losses = zip(*points, strict=True)
        axes.plot(across, losses, marker, color=style.color, alpha=0.8, markersize=size, zorder=front)
    axes.ticklabel_format(axis="y", useOffset=False)


def draw_key(figure: "Figure", view: StudyView, styles: Sequence[Style]) -> None:
    """Draw the legend of those of the styles that trials have, above the plot."""
    from matplotlib.lines import Line2D

    used = {view.style(one) for one in view.trials}
    lines = [
        Line2D([], [], color=one.color, marker=one.marker, label=one.label, ls=one.line)
        for one in styles
        if one in used
    ]
    columns = 3 if is_narrow(figure) else len(lines)
    figure.legend(handles=lines, loc="outside upper left", ncols=columns)


def _broken(text: str) -> str:
    """Return text in lines of about 12 characters, broken after underscores too."""
    return "\n".join(textwrap.wrap(text.replace("_", "_ "), 12)).replace("_ ", "_")


def shown(text: str, length: int) -> str:
    """Return text of at most `length` characters."""
    return text if len(text) <= length else f"{text[: length - 1]}…"
