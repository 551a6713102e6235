"""Open a page in the browser."""

import os
import sys
from pathlib import Path

import click

from kit.errors import UserError


def open_page(path: Path) -> None:
    """Open an HTML file in the user's browser; without one, say how to open it.

    Raises:
        UserError: there is no such file.
    """
    import webbrowser

    if not path.is_file():
        raise UserError("there is no page to open", where=str(path))
    address = path.resolve().as_uri()
    if not (_has_display() and webbrowser.open(address)):
        click.echo(
            f"no browser here: open {address}, or copy that file; it contains the whole page", err=True
        )


def _has_display() -> bool:
    """Return whether a window can open: webbrowser would start a text browser in the terminal otherwise."""
    if sys.platform in {"win32", "darwin"}:
        return True
    return any(os.environ.get(name) for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"))
