"""Plots as inline SVG in the colours and the font of the page, light or dark.

Each plot is drawn twice, for wide and for narrow screens; page.css shows one of them. The colours of
kit.plotting become the variables of the page.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any
from zlib import crc32

from kit.plotting import LINE, PALETTE, SOFT, TEXT, figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

HALF, FULL, NARROW = 4.3, 9.0, 3.4
"""Widths in inches: two beside each other, one alone, and on a phone."""
SMALLEST = 8.5
"""Points: smallest text, 11 pixels where page.css shows the drawing."""
_LETTER = SMALLEST / 2
"""Points: mean width of a letter of the smallest text."""


@dataclass(frozen=True)
class Plot:
    """A plot.

    Attributes:
        title: above it.
        text: what it shows, for people who do not see it.
        wide, narrow: an <svg> element without width and height; empty if there is nothing to draw.
        note: below it.
        full: whether it is as wide as the page.
    """

    title: str
    text: str
    wide: str
    narrow: str
    note: str = ""
    full: bool = False


def draw(
    title: str,
    text: str,
    paint: Callable[["Axes"], None],
    *,
    note: str = "",
    height: float = 2.8,
) -> Plot:
    """Return a plot with one pair of axes, half as wide as the page.

    Args:
        title: above the plot; unique on its page.
        text: what the plot shows, in one or two sentences.
        paint: draws into the axes, in the colours of kit.plotting; called once for each width.
        note: below the plot.
        height: in inches.
    """

    def paint_figure(drawing: "Figure") -> None:
        drawing.set_figheight(height)
        paint(drawing.add_subplot())

    return draw_figure(title, text, paint_figure, note=note)


def draw_figure(
    title: str, text: str, paint: Callable[["Figure"], None], *, note: str = "", full: bool = False
) -> Plot:
    """Return a plot; see `draw`.

    Args:
        title: see `draw`.
        text: see `draw`.
        paint: draws into the figure, whose width it may read and whose height it sets.
        note: see `draw`.
        full: whether it is as wide as the page.
    """
    wide, narrow = (_svg(title, paint, width) for width in (FULL if full else HALF, NARROW))
    return Plot(title, text, wide, narrow, note, full)


def is_narrow(drawing: "Figure | SubFigure") -> bool:
    """Return whether a figure is drawn for a narrow screen."""
    return bool(_inches(drawing) == NARROW)


def letters(drawing: "Figure | SubFigure", share: float = 0.5) -> int:
    """Return how many letters fit into a share of the width of a figure."""
    return int(share * 72 * _inches(drawing) / _LETTER)


def _inches(drawing: "Figure | SubFigure") -> float:
    return float(drawing.bbox.width / drawing.dpi)


def legend(axes: "Axes") -> None:
    """Draw the legend above the plot, where it covers nothing, and enlarge the figure for it."""
    labels = axes.get_legend_handles_labels()[1]
    drawing = axes.get_figure(root=True)
    if not labels or drawing is None:
        return
    # A marker and the space between columns take about 7 letters.
    room, widths = letters(drawing, 1), [len(label) + 7 for label in labels]
    columns = len(labels) if sum(widths) <= room else 2 if 2 * max(widths) <= room else 1
    drawing.set_figheight(drawing.get_figheight() + 0.2 * (-(-len(labels) // columns) - 1))
    drawing.legend(loc="outside upper left", ncols=columns, columnspacing=1.2, handletextpad=0.5)


def _svg(title: str, paint: Callable[["Figure"], None], width: float) -> str:
    with figure(figsize=(width, width), layout="constrained") as drawing:
        import matplotlib as mpl

        mpl.rcParams.update(_settings())
        drawing.patch.set_visible(False)
        paint(drawing)
        file = BytesIO()
        drawing.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    return _inline(file.getvalue().decode(), f"{title} {width}")


def _settings() -> dict[Any, Any]:
    return {
        "svg.fonttype": "none",
        "font.size": 9,
        "text.parse_math": False,
        "text.color": TEXT,
        "axes.labelcolor": SOFT,
        "axes.edgecolor": LINE,
        "xtick.color": LINE,
        "ytick.color": LINE,
        "xtick.labelcolor": SOFT,
        "ytick.labelcolor": SOFT,
        "axes.grid": True,
        "grid.color": LINE,
        "grid.linewidth": 0.6,
        "axes.axisbelow": True,
        "axes.facecolor": "none",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "legend.frameon": False,
        "legend.fontsize": SMALLEST,
    }


def _inline(svg: str, name: str) -> str:
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<(metadata|style)\b.*?</\1>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"\s*\n\s*", " ", svg)
    # Names of groups, and sizes in points.
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    svg = re.sub(r' (?:width|height)="[\d.]+pt"', "", svg)
    # Several plots on one page need ids of their own.
    prefix = f"p{crc32(name.encode()):08x}"
    svg = re.sub(r'id="(\w+)"', rf'id="{prefix}-\1"', svg)
    svg = re.sub(r'(href="|url\()#', rf"\1#{prefix}-", svg)
    # The page's font instead of matplotlib's.
    svg = re.sub(r"font: (?:\w+ )?([\d.]+px)[^;\"]*", r"font-size: \1", svg)
    svg = re.sub(r"font-family: [^;\"]*; ", "", svg)
    for color, (variable, _) in PALETTE.items():
        svg = svg.replace(color, f"var(--{variable})")
    return svg.strip()
