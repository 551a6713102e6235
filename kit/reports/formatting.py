"""Format numbers, times, tables and paragraphs for reports and progress."""

import math
import re
import textwrap
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kit.typed import in_typed_form

WIDE = 110
"""Terminal columns from which tables show every column."""
SMALLEST_P = 1e-99
"""Smallest p-value that is shown as a number: a smaller one may be 0 only because it underflows."""
_LABEL = 17
"""Width of the names of figures."""
_GAP = 2
"""Spaces between the columns of a table."""
_JOINED = re.compile(r"`[^`]+`|\d %|p [=<] \S+|\S+ ± \S+")
"""What a line break may not divide: commands in backticks, numbers with their unit, p-values."""
_HARD_SPACE = "\xa0"


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


def print_table(
    console: Console, cells: Mapping[str, Sequence[Any]], dispensable: Sequence[str] = ()
) -> None:
    """Write a table whose rows have one line each, if that is possible.

    Without room, dispensable columns are left out, the first of them first; then the first column wraps at
    spaces and hyphens. Words are never divided: a table of long ones is wider than the terminal.

    Args:
        console: where to write.
        cells: columns by heading.
        dispensable: headings.
    """
    shown = {heading: [str(cell) for cell in column] for heading, column in cells.items()}
    for heading in dispensable:
        if _width(shown) <= console.width:
            break
        shown.pop(heading, None)
    first = next(iter(shown))
    room = max(1, console.width - _width(shown) + _width({first: shown[first]}))
    names = [textwrap.wrap(name, room, break_long_words=False) for name in shown[first]]
    grid = table(shown | {first: ["\n".join(lines) for lines in names]})
    words = [word for line in (first, *chain(*names)) for word in line.split()]
    narrowest = _width(shown) - _width({first: shown[first]}) + _width({"": words})
    if narrowest > console.width:
        grid.width = narrowest
    console.print(grid, crop=False)


def _width(cells: Mapping[str, Sequence[str]]) -> int:
    """Return the characters that a table of these columns needs."""
    widths = [max(map(cell_len, (heading, *column))) for heading, column in cells.items()]
    return sum(widths) + _GAP * (len(widths) - 1)


def wrap(text: str, width: int, start: str = "", indent: str = "") -> str:
    """Return text in lines of at most `width` characters, and without backticks.

    Lines end at spaces; commands in backticks, numbers with their unit and p-values stay in one line. A
    command that is longer than a line starts at the margin, and continues after a backslash at an option:
    it can be copied.

    Args:
        text: one paragraph.
        width: of the terminal.
        start: before the first line.
        indent: before the other lines.
    """
    joined = _JOINED.sub(
        lambda found: found[0].strip("`").replace(" ", _HARD_SPACE), in_typed_form(text, marked=True)
    )
    filled = textwrap.fill(
        joined,
        width,
        initial_indent=start.replace(" ", _HARD_SPACE),
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    lines = [line if len(line) <= width else _divided(line, width) for line in filled.splitlines()]
    return "\n".join(lines).replace(_HARD_SPACE, " ")


def _divided(command: str, width: int) -> str:
    """Divide a command before options; a shell reads its lines as one."""
    options = command.strip().replace(f"{_HARD_SPACE}--", " --")
    parts = textwrap.wrap(
        options,
        width if len(options) <= width else width - 2,
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return " \\\n".join(parts)


def print_text(console: Console, text: str, style: str = "", start: str = "", indent: str = "") -> None:
    """Write one paragraph; see `wrap`."""
    console.print(Text(wrap(text, console.width, start, indent), style), soft_wrap=True)


def print_row(console: Console, name: str, text: str, style: str = "") -> None:
    """Write a figure and its name."""
    start = f"{name:<{_LABEL - _GAP}}{' ' * _GAP}"
    print_text(console, text, style, start=start, indent=" " * _LABEL)
