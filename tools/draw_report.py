"""Take the picture of the README: parts of the page of a run, in headless Chromium.

Usage: python tools/draw_report.py runs/RUN/report.html docs/images/report.png
"""

import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

WIDTH, HEIGHT = 1240, 1890
"""Of the picture, in pixels."""
SHOWN = ("curves", "gallery")
"""Sections below the answer."""


def draw(page_path: Path, path: Path) -> None:
    """Write the picture of the page in `page_path`, a PNG of WIDTH x HEIGHT pixels."""
    hidden = "".join(f":not(#{name})" for name in SHOWN)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto(page_path.resolve().as_uri())
        page.add_style_tag(content=f"section{hidden}, #curves .plots ~ .plots {{display: none}}")
        page.screenshot(path=path)
        browser.close()
    with Image.open(path) as image:
        # 256 colours take a third of the space; the default method loses rare colours.
        image.convert("RGB").quantize(method=Image.Quantize.MAXCOVERAGE).save(path, optimize=True)


if __name__ == "__main__":
    draw(Path(sys.argv[1]), Path(sys.argv[2]))
