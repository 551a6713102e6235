"""Plots as inline SVG in the colours and the font of the page, light or dark.

matplotlib draws in placeholder colours, which are replaced by the variables of page.css.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any
from zlib import crc32

from kit.plotting import figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TEXT, SOFT, LINE = "#000a01", "#000a02", "#000a03"
SERIES = ("#000b01", "#000b02", "#000b03", "#000b04", "#000b05", "#000b06")
"""Placeholders of the series colours in page.css, which follow Okabe and Ito (2008)."""
MARKERS = ("o", "s", "D", "^", "v", "P", "X")
_VARIABLES = {TEXT: "--text", SOFT: "--soft", LINE: "--line"} | {
    color: f"--series-{index}" for index, color in enumerate(SERIES, 1)
}


@dataclass(frozen=True)
class Plot:
    """A plot.

    Attributes:
        title: above it.
        text: what it shows, for people who do not see it.
        svg: an <svg> element without width and height.
        note: below it.
    """

    title: str
    text: str
    svg: str
    note: str = ""


def draw(
    title: str,
    text: str,
    paint: Callable[["Axes"], None],
    *,
    note: str = "",
    size: tuple[float, float] = (4.3, 2.8),
) -> Plot:
    """Return a plot.

    Args:
        title: above the plot; unique on its page.
        text: what the plot shows, in one or two sentences.
        paint: draws into the axes, in the colours of this module.
        note: below the plot.
        size: width and height in inches.
    """
    with figure(figsize=size, layout="constrained") as drawn:
        import matplotlib as mpl

        mpl.rcParams.update(_settings())
        drawn.patch.set_visible(False)
        axes = drawn.add_subplot()
        axes.patch.set_visible(False)
        axes.spines[["top", "right"]].set_visible(False)
        paint(axes)
        file = BytesIO()
        drawn.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    return Plot(title, text, _inline(file.getvalue().decode(), title), note)


def legend(axes: "Axes") -> None:
    """Draw the legend above the plot, where it covers nothing."""
    columns = 2 if len(axes.get_legend_handles_labels()[1]) != 3 else 3
    axes.figure.legend(loc="outside upper left", ncols=columns, columnspacing=1.2, handletextpad=0.5)


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
        "legend.frameon": False,
        "legend.fontsize": 8.5,
    }


def _inline(svg: str, title: str) -> str:
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<(metadata|style)\b.*?</\1>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"\s*\n\s*", " ", svg)
    # Names of groups, and sizes in points.
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    svg = re.sub(r' (?:width|height)="[\d.]+pt"', "", svg)
    # Several plots on one page need ids of their own.
    prefix = f"p{crc32(title.encode()):08x}"
    svg = re.sub(r'id="(\w+)"', rf'id="{prefix}-\1"', svg)
    svg = re.sub(r'(href="|url\()#', rf"\1#{prefix}-", svg)
    # The page's font instead of matplotlib's.
    svg = re.sub(r"font: (?:\w+ )?([\d.]+px)[^;\"]*", r"font-size: \1", svg)
    svg = re.sub(r"font-family: [^;\"]*; ", "", svg)
    for color, variable in _VARIABLES.items():
        svg = svg.replace(color, f"var({variable})")
    return svg.strip()
