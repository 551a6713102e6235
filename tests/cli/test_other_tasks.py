"""`kit` on a made-up competition: labels and ids of text, colour images, a submission of probabilities."""

import csv
from pathlib import Path

import numpy as np
import pytest

from tests.workplace import kit

COLOURS = {"red apple": (200, 20, 20), "kiwi": (90, 140, 40), "blueberry": (30, 40, 160)}
CONFIG = """
competition:
  slug: fruit
  label_column: fruit
  labels: auto
  image_shape: [2, 2, 3]
  test_id_column: file
  id_column: file
  prediction_column: fruit
models: {knn: {kind: knn, neighbours: 3}}
folds: {count: 2}
"""
FILES = [f"img_{number:02}.jpg" for number in (7, 3, 11, 5, 2, 9)]
FRUIT = ["kiwi", "red apple", "blueberry", "blueberry", "kiwi", "red apple"]


def images(fruit: list[str], seed: int) -> list[list[int]]:
    noise = np.random.default_rng(seed).integers(-10, 11, (len(fruit), 12))
    colours = np.array([COLOURS[name] * 4 for name in fruit])
    return [[int(value) for value in row] for row in colours + noise]


@pytest.fixture
def fruit(workdir: Path) -> Path:
    """Write train.csv and test.csv of a competition whose images are of one colour each."""
    pixels = [f"pixel{number}" for number in range(12)]
    labels = list(COLOURS) * 8
    folder = workdir / "data"
    folder.mkdir()
    with (folder / "train.csv").open("w", newline="") as file:
        rows = [[*row, label] for row, label in zip(images(labels, 0), labels, strict=True)]
        csv.writer(file).writerows([[*pixels, "fruit"], *rows])
    with (folder / "test.csv").open("w", newline="") as file:
        rows = [[name, *row] for name, row in zip(FILES, images(FRUIT, 1), strict=True)]
        csv.writer(file).writerows([["file", *pixels], *rows])
    (workdir / "fruit.yaml").write_text(CONFIG)
    return workdir


def run(*changes: str) -> list[list[str]]:
    """Train, and return the submission."""
    sets = [part for change in changes for part in ("--set", change)]
    done = kit("cv", "-c", "fruit.yaml", "--run", "fruit", *sets)
    assert done.code == 0, done.err
    with Path("runs/fruit/submission.csv").open(newline="") as file:
        return list(csv.reader(file))


@pytest.mark.usefixtures("fruit")
def test_labels_and_ids_come_back_as_they_were() -> None:
    assert run() == [["file", "fruit"], *map(list, zip(FILES, FRUIT, strict=True))]
    done = kit("submit", "fruit", "--dry-run")
    assert done.code == 0, done.err
    assert "blueberry: 2  kiwi: 2  red apple: 2" in done.out + done.err


@pytest.mark.usefixtures("fruit")
def test_probabilities_of_each_class_are_submitted() -> None:
    header, *rows = run("competition.submission.format=probabilities")
    assert header == ["file", "blueberry", "kiwi", "red apple"]
    assert [header[1 + int(np.argmax(np.array(row[1:], float)))] for row in rows] == FRUIT
    assert kit("submit", "fruit", "--dry-run").code == 0


@pytest.mark.usefixtures("fruit")
def test_a_wrong_row_of_a_file_is_named() -> None:
    run()
    text = Path("runs/fruit/submission.csv").read_text()
    Path("mine.csv").write_text(text.replace("img_11.jpg,blueberry", "img_11.jpg,banana"))
    done = kit("submit", "mine.csv", "-c", "fruit.yaml", "--dry-run")
    assert (done.code, done.err) == (
        2,
        "kit: mine.csv, line 4, column fruit: not a label\n"
        "expected one of 3 labels: blueberry, kiwi, red apple, received 'banana'\n",
    )


@pytest.mark.usefixtures("fruit")
def test_data_check_shows_labels_and_channels() -> None:
    lines = kit("data", "check", "-c", "fruit.yaml").out.splitlines()
    assert lines[0] == "data/: 24 training and 6 test images of 2 x 2 pixels, 3 channels"
    assert [line.split()[0] for line in lines if "33.3" in line] == ["blueberry", "kiwi", "red"]
