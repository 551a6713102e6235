"""`kit predict`: probabilities of new images by the networks of a run."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kit.cli import options
from kit.cli.busy import Busy
from kit.errors import UserError
from kit.lazy import LazyModule
from kit.run_folder import find_run

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kit.pipeline.predict import Prediction
else:
    np = LazyModule("numpy")

SHOWN = 100
"""Images in the table on a terminal; all of them are in --output and --json."""
WARNED = 10
"""Warnings about single images that are printed."""


@click.command(
    epilog="\b\nExample:\n  kit predict default-1a2b3c4d photo.png --invert\n"
    "  kit predict default-1a2b3c4d drawings/ --output drawings.csv\n"
    "  kit predict quick-1a2b3c4d data/test.csv --json | jq '.images[0]'"
)
@click.argument("run", type=options.RunName(), metavar="RUN")
@click.argument("files", type=options.Named(), nargs=-1, required=True, metavar="FILE|FOLDER…")
@click.option(
    "--output",
    type=options.Named(),
    metavar="FILE.csv",
    help="Write file, predicted label and one probability per class.",
)
@click.option("--invert", is_flag=True, help="Invert the images, as for digits drawn dark on light.")
@click.option(
    "--top",
    type=click.IntRange(1),
    default=2,
    show_default=True,
    metavar="N",
    help="Show the N most probable labels of each image.",
)
@options.as_json
def command(
    *, run: str, files: tuple[str, ...], output: str | None, invert: bool, top: int, as_json: bool
) -> None:
    """Predict images with the networks of RUN, a name or a path, combined as in the run.

    FILE is an image (png, jpg, tif, bmp, webp) or a CSV file in the format of the competition's test file;
    FOLDER contains images. Images are resized as in training.
    """
    found = find_run(run)
    paths = [Path(name) for name in files]
    if output is not None:
        _check_output(Path(output), paths)
    with Busy() as busy:
        busy("reading the images")
        from kit.pipeline.predict import predict_files, write

        prediction = predict_files(found, paths, busy, inverted=invert)
        if output is not None:
            write(Path(output), prediction)
    _warn(prediction)
    if as_json:
        click.echo(json.dumps(_as_json(prediction), indent=2))
    elif output is None:
        _show(prediction, top)
    if output is not None:
        click.echo(f"{len(prediction.names):,} predictions: {output}", err=as_json)


def _check_output(output: Path, paths: Sequence[Path]) -> None:
    """Check that the result can be written, before minutes of predicting."""
    if output.is_dir() or not output.parent.is_dir():
        what = "it is a folder" if output.is_dir() else f"there is no folder {output.parent}"
        raise UserError(what, where="--output", expected="the name of a CSV file", received=str(output))
    if any(path.resolve() == output.resolve() for path in paths):
        raise UserError("the same file as an input", where="--output", hint="choose another name")


def _warn(prediction: "Prediction") -> None:
    if prediction.warnings is None:
        click.echo(
            "note: no training images here, so that it is not known whether these look alike", err=True
        )
    warned = [
        f"{name}: {text}"
        for name, text in zip(prediction.names, prediction.warnings or (), strict=False)
        if text
    ]
    for text in warned[:WARNED]:
        click.echo(f"warning: {text}", err=True)
    if len(warned) > WARNED:
        click.echo(f"warning: {len(warned) - WARNED:,} more images differ from the training images", err=True)


def _as_json(prediction: "Prediction") -> dict[str, object]:
    texts = prediction.warnings or [""] * len(prediction.names)
    return {
        "run": prediction.run,
        "labels": list(prediction.labels),
        "images": [
            {
                "file": name,
                "predicted": prediction.labels[int(guess)],
                "probability": float(probs[guess]),
                "probabilities": dict(zip(prediction.labels, probs.tolist(), strict=True)),
                "warning": text or None,
            }
            for name, probs, guess, text in zip(
                prediction.names, prediction.probs, prediction.predicted, texts, strict=True
            )
        ],
    }


def _show(prediction: "Prediction", top: int) -> None:
    from rich.console import Console

    from kit.reports.formatting import print_table, print_text

    probs, count = prediction.probs[:SHOWN], min(top, len(prediction.labels))
    order = _first(prediction.predicted[:SHOWN], (-probs).argsort(axis=1, kind="stable"))[:, :count]
    columns: dict[str, Sequence[str]] = {"File": prediction.names[:SHOWN]}
    for place in range(count):
        heading = "Label" if place == 0 else f"Label {place + 1}"
        columns[heading] = [prediction.labels[one] for one in order[:, place]]
        shares = [own[one] for own, one in zip(probs, order[:, place], strict=True)]
        columns["Probability" if place == 0 else f"Probability {place + 1}"] = [
            f"{one:.4f}" for one in shares
        ]
    console = Console()
    print_table(console, columns)
    if len(prediction.names) > SHOWN:
        more = len(prediction.names) - SHOWN
        print_text(console, f"{more:,} more images: --output FILE.csv writes all of them")


def _first(predicted: "NDArray[np.integer]", order: "NDArray[np.integer]") -> "NDArray[np.integer]":
    """Return the order of the classes of each row with the predicted class first."""
    others = order[order != predicted[:, None]].reshape(len(order), -1)
    return np.column_stack([predicted, others])
