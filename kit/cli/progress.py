"""Progress of a run: a live table on a terminal, plain lines elsewhere."""

import math
import threading
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from kit.reports.formatting import duration
from kit.reports.progress import RunProgress, Snapshot
from kit.reports.progress_text import clock_time, time_range
from kit.terminals import can_redraw

FIRST_LINE, LAST_PAUSE = 10.0, 60.0
"""Seconds before the first plain line, and at most between two lines; each pause is 1.5 times the last."""
NAME, NARROW_NAME, BAR = 20, 12, 12
"""Columns of a terminal for the name of a member, the same without bars, and for a bar."""
BARS_FROM = 76
"""Columns of the narrowest terminal with bars."""
OTHER_LINES = 8
"""Lines of the terminal that the members do not use."""


class Terminal(RunProgress):
    """Shows the progress of a run on a terminal or in a log; a `kit.pipeline.cv.ProgressListener`.

    Args:
        console: where to write; None: stderr.
        first_line: seconds before the first plain line.
    """

    def __init__(self, console: Console | None = None, first_line: float = FIRST_LINE) -> None:
        self.console, self.first_line = console or Console(stderr=True), first_line
        super().__init__(self._print)
        self.live = can_redraw(self.console)
        self._over = threading.Event()
        self._table = Live(
            get_renderable=lambda: drawn(
                self.snapshot(), self.console.height - OTHER_LINES, bars=self.console.width >= BARS_FROM
            ),
            console=self.console,
            refresh_per_second=4,
            transient=True,
        )

    def __enter__(self) -> Self:
        if self.live:
            self._table.start()
        else:
            threading.Thread(target=self._write_lines, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        self._table.stop()

    def _write_lines(self) -> None:
        pause = self.first_line
        while not self._over.wait(pause):
            self._print(line(self.snapshot()))
            pause = min(LAST_PAUSE, pause * 1.5)

    def _print(self, text: str) -> None:
        self.console.print(text, highlight=False, markup=False, soft_wrap=not self.live)


def drawn(now: Snapshot, most: int, *, bars: bool = True) -> Group:
    """Return the running members as a table with a line for all of them, at most 80 columns wide.

    Args:
        now: the run.
        most: number of members to show; if more are running, the latest ones.
        bars: whether there is room for bars; without them the table has at most 60 columns.
    """
    if now.stage:
        return Group(Text(f"{now.stage} … {clock_time(now.stage_seconds)}"))
    if not now.members:
        return Group()
    grid = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for heading in ("member", "now", *(["progress"] if bars else [])):
        grid.add_column(heading, no_wrap=True, header_style="dim")
    for heading in ("" if bars else "done", "time", now.metric.title if now.metric else ""):
        grid.add_column(heading, no_wrap=True, justify="right", header_style="dim")

    def add(name: str, doing: str, share: float, seconds: float, score: str) -> None:
        bar = [ProgressBar(total=1, completed=share, width=BAR)] if bars else []
        grid.add_row(Text(name), doing, *bar, f"{math.floor(100 * share)}%", clock_time(seconds), score)

    for one in now.running[-max(1, most) :]:
        score = "-"
        if now.metric and not math.isnan(one.score):
            score = now.metric.format(one.score) + now.metric.unit
        name = cropped(str(one.member), NAME if bars else NARROW_NAME)
        add(name, one.doing(now.now), one.share(now.now), one.elapsed(now.now) or 0.0, score)
    add("all", f"{now.over} of {len(now.members)} members", now.share, now.seconds, "")
    return Group(grid, Text(left_text(now)))


def line(now: Snapshot) -> str:
    """Return the progress of a run as one line of text."""
    if now.stage:
        return f"{duration(now.stage_seconds)}: {now.stage}"
    parts = [f"{now.over} of {len(now.members)} members", f"{math.floor(100 * now.share)}%", left_text(now)]
    doing = [f"{one.member} {one.doing(now.now)}" for one in now.running]
    more = "; …" * (len(doing) > 4)
    return f"{duration(now.seconds)}: {'; '.join([', '.join(parts), *doing[:4]])}{more}"


def left_text(now: Snapshot) -> str:
    """Return the remaining time in words."""
    return "remaining time: measuring the speed …" if now.left is None else f"{time_range(now.left)} left"


def cropped(name: str, width: int = NAME) -> str:
    """Return a name of at most `width` characters: its end, with fold and seed, is kept."""
    if len(name) <= width:
        return name
    start = (width - 1) // 2
    return f"{name[:start]}…{name[start + 1 - width :]}"
