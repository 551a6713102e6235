from pathlib import Path

import numpy as np
import pytest

from kit.data.inspection.pixel_shapes import shape_of
from kit.errors import UserError
from tests.inspected import conclude, lines, pixel_rows, values, write_csv

NAMES = [f"pixel{number}" for number in range(64)]


@pytest.mark.parametrize(
    ("names", "shape"),
    [
        ([f"pixel{number}" for number in range(784)], (28, 28, 1)),
        ([f"pixel{number:04}" for number in range(3 * 28 * 28)], (28, 28, 3)),
        ([f"{row}x{column}" for row in range(1, 9) for column in range(1, 13)], (8, 12, 1)),
        ([f"p_{y}_{x}_{c}" for y in range(8) for x in range(9) for c in range(3)], (8, 9, 3)),
        ([f"pixel{number}" for number in range(785)], None),
    ],
)
def test_the_shape_follows_from_number_and_names_of_the_pixels(
    names: list[str], shape: tuple[int, int, int] | None
) -> None:
    assert shape_of(names) == shape


def test_columns_of_the_default_names_need_no_key(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", ["label", *NAMES], pixel_rows(40, 64, range(10)))
    write_csv(tmp_path / "test.csv", NAMES, pixel_rows(20, 64))
    found = values(conclude(tmp_path))
    assert found["form"] == "pixels"
    assert found["image_shape"] == (8, 8, 1)
    assert not {"pixel_prefix", "labels", "header", "first_id"} & found.keys()


def test_another_prefix_is_kept(tmp_path: Path) -> None:
    write_csv(
        tmp_path / "train.csv", ["label", *(f"px-{n}" for n in range(64))], pixel_rows(40, 64, range(10))
    )
    assert values(conclude(tmp_path))["pixel_prefix"] == "px-"


def test_columns_counted_from_1_have_any_names(tmp_path: Path) -> None:
    write_csv(
        tmp_path / "train.csv", ["label", *(f"pixel{n}" for n in range(1, 65))], pixel_rows(40, 64, "ab")
    )
    found = values(conclude(tmp_path))
    assert (found["pixel_prefix"], found["labels"], found["test"]) == (None, "auto", None)


def test_a_test_file_with_labels_is_no_second_training_file(tmp_path: Path) -> None:
    for part in ("train", "test"):
        write_csv(tmp_path / f"sign_{part}.csv", ["label", *NAMES], pixel_rows(40, 64, range(4)))
    found = values(conclude(tmp_path))
    assert (found["train"], found["test"], found["pixel_prefix"]) == ("sign_train.csv", "sign_test.csv", None)


def test_ids_and_other_columns_are_no_pixels(tmp_path: Path) -> None:
    rows = [[f"r{n}", 7, *row] for n, row in enumerate(pixel_rows(40, 64, "ab"))]
    write_csv(tmp_path / "train.csv", ["id", "site", "digit", *NAMES], rows)
    write_csv(
        tmp_path / "test.csv", ["id", *NAMES], [[f"t{n}", *row] for n, row in enumerate(pixel_rows(9, 64))]
    )
    found = values(conclude(tmp_path))
    assert (found["label_column"], found["test_id_column"]) == ("digit", "id")
    assert (found["pixel_prefix"], found["ignored_columns"]) == (None, ("site",))


@pytest.mark.parametrize("last", [False, True])
def test_without_a_header_the_label_is_first_or_last(tmp_path: Path, last: bool) -> None:
    rows = pixel_rows(60, 64, range(5), last=last)
    border = 1 if last else 0
    rows = [[*row[:border], 0, *row[border + 1 :]] if last else [*row[:-1], 0] for row in rows]
    write_csv(tmp_path / "letters.csv", None, rows)
    found = values(conclude(tmp_path))
    assert (found["header"], found["label_column"]) == (False, "64" if last else "0")


@pytest.mark.parametrize("labels", [[4, 5, 6], [2, 5, 7], ["oak", "elm"]])
@pytest.mark.parametrize("last", [False, True])
def test_a_noisy_border_is_not_the_label(tmp_path: Path, labels: list[object], last: bool) -> None:
    noise = np.random.default_rng(1).integers(30, 90, 200)
    rows = [
        [grey, *row[1:]] if last else [*row[:-1], grey]
        for row, grey in zip(pixel_rows(200, 64, labels, last=last), noise.tolist(), strict=True)
    ]
    rows[0][0 if last else -1] = 131
    write_csv(tmp_path / "letters.csv", None, rows)
    assert values(conclude(tmp_path))["label_column"] == ("64" if last else "0")


def test_a_border_with_a_few_grey_pixels_is_not_the_label(tmp_path: Path) -> None:
    rows = [[*row[:-1], 255 if place == 3 else 0] for place, row in enumerate(pixel_rows(60, 64, [2, 5, 7]))]
    write_csv(tmp_path / "letters.csv", None, rows)
    assert values(conclude(tmp_path))["label_column"] == "0"


def test_a_sorted_file_that_is_sampled_has_all_labels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kit.data.inspection.table.CELLS", 100 * 65)
    rows = sorted(pixel_rows(1000, 64, range(26)), key=lambda row: str(row[0]))
    write_csv(tmp_path / "train.csv", ["label", *NAMES], rows)
    found = conclude(tmp_path)
    assert lines(found)["labels"].startswith("26 integers, 0 to 25 (in 100 rows")
    assert next(one for one in found.settings if one.key == "training.epochs").comment == "for 1,000 images"


def test_gaps_in_the_labels_are_named(tmp_path: Path) -> None:
    labels = [one for one in range(25) if one != 9]
    write_csv(tmp_path / "train.csv", ["label", *NAMES], pixel_rows(60, 64, labels))
    found = conclude(tmp_path)
    assert lines(found)["labels"] == "24 integers, 0 to 24 without 9, in train.csv, column label"
    assert values(found)["labels"] == "auto"


def test_images_of_emnist_are_transposed(tmp_path: Path) -> None:
    write_csv(tmp_path / "emnist-letters-train.csv", None, pixel_rows(60, 64, range(5)))
    assert values(conclude(tmp_path))["pixel_order"] == "columns"


def test_the_first_id_is_that_of_the_sample(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", ["label", *NAMES], pixel_rows(40, 64, range(10)))
    write_csv(tmp_path / "test.csv", NAMES, pixel_rows(3, 64))
    write_csv(tmp_path / "sampleSubmission.csv", ["row", "digit"], [[0, 0], [1, 0], [2, 0]])
    found = values(conclude(tmp_path))
    assert (found["first_id"], found["id_column"], found["prediction_column"]) == (0, "row", "digit")


def test_ids_that_are_no_numbers_come_from_the_sample(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", ["label", *NAMES], pixel_rows(40, 64, range(10)))
    write_csv(tmp_path / "test.csv", NAMES, pixel_rows(2, 64))
    write_csv(tmp_path / "sample_submission.csv", ["id", "label"], [["x", 0], ["y", 0]])
    assert values(conclude(tmp_path))["first_id"] is None


def test_several_training_files_are_named_and_none_is_taken(tmp_path: Path) -> None:
    for name in ("hmnist_L.csv", "hmnist_RGB.csv"):
        write_csv(tmp_path / name, ["label", *NAMES], pixel_rows(40, 64, range(7)))
    with pytest.raises(UserError, match=r"received hmnist_L\.csv, hmnist_RGB\.csv"):
        conclude(tmp_path)
    assert values(conclude(tmp_path, wanted="hmnist_RGB.csv"))["train"] == "hmnist_RGB.csv"
    assert values(conclude(tmp_path, answer="hmnist_L.csv"))["train"] == "hmnist_L.csv"


def test_a_wanted_file_that_is_no_training_table_is_refused(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", ["label", *NAMES], pixel_rows(40, 64, range(7)))
    with pytest.raises(
        UserError, match=r"--train trian.csv: not a training table\nexpected one of train.csv"
    ):
        conclude(tmp_path, wanted="trian.csv")


def test_one_class_is_refused(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", ["label", *NAMES], pixel_rows(40, 64, [3]))
    with pytest.raises(UserError, match=r"every row has the label '3', in column label"):
        conclude(tmp_path)


def test_files_without_labels_are_refused(tmp_path: Path) -> None:
    write_csv(tmp_path / "test.csv", NAMES, pixel_rows(40, 64))
    with pytest.raises(UserError, match=r"test.csv: no column with a label"):
        conclude(tmp_path)


def test_one_hot_columns_beside_pixels(tmp_path: Path) -> None:
    rows = [[*row, *(int(n % 3 == kind) for kind in range(3))] for n, row in enumerate(pixel_rows(30, 64))]
    write_csv(tmp_path / "train.csv", [*NAMES, "cat", "dog", "eel"], rows)
    found = conclude(tmp_path)
    assert values(found)["label_columns"] == ("cat", "dog", "eel")
    assert lines(found)["labels"] == "3 strings (cat, dog, eel), in train.csv, 3 columns"


def test_names_of_pixels_need_no_numbers(tmp_path: Path) -> None:
    names = [f"{one}{other}" for one in "abcdefgh" for other in "abcdefgh"]
    write_csv(tmp_path / "train.csv", [*names, "class"], pixel_rows(30, 64, range(4), last=True))
    found = values(conclude(tmp_path))
    assert (found["label_column"], found["image_shape"], found["pixel_prefix"]) == ("class", (8, 8, 1), None)


def test_numbers_may_name_the_label_too(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", [str(n) for n in range(65)], pixel_rows(30, 64, range(4)))
    found = values(conclude(tmp_path))
    assert (found["label_column"], "header" in found, found["pixel_prefix"]) == ("0", False, None)


def test_pixels_with_fractions_are_refused(tmp_path: Path) -> None:
    drawn = np.random.default_rng(0).integers(0, 256, (30, 64)).tolist()
    rows = [[n % 2, *(pixel / 255 for pixel in row)] for n, row in enumerate(drawn)]
    write_csv(tmp_path / "train.csv", ["label", *NAMES], rows)
    with pytest.raises(UserError, match=r"train.csv, line 2, column pixel0: not a pixel"):
        conclude(tmp_path)


def test_a_short_test_file_without_a_header_has_the_columns_of_the_training_file(tmp_path: Path) -> None:
    write_csv(tmp_path / "letters-train.csv", None, [[*row[:-1], 0] for row in pixel_rows(90, 64, range(30))])
    write_csv(tmp_path / "letters-test.csv", None, [[*row[:-1], 0] for row in pixel_rows(20, 64, range(30))])
    found = values(conclude(tmp_path))
    assert (found["label_column"], found["test"]) == ("0", "letters-test.csv")
    assert not {"ignored_columns", "test_id_column"} & found.keys()


@pytest.mark.parametrize("order", ["first", "last"])
def test_three_families_are_red_green_and_blue(tmp_path: Path, order: str) -> None:
    if order == "first":
        names = [f"{channel}{n}" for channel in "rgb" for n in range(64)]
    else:
        names = [f"{channel}{n}" for n in range(64) for channel in "rgb"]
    write_csv(tmp_path / "train.csv", ["label", *names], pixel_rows(30, 192, range(4)))
    found = values(conclude(tmp_path))
    assert (found["image_shape"], found["channel_order"]) == ((8, 8, 3), order)
    assert "ignored_columns" not in found


def test_other_shapes_than_squares_are_a_guess_with_the_alternatives_beside_it(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", ["label", *smooth_names()], smooth_rows(20, 30))
    found = conclude(tmp_path)
    setting = next(one for one in found.settings if one.key == "competition.image_shape")
    assert setting.value == (20, 30, 1)
    assert setting.comment.startswith("a guess: ")
    assert "[24, 25, 1]" in setting.comment
    assert lines(found)["form"].endswith("20 x 30, grey, which is a guess")


def test_another_shape_may_be_answered(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", ["label", *smooth_names()], smooth_rows(20, 30))
    assert values(conclude(tmp_path, answer="24x25"))["image_shape"] == (24, 25, 1)


def smooth_names() -> list[str]:
    return [f"p{number}" for number in range(600)]


def smooth_rows(height: int, width: int) -> list[list[object]]:
    """Return rows of two classes in which each column of an image has its own value."""
    images = [[(7 * row + 53 * x) % 256 for x in range(width)] * height for row in range(20)]
    return [["ab"[row % 2], *image] for row, image in enumerate(images)]


def test_an_index_is_no_id_unless_the_sample_has_it(tmp_path: Path) -> None:
    index = ["Unnamed: 0", *NAMES]
    write_csv(tmp_path / "train.csv", ["label", *NAMES], pixel_rows(40, 64, "ab"))
    write_csv(tmp_path / "test.csv", index, [[n, *row] for n, row in enumerate(pixel_rows(20, 64))])
    write_csv(tmp_path / "sample_submission.csv", ["id", "label"], [[n, "a"] for n in range(1, 21)])
    found = values(conclude(tmp_path))
    assert "test_id_column" not in found
    assert found["ignored_columns"] == ("Unnamed: 0",)


def test_a_column_without_a_name_is_ignored(tmp_path: Path) -> None:
    for name, labels in (("train.csv", "ab"), ("test.csv", "")):
        rows = [[n, *row] for n, row in enumerate(pixel_rows(20, 64, labels))]
        write_csv(tmp_path / name, ["", *(["label"] if labels else []), *NAMES], rows)
    assert values(conclude(tmp_path))["ignored_columns"] == ("",)


def test_ids_are_the_column_with_those_of_the_sample(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", ["label", *NAMES], pixel_rows(40, 64, "ab"))
    rows = [[f"x{n}", n, *row] for n, row in enumerate(pixel_rows(20, 64))]
    write_csv(tmp_path / "test.csv", ["scan", "code", *NAMES], rows)
    write_csv(tmp_path / "sample_submission.csv", ["id", "label"], [[n, "a"] for n in reversed(range(20))])
    assert values(conclude(tmp_path))["test_id_column"] == "code"


def test_text_may_be_the_label_in_a_file_without_a_header(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", None, pixel_rows(40, 64, ["cat", "dog"]))
    write_csv(tmp_path / "test.csv", None, pixel_rows(20, 64))
    found = values(conclude(tmp_path))
    assert (found["header"], found["label_column"], found["test"]) == (False, "0", "test.csv")


def test_four_families_have_an_alpha_channel(tmp_path: Path) -> None:
    names = [f"{channel}{pixel}" for pixel in range(64) for channel in "rgba"]
    write_csv(tmp_path / "train.csv", ["label", *names], pixel_rows(40, 256, "ab"))
    found = values(conclude(tmp_path))
    assert (found["image_shape"], found["channel_order"]) == ((8, 8, 4), "last")


def test_the_channel_may_be_the_first_number(tmp_path: Path) -> None:
    names = [f"p{c}_{y}_{x}" for c in range(3) for y in range(8) for x in range(9)]
    write_csv(tmp_path / "train.csv", ["label", *names], pixel_rows(40, 216, "ab"))
    found = values(conclude(tmp_path))
    assert (found["image_shape"], found["channel_order"]) == ((8, 9, 3), "first")


def test_the_training_table_may_be_named_by_its_path(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        write_csv(tmp_path / name, ["label", *NAMES], pixel_rows(40, 64, "ab"))
    assert values(conclude(tmp_path, wanted=f"{tmp_path}/b.csv"))["train"] == "b.csv"


def test_an_id_that_is_there_twice_is_found_by_the_sample(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", ["label", *NAMES], pixel_rows(40, 64, "ab"))
    rows = [[max(n, 1), *row] for n, row in enumerate(pixel_rows(20, 64))]
    write_csv(tmp_path / "test.csv", ["id", *NAMES], rows)
    write_csv(tmp_path / "sample_submission.csv", ["id", "label"], [[n, "a"] for n in range(20)])
    assert values(conclude(tmp_path))["test_id_column"] == "id"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b",", b"\t", "train.csv, line 1: not separated by commas\nexpected commas, received tabs"),
        (b",", b";", "train.csv, line 1: not separated by commas\nexpected commas, received semicolons"),
        (b"pixel9", b"pixel8", "train.csv, line 1: duplicate column pixel8"),
        (b"\r\na,", b"\r\na,300", "train.csv, line 2, column pixel0: not a pixel"),
    ],
)
def test_a_training_file_that_cannot_be_one_is_named(
    tmp_path: Path, old: bytes, new: bytes, message: str
) -> None:
    write_csv(tmp_path / "train.csv", ["label", *NAMES], pixel_rows(40, 64, "ab"))
    write_csv(tmp_path / "test.csv", NAMES, pixel_rows(20, 64))
    path = tmp_path / "train.csv"
    path.write_bytes(path.read_bytes().replace(old, new))
    with pytest.raises(UserError, match=message):
        conclude(tmp_path)


def test_text_in_utf_16_is_named(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("label,pixel0\n0,1\n1,2\n", encoding="utf-16")
    with pytest.raises(UserError, match=r"train.csv, line 1: not UTF-8 text"):
        conclude(tmp_path)


def test_a_training_file_without_rows_is_suspected(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", ["label", *NAMES], [])
    write_csv(tmp_path / "test.csv", NAMES, pixel_rows(20, 64))
    with pytest.raises(UserError, match="is the training file absent, or without rows"):
        conclude(tmp_path)


@pytest.mark.parametrize(("column", "first"), [("scan", 1), ("age", 1), ("age", None)])
def test_other_columns_that_differ_in_every_row_are_no_ids(
    tmp_path: Path, column: str, first: int | None
) -> None:
    write_csv(tmp_path / "train.csv", ["label", *NAMES], pixel_rows(40, 64, "ab"))
    cells = [f"x{n}" if column == "scan" else n + 0.5 for n in range(20)]
    rows = [[cell, *row] for cell, row in zip(cells, pixel_rows(20, 64), strict=True)]
    write_csv(tmp_path / "test.csv", [column, *NAMES], rows)
    if first is not None:
        write_csv(tmp_path / "sample_submission.csv", ["id", "label"], [[n, "a"] for n in range(1, 21)])
    assert "test_id_column" not in values(conclude(tmp_path))
