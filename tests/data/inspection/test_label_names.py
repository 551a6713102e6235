from pathlib import Path

import pytest

from kit.data.inspection.label_names import PATTERNS
from kit.errors import UserError
from tests.inspected import conclude, lines, values, write_csv, write_images


def test_the_label_is_before_the_first_separator(tmp_path: Path) -> None:
    write_images(
        tmp_path / "train", [f"{kind}.{number}.jpg" for kind in ("cat", "dog") for number in range(5)]
    )
    write_images(tmp_path / "test1", [f"{number}.jpg" for number in range(1, 4)])
    write_csv(tmp_path / "sampleSubmission.csv", ["id", "label"], [[number, 0.5] for number in range(1, 4)])
    found = conclude(tmp_path)
    assert values(found) | {"form": "file_names", "test_images": "test1"} == values(found)
    assert "label_pattern" not in values(found)
    assert lines(found)["form"] == "labels in the names of the images in train/, as in cat.0.jpg"
    assert values(found)["submission.positive"] == "dog"


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("{kind}{number}.png", PATTERNS[0]),
        ("{kind} ({number}).png", PATTERNS[0]),
        ("{kind}{number}b.png", PATTERNS[2]),
        ("{number}_{kind}.png", PATTERNS[3]),
    ],
)
def test_other_places_of_the_label(tmp_path: Path, name: str, pattern: str) -> None:
    names = [name.format(kind=kind, number=number) for kind in ("oak", "elm") for number in range(5)]
    write_images(tmp_path / "train", names)
    found = conclude(tmp_path)
    assert values(found)["label_pattern"] == pattern
    assert lines(found)["labels"] == "2 strings (elm, oak), in the names of the images in train/"


def test_a_label_of_two_words(tmp_path: Path) -> None:
    kinds = ("dog_pug", "dog_beagle", "cat_bombay")
    write_images(tmp_path / "train", [f"{kind}_{number}.png" for kind in kinds for number in range(5)])
    found = lines(conclude(tmp_path))
    assert found["labels"].startswith("3 strings (cat_bombay, dog_beagle, dog_pug)")


def test_the_sample_submission_decides_between_two_labels(tmp_path: Path) -> None:
    kinds = ("dog_pug", "dog_beagle", "cat_bombay")
    write_images(tmp_path / "train", [f"{kind}_{number}.png" for kind in kinds for number in range(5)])
    write_images(tmp_path / "test", ["1.png", "2.png"])
    write_csv(tmp_path / "sample_submission.csv", ["id", "kind"], [[1, "dog"], [2, "dog"]])
    assert lines(conclude(tmp_path))["labels"].startswith("2 strings (cat, dog)")


@pytest.mark.parametrize("name", ["class-{kind}-img-{number}.png", "{number:04}_{kind}.png"])
def test_numbers_of_classes_in_the_name(tmp_path: Path, name: str) -> None:
    names = [name.format(kind=number % 3, number=number) for number in range(12)]
    write_images(tmp_path / "train", names)
    assert lines(conclude(tmp_path))["labels"].startswith("3 integers, 0 to 2")


def test_only_test_files_are_refused(tmp_path: Path) -> None:
    write_images(tmp_path / "test", [f"{number}.png" for number in range(9)])
    with pytest.raises(UserError, match=r"no labels: .*\nreceived 9 images in test/; CSV files: none\n"):
        conclude(tmp_path)
