import os
from pathlib import Path
from typing import Any

import pytest

from kit.config import Competition
from kit.data.readers.image_files import ImageRows, stamp, test_rows, training_rows
from kit.errors import UserError

test_rows.__test__ = False  # type: ignore[attr-defined]
TABLE = "id,label\na,cat\nb,dog\nc,cat\n"


def competition(form: str, **keys: Any) -> Competition:
    return Competition.model_validate({"form": form, **keys})


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def files(rows: ImageRows, folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in rows.files]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Return a folder with train.csv and its three images."""
    (tmp_path / "train.csv").write_text(TABLE)
    return touch(tmp_path, "train/a.png", "train/b.png", "train/c.jpg", "test/10.png", "test/2.png")


def fails(folder: Path, message: str, form: str = "table", **keys: Any) -> None:
    with pytest.raises(UserError) as caught:
        training_rows(folder, competition(form, **keys))
    assert message in str(caught.value)


def test_a_table_gives_files_and_labels_in_its_order(table: Path) -> None:
    (table / "train.csv").write_text("id,label\nc,cat\na,cat\nb,dog\n")
    rows = training_rows(table, competition("table"))
    assert files(rows, table) == ["train/c.jpg", "train/a.png", "train/b.png"]
    assert (rows.names, rows.labels, rows.warnings) == (("c", "a", "b"), ("cat", "cat", "dog"), ())


def test_names_with_endings_are_kept_as_they_are_written(table: Path) -> None:
    (table / "train.csv").write_text("id,label\na.png,cat\nb.png,dog\nc.jpg,cat\n")
    assert training_rows(table, competition("table")).names == ("a.png", "b.png", "c.jpg")


def test_a_folder_of_test_images_inside_has_no_training_rows(table: Path) -> None:
    touch(table, "train/test/a.png", "train/test/d.png")
    rows = training_rows(table, competition("table", test_images="train/test"))
    assert (files(rows, table)[0], rows.warnings) == ("train/a.png", ())


def test_one_hot_labels(table: Path) -> None:
    (table / "train.csv").write_text("id,rust,scab\na,1,0\nb,0,1\nc,0,1\n")
    rows = training_rows(table, competition("table", label_columns=["rust", "scab"]))
    assert rows.labels == ("rust", "scab", "scab")


def test_a_missing_image_is_named_with_its_line(table: Path) -> None:
    (table / "train" / "b.png").unlink()
    (table / "train" / "c.jpg").unlink()
    fails(table, "train.csv, line 3, column id: there is no image 'b'; 2 names have no image\n")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a,cat", "train.csv, line 5, column id: image 'a' is already in "),
        ("a.png,cat", "image 'a.png' is already in "),
        ("a,dog", "line 2, with label cat in place of dog\nexpected every image once"),
    ],
)
def test_an_image_has_one_row(table: Path, row: str, message: str) -> None:
    (table / "train.csv").write_text(f"{TABLE}{row}\n")
    fails(table, message)


def test_images_without_a_row_are_a_warning(table: Path) -> None:
    touch(table, "train/d.png", "train/e.png")
    rows = training_rows(table, competition("table"))
    assert rows.warnings == (f"2 of 5 images in {table}/train/ have no row, as d.png",)


def test_a_shared_folder_has_the_images_of_other_rows_too(table: Path) -> None:
    touch(table, "train/t1.png", "train/t2.png")
    shared = competition("table", test_images="train")
    assert training_rows(table, shared).warnings == ()
    assert test_rows(table, shared, ["t2", "t1"]).names == ("t2", "t1")
    assert files(test_rows(table, shared, None), table) == ["train/t1.png", "train/t2.png"]


def test_a_shared_folder_without_test_images(table: Path) -> None:
    with pytest.raises(UserError, match="all images are training rows"):
        test_rows(table, competition("table", test_images="train"), None)


def test_a_folder_per_class(tmp_path: Path) -> None:
    touch(tmp_path, "train/Black grass/2.png", "train/Black grass/10.png", "train/Maize/x/1.png")
    rows = training_rows(tmp_path, competition("folders"))
    assert rows.names == ("Black grass/2", "Black grass/10", "Maize/x/1")
    assert rows.labels == ("Black grass", "Black grass", "Maize")


def test_training_images_that_differ_by_their_ending_alone(tmp_path: Path) -> None:
    touch(tmp_path, "train/a/1.png", "train/a/1.jpg", "train/b/1.png")
    assert training_rows(tmp_path, competition("folders")).names == ("a/1.jpg", "a/1.png", "b/1")


def test_images_outside_the_class_folders_are_a_warning(tmp_path: Path) -> None:
    touch(tmp_path, "train/a/1.png", "train/b/1.png", "train/logo.png")
    rows = training_rows(tmp_path, competition("folders"))
    assert rows.labels == ("a", "b")
    assert rows.warnings == (f"{tmp_path}/train/: left out, because in no class folder: logo.png",)


def test_test_images_within_the_training_images_are_no_class(tmp_path: Path) -> None:
    touch(tmp_path, "imgs/a/1.png", "imgs/b/1.png", "imgs/test/2.png")
    within = competition("folders", train_images="imgs", test_images="imgs/test")
    assert training_rows(tmp_path, within).labels == ("a", "b")
    assert test_rows(tmp_path, within, None).names == ("2",)


def test_no_class_folders(tmp_path: Path) -> None:
    touch(tmp_path, "train/1.png")
    fails(tmp_path, "there are no class folders\nexpected one folder per class, received 1 images", "folders")


def test_a_class_folder_without_images(tmp_path: Path) -> None:
    touch(tmp_path, "train/a/1.png", "train/b/notes.txt")
    fails(tmp_path, f"{tmp_path}/train/b/: there are no images of this class", "folders")


def test_labels_in_file_names(tmp_path: Path) -> None:
    touch(tmp_path, "train/cat.10.jpg", "train/cat.2.jpg", "train/dog.1.jpg")
    rows = training_rows(tmp_path, competition("file_names"))
    assert rows.names == ("cat.2", "cat.10", "dog.1")
    assert rows.labels == ("cat", "cat", "dog")


def test_another_pattern(tmp_path: Path) -> None:
    touch(tmp_path, "train/001-cat.jpg", "train/002-dog.jpg")
    rows = training_rows(tmp_path, competition("file_names", label_pattern=r"-(\w+)\."))
    assert rows.labels == ("cat", "dog")


def test_a_name_without_a_label(tmp_path: Path) -> None:
    touch(tmp_path, "train/cat_1.jpg", "train/7.jpg", "train/8.jpg")
    expected = (
        f"{tmp_path}/train/7.jpg: the name has no label; 2 names have none\nexpected a name that matches"
    )
    fails(tmp_path, expected, "file_names", label_pattern="^([a-z]+)_")


def test_test_rows_are_in_the_order_of_the_sample(table: Path) -> None:
    rows = test_rows(table, competition("table"), ["2.png", "10"])
    assert files(rows, table) == ["test/2.png", "test/10.png"]
    assert (rows.names, rows.labels, rows.warnings) == (("2.png", "10"), (), ())


def test_without_a_sample_the_files_are_in_natural_order(table: Path) -> None:
    assert test_rows(table, competition("table"), None).names == ("2", "10")


def test_a_test_table_goes_before_the_sample(table: Path) -> None:
    (table / "test.csv").write_text("id,label\n10,\n2,\n")
    assert test_rows(table, competition("table", test="test.csv"), ["2", "10"]).names == ("10", "2")


def test_no_test_images(table: Path) -> None:
    assert test_rows(table, competition("table", test_images=None), None) == ImageRows((), ())


def test_an_id_of_the_sample_without_an_image(table: Path) -> None:
    words = r"sample_submission\.csv, row 2, column id: there is no image '3'"
    with pytest.raises(UserError, match=words):
        test_rows(table, competition("table", id_column="id"), ["2", "3"])


def test_test_images_without_an_id_are_a_warning(table: Path) -> None:
    (warning,) = test_rows(table, competition("table"), ["2"]).warnings
    assert warning == f"1 of 2 images in {table}/test/ have no row, as 10.png"


def test_two_test_images_of_one_name(table: Path) -> None:
    touch(table, "test/2.jpg")
    with pytest.raises(UserError, match=r"differ only by their ending\n.* 2\.jpg and 2\.png"):
        test_rows(table, competition("table"), None)


def test_the_stamp_changes_with_any_file_of_images_and_tables(table: Path) -> None:
    form = competition("table")
    stamps = [stamp(table, form)]
    assert stamp(table, form) == stamps[0]
    (table / "train" / "a.png").write_bytes(b"1")
    stamps.append(stamp(table, form))
    os.utime(table / "test" / "2.png", ns=(1, 1))
    stamps.append(stamp(table, form))
    (table / "train" / "a.png").rename(table / "train" / "z.png")
    stamps.append(stamp(table, form))
    (table / "train.csv").write_text("id,label\n")
    stamps.append(stamp(table, form))
    assert len(set(stamps)) == 5


def test_a_link_to_nothing_has_a_stamp(table: Path) -> None:
    before = stamp(table, competition("table"))
    (table / "test" / "3.png").symlink_to("absent")
    assert stamp(table, competition("table")) != before


def test_an_id_without_an_image_has_the_path_of_its_file(table: Path) -> None:
    with pytest.raises(UserError) as caught:
        test_rows(table, competition("table", id_column="id"), ["10", "99"])
    assert str(caught.value).startswith(f"{table}/sample_submission.csv, row 2, column id: there is no image")
