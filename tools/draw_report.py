"""Draw the terminal report of a run as an SVG, for the README.

Usage: python tools/draw_report.py RUN docs/images/report.svg
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

WIDTH = 96
"""Columns of the terminal in the picture."""


def draw(run: str, picture: Path) -> None:
    """Write what `kit report RUN` shows to `picture`, in colour; the SVG loads no fonts from the network."""
    shown = subprocess.run(
        [sys.executable, "-m", "kit", "report", run],
        env={**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(WIDTH)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=WIDTH, file=nowhere)
        console.print(Text.from_ansi(shown.strip("\n")))
        svg = console.export_svg(title=f"kit report {run}", unique_id="report")
    picture.write_text(re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL), encoding="utf-8")


if __name__ == "__main__":
    draw(sys.argv[1], Path(sys.argv[2]))
