"""Detect terminals. Rich alone treats a file as a terminal if FORCE_COLOR or TTY_COMPATIBLE is set."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def is_terminal(console: "Console") -> bool:
    """Return whether the console writes to a terminal, whatever the environment variables say."""
    return console.file.isatty()


def can_redraw(console: "Console") -> bool:
    """Return whether progress bars can be drawn: on an interactive terminal with cursor movement."""
    capable = console.is_terminal and console.is_interactive and not console.is_dumb_terminal
    return capable and is_terminal(console)
