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
    ("name", "pattern"), [("{kind}{number}.png", PATTERNS[1]), ("{number}_{kind}.png", PATTERNS[2])]
)
def test_other_places_of_the_label(tmp_path: Path, name: str, pattern: str) -> None:
    names = [name.format(kind=kind, number=number) for kind in ("oak", "elm") for number in range(5)]
    write_images(tmp_path / "train", names)
    found = conclude(tmp_path)
    assert values(found)["label_pattern"] == pattern
    assert lines(found)["labels"] == "2 strings (elm, oak), in the names of the images in train/"


def test_only_test_files_are_refused(tmp_path: Path) -> None:
    write_images(tmp_path / "test", [f"{number}.png" for number in range(9)])
    with pytest.raises(UserError, match=r"no labels: .*\nreceived 9 images in test/; CSV files: none\n"):
        conclude(tmp_path)
