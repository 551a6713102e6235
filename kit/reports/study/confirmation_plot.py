"""The plot of a confirmation: the gain of each compared trial."""

from typing import TYPE_CHECKING

from kit.plotting import BEST, CHOSEN, PLAIN, SOFT, WRONG
from kit.records import Comparison
from kit.reports.html.svg import is_narrow
from kit.reports.study.comparisons import confidence, relative_interval
from kit.reports.study.drawing import NothingToDrawError, StudyView

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_confirmation(figure: "Figure", view: StudyView) -> None:
    """Draw the gain of each compared trial: in each replicate, its mean and its interval."""
    from matplotlib.ticker import MaxNLocator

    confirmed = view.report.confirmation
    comparisons = [one for one in confirmed.comparisons if one.relative_gain is not None] if confirmed else []
    if not comparisons:
        raise NothingToDrawError("no trial was compared with the baseline")
    figure.set_figheight(1.2 + 0.5 * len(comparisons))
    axes = figure.add_subplot()
    for position, one in enumerate(comparisons):
        edges, gains = relative_interval(one), _gains(one)
        is_worse = edges is not None and edges[1] < 0
        color, marker = (BEST, CHOSEN) if one.better else (WRONG if is_worse else PLAIN, "o")
        axes.plot(gains, [position + 0.25] * len(gains), ".", color=color, alpha=0.6)
        if edges:
            axes.plot(edges, [position, position], color=color, linewidth=2)
        axes.plot([one.relative_gain or 0.0], [position], marker, color=color)
    axes.axvline(0, color=SOFT, linewidth=1.2, linestyle=":")
    levels = [confidence(one) for one in comparisons]
    differ = len(set(levels)) > 1
    names = [f"trial {one.trial}" for one in comparisons]
    labels = [f"{name}\n{level}" if differ else name for name, level in zip(names, levels, strict=True)]
    axes.set_yticks(range(len(comparisons)), labels)
    axes.set_ylim(len(comparisons) - 0.5, -0.5)
    axes.xaxis.set_major_locator(MaxNLocator(3 if is_narrow(figure) else 7))
    axes.xaxis.set_major_formatter(lambda gain, _: f"{100 * gain:z.3g} %")
    axes.set_xlabel(f"gain in {view.loss}, with its {'' if differ else f'{levels[0]} '}interval")
    axes.grid(visible=False, axis="y")


def _gains(compared: Comparison) -> list[float]:
    """Return the gain in each replicate, as a share of the baseline's loss."""
    loss, pairs = compared.baseline_loss, zip(compared.losses, compared.baseline_losses, strict=True)
    return [(base - own) / loss for own, base in pairs if loss and own is not None and base is not None]
