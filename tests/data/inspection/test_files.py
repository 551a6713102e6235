from pathlib import Path

import pytest

from kit.data.inspection.files import is_split, natural, walk
from tests.inspected import write_csv, write_images


def test_files_by_kind(tmp_path: Path) -> None:
    write_images(tmp_path / "train", ["10.png", "2.png", "a.JPG"])
    write_images(tmp_path / "__MACOSX/train", ["x.png"])
    write_csv(tmp_path / "labels.csv", ["id"], [])
    (tmp_path / ".hidden.csv").touch()
    (tmp_path / "test.7z").touch()
    (tmp_path / "notes.txt").touch()
    found = walk(tmp_path)
    assert found.images == {"train": ("2.png", "10.png", "a.JPG")}
    assert ([*found.tables], found.archives, found.others) == (["labels.csv"], ("test.7z",), {".txt": 1})


def test_compressed_tables_have_their_plain_names(tmp_path: Path) -> None:
    for name in ("train.csv.zip", "test.csv.gz", "train.zip"):
        (tmp_path / name).touch()
    found = walk(tmp_path)
    assert ([*found.tables], found.archives) == (["test.csv", "train.csv"], ("train.zip",))


def test_linked_folders_are_read_once(tmp_path: Path) -> None:
    write_images(tmp_path / "disk", ["a.png"])
    (tmp_path / "data").mkdir()
    (tmp_path / "data/train").symlink_to(tmp_path / "disk")
    (tmp_path / "disk/loop").symlink_to(tmp_path / "data")
    assert walk(tmp_path / "data").images == {"train": ("a.png",)}


def test_numbers_in_names_are_sorted_by_value() -> None:
    assert sorted(["x10", "x9", "b", "10", "9"], key=natural) == ["9", "10", "b", "x9", "x10"]


@pytest.mark.parametrize("name", ["train", "test1", "Train_images", "testing", "imgs", "valid", "train-jpg"])
def test_names_of_parts(name: str) -> None:
    assert is_split(name)


@pytest.mark.parametrize("name", ["valley", "trainer", "c0", "Black-grass", "7", "database"])
def test_names_of_classes(name: str) -> None:
    assert not is_split(name)
