"""The generated files have the competition's form, labels of the sample, and almost no equal images."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from kit.config import load
from kit.data import layout
from kit.data.dataset import Dataset, open_folder
from kit.data.duplicates import distinct
from tools.generate_rows import main

ROWS = 2500


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rows")
    arguments = [str(folder), "--rows", str(ROWS), "--test-rows", "30"]
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    return folder


@pytest.fixture(scope="module")
def made(folder: Path) -> Dataset:
    return open_folder(folder, load("default"))


def test_the_files_are_read_as_the_competitions(made: Dataset) -> None:
    assert made.train_images.shape == (ROWS, 28, 28, 1)
    assert made.test_images.shape == (30, 28, 28, 1)


def test_labels_are_those_of_the_sample_in_turn(made: Dataset) -> None:
    sample = open_folder(layout.SAMPLE, load("default")).train_labels
    assert np.array_equal(made.train_labels, sample[np.arange(ROWS) % len(sample)])


def test_images_are_distinct(made: Dataset) -> None:
    assert len(np.unique(distinct(made.train_images))) == ROWS


def test_the_same_arguments_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    arguments = [str(tmp_path), "--rows", str(ROWS), "--test-rows", "30"]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    assert (tmp_path / "train.csv").read_bytes() == (folder / "train.csv").read_bytes()
