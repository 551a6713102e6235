"""`kit data`: bring the competition's files here, and look at what is here."""

import json
from typing import Any

import click

from kit.cli import options


@click.group()
def command() -> None:
    """Fetch and check the competition's files."""


@command.command(
    epilog="\b\nExample:\n  kit data fetch --source digit-recognizer.zip\n  kit data fetch --source kaggle"
)
@options.config
@click.option(
    "--source",
    type=options.Named(),
    default="auto",
    show_default=True,
    metavar="auto|kaggle|sample|PATH",
    help="PATH is a folder or a zip with train.csv and test.csv. auto takes Kaggle where credentials are.",
)
@click.option("--force", is_flag=True, help="Replace files that differ.")
@options.timeout
def fetch(config: str, source: str, force: bool, timeout: float) -> None:
    """Bring train.csv and test.csv into the data directory, checked.

    On any failure the directory stays exactly as it was.
    """
    from kit.config import load
    from kit.data import obtain

    click.echo(obtain.fetch(load(config), source, force=force, timeout=timeout))


@command.command(epilog="\b\nExample:\n  kit data check\n  kit data check --json | jq .rows")
@options.config
@options.as_json
def check(config: str, as_json: bool) -> None:
    """Read the data that `kit cv` would use, and show what it is."""
    from kit.config import load
    from kit.data.folds import make_folds
    from kit.data.source import load as load_data
    from kit.task.submission import check_submission

    resolved = load(config)
    data = load_data(resolved)
    make_folds(data.train_images, data.train_labels, resolved.folds.count, resolved.folds.seed)
    if data.sample_submission:
        check_submission(data.sample_submission, resolved.competition, ids=data.ids(resolved.competition))
    summary = {
        "source": data.source,
        "sample": data.sample,
        "rows": len(data.train_labels),
        "test_rows": len(data.test_images),
        "image_shape": list(data.train_images.shape[1:]),
        "class_counts": [
            int((data.train_labels == label).sum()) for label in range(resolved.competition.classes)
        ],
        "fingerprint": data.fingerprint,
        "warnings": list(data.warnings),
    }
    if as_json:
        click.echo(json.dumps(summary, indent=2))
    else:
        _show(summary)


def _show(summary: dict[str, Any]) -> None:
    from rich.console import Console

    from kit.reports.formatting import table

    height, width, _ = summary["image_shape"]
    counts = summary["class_counts"]
    rows = f"{summary['rows']:,} training and {summary['test_rows']:,} test images"
    click.echo(f"{summary['source']}: {rows} of {height} x {width} pixels")
    if summary["sample"]:
        click.echo("There is no competition data here: kit data fetch brings it.")
    click.echo(f"fingerprint {summary['fingerprint'][:16]}\n")
    shares = [f"{100 * count / summary['rows']:.1f}" for count in counts]
    Console().print(
        table({"Class": range(len(counts)), "Rows": [f"{count:,}" for count in counts], "%": shares})
    )
    for warning in summary["warnings"]:
        click.echo(f"warning: {warning}")
