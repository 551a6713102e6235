"""Write a large train.csv and test.csv in the form of the competition's files.

    python tools/generate_rows.py FOLDER --rows 1000000

Rows are images of the bundled sample, shifted by up to 2 pixels, with other brightness in each pixel that is
not black, so that almost no two are equal. The labels are those of the sample.
"""

from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from kit.config import load
from kit.data import layout
from kit.data.dataset import open_folder
from kit.data.readers.header import pixel_names
from kit.files import atomic

_BLOCK = 1000
_TEXTS = [str(value).encode() for value in range(256)]


@click.command(help=__doc__)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--rows", default=1_000_000, show_default=True, help="Training rows; 1.8 kB each.")
@click.option("--test-rows", default=28_000, show_default=True, help="Test rows.")
@click.option("--seed", default=0, show_default=True)
def main(folder: Path, rows: int, test_rows: int, seed: int) -> None:
    """Write the files; the same arguments give the same bytes."""
    config = load("default")
    sample, rng = open_folder(layout.SAMPLE, config), np.random.default_rng(seed)
    columns = pixel_names(config.competition)
    folder.mkdir(parents=True, exist_ok=True)
    train = varied(sample.train_images, rows, rng, sample.train_labels)
    _write(folder / layout.TRAIN, [config.competition.label_column, *columns], train)
    _write(folder / layout.TEST, columns, varied(sample.test_images, test_rows, rng))


def varied(
    images: NDArray[np.uint8],
    rows: int,
    rng: np.random.Generator,
    labels: NDArray[np.uint8] | None = None,
) -> Iterator[NDArray[np.uint8]]:
    """Yield blocks of rows, the label first if there are labels.

    Args:
        images: (n, height, width, 1) uint8, taken in turn.
        rows: number of rows of all blocks.
        rng: decides the changes.
        labels: (n,) uint8.
    """
    for start in range(0, rows, _BLOCK):
        chosen = np.arange(start, min(start + _BLOCK, rows)) % len(images)
        shift = rng.integers(-2, 3, 2).tolist()
        moved = np.roll(images[chosen], shift, axis=(1, 2)).reshape(len(chosen), -1)
        darker = rng.integers(0, 16, moved.shape, np.uint8)
        pixels = np.where(moved > darker, moved - darker, moved)
        yield pixels if labels is None else np.c_[labels[chosen], pixels]


def _write(path: Path, columns: list[str], blocks: Iterator[NDArray[np.uint8]]) -> None:
    with atomic(path) as file:
        file.write(",".join(columns).encode() + b"\n")
        for block in blocks:
            file.writelines(b",".join([_TEXTS[value] for value in row]) + b"\n" for row in block.tolist())


if __name__ == "__main__":
    main()
