import os
from pathlib import Path
from unicodedata import normalize

import pytest

from kit.data.readers.image_names import Index, image_files, natural, stem
from kit.errors import UserError


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def fault(folder: Path, name: str, count: int = 1) -> str:
    return str(Index(folder, image_files(folder)).fault(name, "labels.csv, line 2", count))


def test_image_files_at_any_depth(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "b/c.JPG", "b/d/e.tiff", "notes.txt", "b/data.csv", "noending")
    assert sorted(image_files(tmp_path)) == ["a.png", "b/c.JPG", "b/d/e.tiff"]


def test_what_systems_and_editors_add_is_ignored(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", ".b.png", "__MACOSX/._a.png", ".ipynb_checkpoints/a.png", "Thumbs.db", "._a.png")
    assert image_files(tmp_path) == ["a.png"]


def test_one_folder_can_be_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "cat/1.png", "test/2.png")
    assert image_files(tmp_path, leave_out=tmp_path / "test") == ["cat/1.png"]


def test_a_link_to_a_folder_above_ends(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.png")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    assert image_files(tmp_path) == ["a/1.png"]


@pytest.mark.parametrize(
    "name", ["./1.png", "train/1.png", "./train/1.png", "/input/zoo/train/1.png", "..\\input\\train\\1.png"]
)
def test_paths_from_another_place_mean_the_part_inside_the_folder(tmp_path: Path, name: str) -> None:
    folder = touch(tmp_path / "train", "0.png", "1.png")
    files = sorted(image_files(folder))
    assert Index(folder, files).find(name) == 1


def test_a_path_in_another_folder_means_no_file(tmp_path: Path) -> None:
    folder = touch(tmp_path / "train", "1.png")
    assert Index(folder, image_files(folder)).find("test/1.png") is None


def test_a_folder_named_as_an_image_is_kept_for_the_decoder(tmp_path: Path) -> None:
    touch(tmp_path, "a.png/1.png", "b.png")
    assert sorted(image_files(tmp_path)) == ["a.png", "b.png"]


def test_a_link_to_nothing_is_kept_for_the_decoder_and_a_pipe_is_not(tmp_path: Path) -> None:
    (tmp_path / "a.png").symlink_to(tmp_path / "absent.png")
    os.mkfifo(tmp_path / "b.png")
    assert image_files(tmp_path) == ["a.png"]


def test_a_folder_without_images(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there are no image files\nexpected files that end with \.bmp, "):
        image_files(touch(tmp_path, "notes.txt"))


def test_a_folder_that_is_absent_a_file_or_an_archive(tmp_path: Path) -> None:
    touch(tmp_path, "file", "test.7z")
    with pytest.raises(UserError, match="there is no such folder"):
        image_files(tmp_path / "train")
    with pytest.raises(UserError, match="not a folder"):
        image_files(tmp_path / "file")
    with pytest.raises(UserError, match=rf"test\.7z: not unpacked yet\n.*\n.*--source {tmp_path}"):
        image_files(tmp_path / "test")


def test_natural_order() -> None:
    assert sorted(["10.png", "9.png", "a/2", "a/10", "a", "²"], key=natural) == [
        "9.png",
        "10.png",
        "a",
        "a/2",
        "a/10",
        "²",
    ]


def test_only_endings_of_images_are_removed() -> None:
    assert [stem(name) for name in ("a.png", "cat.0.JPEG", "v1.5", ".png")] == ["a", "cat.0", "v1.5", ".png"]


@pytest.mark.parametrize("name", ["a", "a.png", "sub/a.png", "sub/a"])
def test_a_name_means_a_file_with_or_without_folder_and_ending(tmp_path: Path, name: str) -> None:
    assert Index(tmp_path, ["b.png", "sub/a.png", "1.5.png"]).find(name) == 1


def test_a_whole_name_goes_before_a_name_without_ending(tmp_path: Path) -> None:
    index = Index(tmp_path, ["a.png", "a.png.jpg", "sub/b.png", "b.png"])
    assert (index.find("a.png"), index.find("b.png"), index.find("b")) == (0, 3, 3)


def test_accents_may_be_written_in_either_way(tmp_path: Path) -> None:
    assert Index(tmp_path, [normalize("NFD", "é.png")]).find(normalize("NFC", "é")) == 0


@pytest.mark.parametrize(
    ("files", "name", "words"),
    [
        (["b.png", "10.png", "2.png"], "a", "expected a file in {}/, received 3 files, as 2.png"),
        (["A.png"], "a", "received A.png, which differs by case"),
        (["a.PNG"], "a.png", "received a.PNG, which differs by case"),
        (["a.jpg"], "a.png", "received a.jpg, which has another ending"),
        (["a.png", "a.jpg"], "a", "more than one image 'a'\nexpected one file, received a.jpg and a.png"),
        (["x/a.png", "y/a.png"], "a.png", "received x/a.png and y/a.png"),
        (["b.png", "a/c.png"], "a", "received a folder of that name"),
        (["b.png"], "", "a blank cell\nexpected the name of an image"),
    ],
)
def test_why_a_name_means_no_file(tmp_path: Path, files: list[str], name: str, words: str) -> None:
    touch(tmp_path, *files)
    assert Index(tmp_path, image_files(tmp_path)).find(name) is None
    assert words.format(tmp_path) in fault(tmp_path, name)


def test_the_fault_counts_the_others(tmp_path: Path) -> None:
    touch(tmp_path, "b.png")
    first = "labels.csv, line 2: there is no image 'a'; 1,200 names have no image"
    assert fault(tmp_path, "a", 1200).splitlines()[0] == first
