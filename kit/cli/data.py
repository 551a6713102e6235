"""`kit data`: fetch the competition's files, and check them."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kit.cli import options
from kit.cli.browser import open_page
from kit.cli.busy import Busy
from kit.errors import UserError
from kit.run_folder import data_page_path

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kit.config import Config
    from kit.data.dataset import Dataset


@click.group()
def command() -> None:
    """Fetch and check the competition's files."""


@command.command(
    epilog="\b\nExample:\n  kit data fetch --source digit-recognizer.zip\n  kit data fetch --source kaggle\n"
    "  kit data fetch -c cifar-10 --source cifar-10.zip"
)
@options.config
@click.option(
    "--source",
    type=options.Named(),
    default="auto",
    show_default=True,
    metavar="auto|kaggle|sample|PATH",
    help="PATH: a folder or a zip with the files. auto: Kaggle if there are credentials.",
)
@click.option("--force", is_flag=True, help="Replace files that differ.")
@options.timeout
def fetch(config: str, source: str, force: bool, timeout: float) -> None:
    """Fetch the competition's files into the data directory, checked.

    Archives in a zip, as of images, are unpacked. On any failure the directory stays exactly as it was.
    """
    from kit.config import load
    from kit.data import obtain

    with Busy() as busy:
        if source not in {"auto", "kaggle"}:  # a download has its own bar
            busy(f"checking and copying the files of {source}")
        fetched = obtain.fetch(load(config), source, force=force, timeout=timeout, stage=busy)
    click.echo(fetched)


@command.command(
    epilog="\b\nExample:\n  kit data check -c dog-breed --open\n  kit data check --json | jq .rows"
)
@options.config
@options.as_json
@options.open_page
def check(config: str, as_json: bool, open_: bool) -> None:
    """Check the data that `kit cv` would use, show it, and draw a page with images of each class."""
    from kit.config import find, load
    from kit.data.folds import folds_by_seed
    from kit.data.source import load as load_data

    resolved = load(config)
    with Busy() as busy:
        dataset = load_data(resolved, busy)
        busy("looking for groups")
        dataset = replace(dataset, warnings=(*dataset.warnings, *_likely_groups(dataset, resolved)))
        folds = folds_by_seed(dataset, resolved.folds, resolved.seeds)
        busy("drawing the page")
        page = _drawn(dataset, folds[0], find(config).stem, busy.say)
    if as_json:
        click.echo(json.dumps({**_summary(dataset), "page": page and str(page)}, indent=2))
    else:
        _show(dataset, page)
    if open_:
        if page is None:
            raise UserError("there is no page to open")
        open_page(page)


def _likely_groups(dataset: "Dataset", resolved: "Config") -> list[str]:
    """Return a sentence per column of the competition's tables that looks like groups."""
    from kit.data.layout import local_folder
    from kit.data.likely_groups import likely_groups

    folder = local_folder(resolved)
    if folder is None or resolved.folds.group:
        return []
    names, images, labels = dataset.train_names, dataset.train_images, dataset.train_labels
    return [str(one) for one in likely_groups(folder, resolved, names, images, labels)]


def _drawn(
    dataset: "Dataset", folds: "NDArray[np.int8]", name: str, say: Callable[[str], None]
) -> Path | None:
    """Return the path of the page; None if it cannot be written."""
    from kit.reports.data.page import write_page

    path = data_page_path(name)
    try:
        path.parent.mkdir(exist_ok=True)
        write_page(path, dataset, folds, name)
    except OSError as error:
        say(f"the page cannot be written to {path}: {error.strerror}")
        return None
    return path


def _class_counts(dataset: "Dataset") -> list[int]:
    return [int((dataset.train_labels == index).sum()) for index in range(dataset.task.classes)]


def _summary(dataset: "Dataset") -> dict[str, object]:
    return {
        "source": dataset.source,
        "sample": dataset.sample,
        "rows": len(dataset.train_labels),
        "test_rows": len(dataset.test_images),
        "image_shape": list(dataset.image_shape),
        "labels": list(dataset.task.labels.labels),
        "class_counts": _class_counts(dataset),
        "fingerprint": dataset.fingerprint,
        "warnings": list(dataset.warnings),
    }


def _show(dataset: "Dataset", page: Path | None) -> None:
    from rich.console import Console

    from kit.reports.formatting import print_table, print_text

    height, width, channels = dataset.image_shape
    rows, counts = len(dataset.train_labels), _class_counts(dataset)
    images = f"{rows:,} training and {len(dataset.test_images):,} test images of {height} x {width} pixels"
    images += " (height x width)" if height != width else ""
    console = Console()
    print_text(console, f"{dataset.source}: {images}" + (f", {channels} channels" if channels > 1 else ""))
    if dataset.sample:
        print_text(console, "There is no competition data here: get it with `kit data fetch`.")
    click.echo(f"fingerprint {dataset.fingerprint[:16]}\n")
    shares = [f"{100 * count / rows:.1f}" for count in counts]
    columns = {"Class": dataset.task.labels.labels, "Rows": [f"{count:,}" for count in counts], "%": shares}
    print_table(console, columns)
    for warning in dataset.warnings:
        print_text(console, f"warning: {warning}")
    if page:
        print_text(console, f"Page: {page}")
