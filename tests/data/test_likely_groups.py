from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from kit.config import Config
from kit.data.likely_groups import LikelyGroup, Nearest, likely_groups

ROWS, PERSONS, CLASSES = 600, 26, 5


@pytest.fixture
def config() -> Config:
    return Config.model_validate(
        {"competition": {"form": "folders"}, "models": {"knn": {"kind": "knn", "neighbours": 1}}}
    )


def pictures(seed: int, style: float) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.int64]]:
    """Return images, classes and persons; `style` is how much a person changes its images."""
    rng = np.random.default_rng(seed)
    labels, persons = rng.integers(CLASSES, size=ROWS), rng.integers(PERSONS, size=ROWS)
    kinds, styles = (rng.normal(size=(count, 16, 16, 1)) for count in (CLASSES, PERSONS))
    noise = rng.normal(size=(ROWS, 16, 16, 1))
    images = 128 + 40 * kinds[labels] + style * styles[persons] + 40 * noise
    return images.clip(0, 255).astype(np.uint8), labels.astype(np.uint8), persons


def write(path: Path, **columns: NDArray[np.int64]) -> None:
    rows = np.stack([*columns.values()], axis=1).tolist()
    lines = [
        ",".join(["img", *columns]),
        *(f"{place}.png,{','.join(map(str, row))}" for place, row in enumerate(rows)),
    ]
    path.write_text("\n".join(lines) + "\n")


NAMES = [f"{row}.png" for row in range(ROWS)]


def test_a_column_of_persons_is_found(tmp_path: Path, config: Config) -> None:
    images, labels, persons = pictures(0, 30)
    other = np.random.default_rng(1).integers(30, size=ROWS)
    write(tmp_path / "drivers.csv", classname=labels.astype(np.int64), subject=persons, other=other)
    [found] = likely_groups(tmp_path, config, NAMES, images, labels)
    assert (found.table, found.column, found.values) == ("drivers.csv", "subject", PERSONS)
    assert found.shared > 0.7
    assert found.expected == pytest.approx(1 / PERSONS, abs=0.01)


def test_the_sample_submission_and_damaged_files_are_left_out(tmp_path: Path, config: Config) -> None:
    images, labels, persons = pictures(0, 30)
    write(tmp_path / "sample_submission.csv", subject=persons)
    (tmp_path / "notes.csv").write_text("a,b\nc\n")
    (tmp_path / "empty.csv").write_text("")
    assert likely_groups(tmp_path, config, NAMES, images, labels) == []


@pytest.mark.parametrize("values", [9, 301])
def test_few_or_many_values_are_no_groups(tmp_path: Path, config: Config, values: int) -> None:
    images, labels, persons = pictures(0, 30)
    write(tmp_path / "drivers.csv", subject=persons % 9 if values == 9 else np.arange(ROWS) % values)
    assert likely_groups(tmp_path, config, NAMES, images, labels) == []


def test_a_column_that_follows_the_classes_is_no_group() -> None:
    images, labels, _ = pictures(0, 0)
    assert not Nearest(images, labels).is_clear(labels.astype(np.int64))


def test_random_columns_are_no_groups() -> None:
    rng = np.random.default_rng(2)
    for seed in range(5):
        images, labels, _ = pictures(seed, 30)
        nearest = Nearest(images, labels)
        for _ in range(20):
            values = int(rng.integers(10, 300))
            assert not nearest.is_clear(rng.integers(values, size=ROWS))


def test_images_smaller_than_the_grid_are_compared() -> None:
    images, labels, persons = pictures(0, 30)
    assert Nearest(images[:, :5, :3], labels).shared(persons)[0] > 0.1


def test_a_warning_says_what_to_set() -> None:
    assert str(LikelyGroup("driver_imgs_list.csv", "subject", 26, 0.931, 0.041)) == (
        "likely groups: column subject of driver_imgs_list.csv (26 values): nearest images share it 93 % of "
        "the time, 4 % expected; set folds.group: {table: driver_imgs_list.csv, column: subject}"
    )
