"""What a console writes to: Rich takes a file for a terminal where FORCE_COLOR or TTY_COMPATIBLE is set."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def is_terminal(console: "Console") -> bool:
    """Say whether somebody looks at the console: not a file or a pipe, whatever the environment says."""
    return console.file.isatty()


def can_redraw(console: "Console") -> bool:
    """Say whether progress bars can be drawn: on a terminal that moves its cursor, and that Rich uses so."""
    capable = console.is_terminal and console.is_interactive and not console.is_dumb_terminal
    return capable and is_terminal(console)
