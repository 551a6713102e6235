"""One line on stderr that says what a command does, on a terminal only; erased when it ends."""

import shutil
import sys
import threading
import time
from typing import Self

PAUSE = 1.0
"""Seconds between two drawings of the line, which also shows the time."""
_ERASE = "\r\x1b[2K"


class Busy:
    """Shows what the command does, in a block; call it with the text. It imports nothing that takes time."""

    def __init__(self) -> None:
        self._text, self._since = "", 0.0
        self._terminal = sys.stderr is not None and sys.stderr.isatty()
        self._over, self._lock = threading.Event(), threading.Lock()
        self._thread = threading.Thread(target=self._redraw, daemon=True)

    def __enter__(self) -> Self:
        if self._terminal:
            self._thread.start()
        return self

    def __call__(self, text: str) -> None:
        """Show what is done now, as in "drawing the page"."""
        with self._lock:
            self._text, self._since = text, time.monotonic()
            self._draw()

    def say(self, text: str) -> None:
        """Print a line that stays."""
        with self._lock:
            self._erase()
            print(text, file=sys.stderr)  # noqa: T201 - click would be imported for this line alone
            self._draw()

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        with self._lock:
            self._erase()
            self._text = ""

    def _redraw(self) -> None:
        while not self._over.wait(PAUSE):
            with self._lock:
                self._draw()

    def _draw(self) -> None:
        if self._terminal and self._text:
            seconds = int(time.monotonic() - self._since)
            ending = f" …{f' {seconds} s' * (seconds > 0)}"
            # A line that wraps could not be erased.
            room = shutil.get_terminal_size().columns - len(ending) - 1
            sys.stderr.write(f"{_ERASE}{self._text[:room]}{ending}")
            sys.stderr.flush()

    def _erase(self) -> None:
        if self._terminal and self._text:
            sys.stderr.write(_ERASE)
            sys.stderr.flush()
