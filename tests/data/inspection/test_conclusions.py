from pathlib import Path

import pytest

from kit.data.inspection.conclusions import epochs
from kit.errors import UserError
from tests.inspected import conclude, lines, values, write_csv, write_images


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no images\n.*received an empty folder"):
        conclude(tmp_path)


def test_a_table_without_images_is_refused(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", ["id", "age"], [["a", 1], ["b", 2]])
    with pytest.raises(UserError, match=r"received CSV files without pixels \(train.csv\)"):
        conclude(tmp_path)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.dcm", "DICOM images"), ("a.parquet", "Parquet files"), ("a.tfrec", "TFRecord files")],
)
def test_other_formats_are_named(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(UserError, match=f"received 1 {kind}\n{kind} are not supported: convert them to png"):
        conclude(tmp_path)


def test_archives_of_images_have_to_be_unpacked(tmp_path: Path) -> None:
    write_csv(tmp_path / "labels.csv", ["id", "breed"], [["a", "x"], ["b", "y"]])
    (tmp_path / "train.zip").touch()
    with pytest.raises(UserError, match=r"the images are in archives\nreceived train\.zip"):
        conclude(tmp_path)


def test_copies_of_a_table_count_once(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "copy"):
        write_csv(folder / "labels.csv", ["id", "breed"], [[f"x{n}", "ab"[n % 2]] for n in range(8)])
    write_images(tmp_path / "train", [f"x{n}.png" for n in range(8)])
    assert values(conclude(tmp_path))["train"] == "labels.csv"


def test_photographs_have_the_base_configuration_of_photographs(tmp_path: Path) -> None:
    write_images(tmp_path / "train/a", ["1.jpg", "2.jpg"], (200, 100))
    write_images(tmp_path / "train/b", ["3.jpg", "4.jpg"], (100, 200))
    found = conclude(tmp_path)
    assert found.base == "photos"
    assert (values(found)["size"], values(found)["channels"]) == (64, 3)
    size = "200 x 100 to 100 x 200 pixels (height x width)"
    assert lines(found)["images"] == f"4 jpg, {size}, colour; read as 64 x 64 (image.size)"
    assert (lines(found)["test"], found.has_test) == ("no test images: nothing to submit", False)


@pytest.mark.parametrize(
    ("rows", "expected"), [(100, 60), (1000, 45), (10_000, 20), (50_000, 11), (10**9, 4)]
)
def test_few_rows_need_more_epochs(rows: int, expected: int) -> None:
    assert epochs(rows, "images") == expected
    assert epochs(10_000, "photos") == 30


@pytest.mark.parametrize(("slug", "base"), [("digit-recognizer", "default"), ("letters", "images")])
def test_only_digits_get_the_networks_that_are_made_for_digits(tmp_path: Path, slug: str, base: str) -> None:
    header = ["label", *(f"pixel{number}" for number in range(784))]
    write_csv(tmp_path / "train.csv", header, [[n % 3, *[n] * 784] for n in range(12)])
    found = conclude(tmp_path, slug)
    assert found.base == base
    assert ("epochs" in values(found)) == (base == "images")
