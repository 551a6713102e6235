"""The page of a run: one self-contained HTML file."""

from pathlib import Path

from kit.files import atomic
from kit.images import Images
from kit.records import Report

PAGE_VERSION = 1


def write_page(path: Path, report: Report, images: Images) -> None:
    """Write the page of a run, without external resources.

    Args:
        path: of the HTML file.
        report: the figures.
        images: of the rows in the gallery.
    """
    shown = len(images.train)
    head = f'<!doctype html>\n<meta name="generator" content="kit page {PAGE_VERSION}">\n'
    page = f"{head}<h1>{report.run}</h1>{shown}"
    with atomic(path) as file:
        file.write(page.encode())
