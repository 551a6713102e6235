"""HTML for outputs of notebooks. Text takes the colours of the notebook, light or dark."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

LARGEST = 5_000_000
"""Bytes of a page that a notebook shows: the file of the notebook holds every page that it shows."""
HEIGHT = 600
"""Pixels of a page."""


def table(cells: Mapping[str, Sequence[str]]) -> str:
    """Return a table from columns by heading."""
    head = "".join(f"<th>{escape(heading)}</th>" for heading in cells)
    rows = "".join(
        f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>"
        for row in zip(*cells.values(), strict=True)
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def page(path: Path) -> str:
    """Return a self-contained page in a frame of its own; empty if there is none, or it is too large."""
    if not path.is_file() or path.stat().st_size > LARGEST:
        return ""
    # Without a base, a link to a heading would load the notebook into the frame.
    text = path.read_text(encoding="utf-8").replace("<head>", '<head><base href="about:srcdoc">', 1)
    style = f"width: 100%; height: {HEIGHT}px; border: 0"
    return f'<iframe srcdoc="{escape(text)}" style="{style}" title="Report"></iframe>'
