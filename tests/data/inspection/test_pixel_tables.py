from pathlib import Path

import numpy as np
import pytest

from kit.data.inspection.pixel_tables import shape_of
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
    with pytest.raises(UserError, match="CSV files with pixels from 0 to 255"):
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
