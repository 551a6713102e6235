"""The page of a comparison: one self-contained HTML file."""

from pathlib import Path
from typing import TYPE_CHECKING

from kit.metrics import METRICS
from kit.records import RunComparison
from kit.reports.compare import wording as words
from kit.reports.compare.plots import draw_plots
from kit.reports.html import render
from kit.reports.html.scores import pairs_table
from kit.reports.html.tables import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

MOST_CARDS = 400
"""Rows in the gallery; more would make the page heavy."""


def write_page(path: Path, comparison: RunComparison, images: "Mapping[int, NDArray[np.uint8]]") -> None:
    """Write the page of a comparison.

    Args:
        path: of the HTML file.
        comparison: the figures.
        images: (height, width, channels) uint8 by 0-based row; rows without one are shown without it.
    """
    shown = comparison.changed[:MOST_CARDS]
    render.write(
        path,
        "kit.reports.compare",
        "page.html.jinja",
        comparison=comparison,
        words=words,
        names=[one.run for one in comparison.contenders],
        two=len(comparison.contenders) == 2,
        runs=_table(f"On the {comparison.rows:,} rows that all runs have.", words.runs_table(comparison)),
        pairs=_pairs(comparison),
        plots=draw_plots(comparison),
        shown=shown,
        images=images,
        absent=sum(one.row not in images for one in shown),
    )


def _pairs(comparison: RunComparison) -> Table:
    if len(comparison.pairs) == 1:
        return _table("On the same rows.", words.difference_table(comparison))
    return pairs_table(words.ranked_pairs(comparison), METRICS[comparison.metric])


def _table(caption: str, cells: words.Cells) -> Table:
    return Table(caption, list(cells), list(zip(*cells.values(), strict=True)))
