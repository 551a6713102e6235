"""Reading a CSV file takes little memory beside the file and the array."""

import tracemalloc

import numpy as np
import pytest

from kit.config import Competition
from kit.data.readers import blocks, pixel_csv, pixel_text

ROWS = 24_000
SQUARE = (20, 20, 1)
COMPETITIONS = {
    "named pixels": Competition(image_shape=SQUARE),
    "labels of text": Competition(image_shape=SQUARE, labels="auto"),
    "any names": Competition(image_shape=SQUARE, labels="auto", pixel_prefix=None),
    "transposed": Competition(image_shape=SQUARE, labels="auto", pixel_prefix=None, pixel_order="columns"),
}


def rows(separator: str) -> list[str]:
    values = np.random.default_rng(0).integers(0, 256, (100, 400)).tolist()
    lines = [separator.join(map(str, row)) for row in values]
    return [f"{row % 10},{lines[row % 100]}" for row in range(ROWS)]


@pytest.mark.parametrize("competition", COMPETITIONS.values(), ids=COMPETITIONS.keys())
def test_a_csv_with_pixel_columns(competition: Competition) -> None:
    header = ",".join(["label", *(f"pixel{number}" for number in range(400))])
    raw = "\n".join([header, *rows(","), ""]).encode()
    blocks._keep_freed_memory()
    tracemalloc.start()
    table = pixel_csv.parse(raw, "train.csv", competition, labelled=True)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * table.images.nbytes + 1_000_000


def test_a_csv_with_pixels_in_one_cell() -> None:
    competition = Competition.model_validate({"form": "pixel_text", "image_shape": SQUARE})
    raw = "\n".join(["label,pixels", *rows(" "), ""]).encode()
    tracemalloc.start()
    table = pixel_text.parse(raw, "train.csv", competition, labelled=True)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * table.images.nbytes + 2_000_000
