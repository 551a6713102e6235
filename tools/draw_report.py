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
"""Width of the terminal in columns."""


def draw(run: str, path: Path) -> None:
    """Write the output of `kit report RUN` to `path` as a coloured SVG without fonts from the network."""
    output = subprocess.run(
        [sys.executable, "-m", "kit", "report", run],
        env={**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(WIDTH)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    with Path(os.devnull).open("w", encoding="utf-8") as sink:
        console = Console(record=True, width=WIDTH, file=sink)
        console.print(Text.from_ansi(output.strip("\n")))
        svg = console.export_svg(title=f"kit report {run}", unique_id="report")
    path.write_text(re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL), encoding="utf-8")


if __name__ == "__main__":
    draw(sys.argv[1], Path(sys.argv[2]))
