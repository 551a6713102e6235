"""Format numbers, times and tables for reports and progress."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

WIDE = 110
"""Terminal columns from which tables show every column."""
SMALLEST_P = 1e-99
"""Smallest p-value that is shown as a number: a smaller one may be 0 only because it underflows."""


def duration(seconds: float | None) -> str:
    """Return seconds as 4.2 s, 1m 12s or 2h 05m."""
    if seconds is None:
        return "-"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m {rest:02}s" if minutes < 60 else f"{minutes // 60}h {minutes % 60:02}m"


def signed_duration(seconds: float | None) -> str:
    """Return a difference in seconds with its sign, as in +4.2 s or -1m 12s."""
    if seconds is None:
        return "-"
    return f"{'+' if seconds >= 0 else '-'}{duration(abs(seconds))}"


def percent(fraction: float | None) -> str:
    """Return a fraction in percent with three decimals, as in 99.643; - for None and NaN."""
    return "-" if fraction is None or math.isnan(fraction) else f"{100 * fraction:.3f}"


def p_number(p: float) -> str:
    """Return a p-value with two digits at most, as in 0.021, 3.1e-20, 1 or < 1e-99."""
    return f"{p:.2g}" if p >= SMALLEST_P else f"< {SMALLEST_P:.0e}"


def p_value(p: float) -> str:
    """Return a p-value with its sign, as in "p = 0.021" or "p < 1e-99"."""
    return f"p {'= ' * (p >= SMALLEST_P)}{p_number(p)}"


def network_size(parameters: int, multiply_adds: int) -> str:
    """Return the parameters and multiply-adds of a network, in words."""
    return f"{parameters:,} parameters, {multiply_adds / 1e6:.1f} million multiply-adds per image"


def table(cells: Mapping[str, Sequence[Any]]) -> Table:
    """Return a frameless table from columns by heading; only the first column may wrap."""
    grid = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for index, heading in enumerate(cells):
        grid.add_column(heading, justify="right" if index else "left", no_wrap=bool(index), overflow="fold")
    for row in zip(*cells.values(), strict=True):
        # Not markup: the reason of a failure may contain brackets.
        grid.add_row(*(Text(str(cell)) for cell in row))
    return grid
