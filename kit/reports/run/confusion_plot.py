"""The confusion matrix as a plot; the page shows it as a table."""

from typing import TYPE_CHECKING

from kit.plotting import WRONG
from kit.records import Details
from kit.reports.html.svg import Plot, draw
from kit.reports.html.text import counted, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COUNTED = 15
"""Classes up to which each cell shows its number of rows."""


def confusion(details: Details) -> Plot:
    """Return the rows by label and prediction; a stronger colour means more errors.

    Args:
        details: of the report of a run.
    """
    names, counts = details.labels, details.confusion
    errors = {
        (label, other): count
        for label, row in enumerate(counts)
        for other, count in enumerate(row)
        if count and label != other
    }
    largest = max(errors.values(), default=1)

    def paint(axes: "Axes") -> None:
        from matplotlib.patches import Rectangle

        for (label, other), count in errors.items():
            heat = 0.1 + 0.6 * count / largest
            axes.add_patch(Rectangle((other - 0.5, label - 0.5), 1, 1, color=WRONG, alpha=heat, linewidth=0))
        if len(names) <= COUNTED:
            for label, row in enumerate(counts):
                for other, count in enumerate(row):
                    if count:
                        axes.text(other, label, f"{count:,}", ha="center", va="center", fontsize=7)
        step = -(-len(names) // 30)
        places, labels = range(0, len(names), step), [short(name) for name in names[::step]]
        axes.set_xticks(places, labels, rotation=90 if max(map(len, labels)) > 3 else 0)
        axes.set_yticks(places, labels)
        axes.set_xlim(-0.5, len(names) - 0.5)
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_aspect("equal")
        axes.grid(visible=False)
        axes.set_xlabel("prediction")
        axes.set_ylabel("label")

    text = f"{counted(sum(errors.values()), 'row')} predicted as another class."
    if errors:
        label, other = max(errors, key=lambda cell: errors[cell])
        pair = f"{names[label]} predicted as {names[other]}"
        text += f" The most frequent error: {pair}, {counted(largest, 'row')}."
    return draw("Rows by label and prediction", text, paint, height=4.0)
