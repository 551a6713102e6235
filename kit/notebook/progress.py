"""Progress in a notebook: one output that changes in place. Elsewhere the progress of the command line."""

import html
import io
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Self

from rich.console import Console, RenderableType

from kit.cli.progress import Terminal, drawn
from kit.cli.tuning_progress import TuningTerminal
from kit.masking import masked
from kit.reports.progress import RunProgress

REFRESH = 0.5
"""Seconds between two drawings."""
WIDTH, MOST = 90, 16
"""Columns of the output, and most members in its table."""


def in_notebook() -> bool:
    """Return whether this process is the kernel of a notebook."""
    shell = sys.modules.get("IPython") and sys.modules["IPython"].get_ipython()
    return bool(shell) and hasattr(shell, "kernel")


def run_progress() -> "AbstractContextManager[RunProgress]":
    """Return what shows the progress of a run."""
    return NotebookProgress() if in_notebook() else Terminal()


def study_progress() -> AbstractContextManager[TuningTerminal]:
    """Return what shows the progress of a study: lines in a notebook."""
    if in_notebook():
        return TuningTerminal(Console(file=sys.stdout, force_jupyter=False, width=WIDTH))
    return TuningTerminal()


class NotebookProgress(RunProgress):
    """Shows the progress of a run in one output of a notebook; a `kit.pipeline.cv.ProgressListener`."""

    def __init__(self) -> None:
        self._output = Output(lambda: drawn(self.snapshot(), MOST))
        super().__init__(self._output.say)

    def __enter__(self) -> Self:
        self._output.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._output.stop()


class Output:
    """An output of the current cell: lines that stay, and below them what changes.

    Args:
        changing: returns the changing part.
    """

    def __init__(self, changing: Callable[[], RenderableType]) -> None:
        self._changing = changing
        self._lines: list[str] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._refresh, name="kit-notebook", daemon=True)
        self._handle: Any = None

    def say(self, text: str) -> None:
        """Add a line; it appears with the next drawing."""
        self._lines.append(masked(text))

    def start(self) -> None:
        """Show the output, and draw it again until `stop`."""
        from IPython.display import display

        self._handle = display(self._bundle(), raw=True, display_id=True)  # type: ignore[no-untyped-call]
        self._thread.start()

    def stop(self) -> None:
        """Leave the lines alone."""
        self._over.set()
        self._thread.join()
        self._changing = str
        self._handle.update(self._bundle(), raw=True)

    def _refresh(self) -> None:
        while not self._over.wait(REFRESH):
            self._handle.update(self._bundle(), raw=True)

    def _bundle(self) -> dict[str, str]:
        """Return the output as text and HTML; `pre` takes the colours of the page, light or dark."""
        console = Console(
            file=io.StringIO(), width=WIDTH, force_jupyter=False, force_terminal=False, record=True
        )
        console.print(self._changing())
        text = "\n".join([*self._lines, console.export_text().rstrip()]).rstrip()
        return {"text/plain": text, "text/html": f'<pre style="line-height: 1.35">{html.escape(text)}</pre>'}
