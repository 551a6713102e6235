from pathlib import Path

import pytest

from kit.errors import UserError
from tests.inspected import conclude, lines, values, write_csv, write_images

IDS = [f"x{number}" for number in range(20)]
TESTS = [f"t{number}" for number in range(6)]
COLOURS = ["red", "green", "blue", "grey"]


def write_table(folder: Path, labels: list[object] | None = None) -> None:
    labels = labels or [COLOURS[place % 4] for place in range(20)]
    write_csv(folder / "labels.csv", ["id", "colour"], zip(IDS, labels, strict=True))
    write_images(folder / "train", [f"{one}.jpg" for one in IDS], (50, 40))
    write_images(folder / "test", [f"{one}.jpg" for one in TESTS])


def test_names_without_endings_are_images(tmp_path: Path) -> None:
    write_table(tmp_path)
    found = conclude(tmp_path)
    assert values(found) | {"form": "table", "train": "labels.csv", "image_column": "id"} == values(found)
    assert (values(found)["label_column"], values(found)["train_images"]) == ("colour", "train")
    assert lines(found)["form"] == (
        "table of image names and labels: labels.csv (id, colour), images in train/"
    )
    assert lines(found)["labels"] == "4 strings (blue, green, grey, …), in labels.csv, column colour"
    assert lines(found)["test"] == "6 images in test/, ids are the names of the files"


def test_the_same_names_in_both_folders_are_those_of_train(tmp_path: Path) -> None:
    numbers = [str(number) for number in range(1, 21)]
    write_csv(tmp_path / "trainLabels.csv", ["id", "label"], zip(numbers, COLOURS * 5, strict=True))
    write_csv(tmp_path / "sampleSubmission.csv", ["id", "label"], [[number, "red"] for number in numbers])
    for folder in ("test", "train"):
        write_images(tmp_path / folder, [f"{number}.png" for number in numbers])
    found = values(conclude(tmp_path))
    assert found["train_images"] == "train"
    assert "test_images" not in found
    assert found["sample_submission"] == "sampleSubmission.csv"


def test_masks_of_the_same_names_are_no_training_images(tmp_path: Path) -> None:
    write_csv(tmp_path / "labels.csv", ["id", "colour"], zip(IDS, COLOURS * 5, strict=True))
    for folder in ("train/images", "train/masks", "train_thumbnails"):
        write_images(tmp_path / folder, [f"{one}.png" for one in IDS])
    assert values(conclude(tmp_path))["train_images"] == "train/images"


@pytest.mark.parametrize("start", ["./train/", "/input/zoo/train/", "train\\"])
def test_paths_from_another_place(tmp_path: Path, start: str) -> None:
    names = [f"{start}{one}.jpg" for one in IDS]
    write_csv(tmp_path / "labels.csv", ["path", "colour"], zip(names, COLOURS * 5, strict=True))
    write_images(tmp_path / "train", [f"{one}.jpg" for one in IDS])
    assert values(conclude(tmp_path))["train_images"] == "train"


def test_one_folder_with_training_and_test_images(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", ["image_id", "kind"], zip(IDS, COLOURS * 5, strict=True))
    write_csv(tmp_path / "sample_submission.csv", ["image_id", "kind"], [[one, "red"] for one in TESTS])
    write_images(tmp_path / "images", [f"{one}.png" for one in IDS + TESTS])
    found = values(conclude(tmp_path))
    assert (found["train_images"], found["test_images"]) == ("images", "images")


def test_features_beside_the_label_are_left_out(tmp_path: Path) -> None:
    rows = [[one, COLOURS[place % 4], place / 7, place % 2] for place, one in enumerate(IDS)]
    write_csv(tmp_path / "train.csv", ["id", "species", "margin1", "flag"], rows)
    write_images(tmp_path / "images", [f"{one}.png" for one in IDS])
    assert values(conclude(tmp_path))["label_column"] == "species"


def test_the_column_of_the_sample_submission_is_the_label(tmp_path: Path) -> None:
    rows = [[one, "ab"[place % 2], "cd"[place // 2 % 2]] for place, one in enumerate(IDS)]
    write_csv(tmp_path / "train.csv", ["id", "label", "wanted"], rows)
    write_csv(tmp_path / "sample_submission.csv", ["id", "wanted"], [[one, "c"] for one in TESTS])
    write_images(tmp_path / "train", [f"{one}.png" for one in IDS])
    write_images(tmp_path / "test", [f"{one}.png" for one in TESTS])
    assert values(conclude(tmp_path))["label_column"] == "wanted"


def test_other_possible_labels_are_named_in_the_comment(tmp_path: Path) -> None:
    rows = [[one, "ab"[place % 2], "cde"[place % 3]] for place, one in enumerate(IDS)]
    write_csv(tmp_path / "train.csv", ["id", "size", "shape"], rows)
    write_images(tmp_path / "train", [f"{one}.png" for one in IDS])
    setting = next(one for one in conclude(tmp_path).settings if one.key == "competition.label_column")
    assert (setting.value, setting.comment) == ("size", "or one of shape (3 values)?")


def test_one_hot_columns_are_labels(tmp_path: Path) -> None:
    kinds = ["healthy", "rust", "scab"]
    rows = [[one, *(int(place % 3 == kind) for kind in range(3))] for place, one in enumerate(IDS)]
    write_csv(tmp_path / "train.csv", ["id", *kinds], rows)
    write_csv(tmp_path / "sample_submission.csv", ["id", *kinds], [[one, 0.25, 0.25, 0.5] for one in TESTS])
    write_images(tmp_path / "images", [f"{one}.png" for one in IDS + TESTS])
    found = conclude(tmp_path)
    assert values(found)["label_columns"] == ("healthy", "rust", "scab")
    assert "submission.columns" not in values(found)


def test_numeric_labels_are_not_names_of_images(tmp_path: Path) -> None:
    numbers = list(range(20))
    write_csv(tmp_path / "train.csv", ["label", "id"], [[number % 4, number] for number in numbers])
    write_images(tmp_path / "train", [f"{number}.png" for number in numbers])
    assert values(conclude(tmp_path))["image_column"] == "id"


def test_several_labels_in_one_row_are_refused(tmp_path: Path) -> None:
    rows = [[one, 1, place % 2, 0] for place, one in enumerate(IDS)]
    write_csv(tmp_path / "train.csv", ["id", "a", "b", "c"], rows)
    write_csv(tmp_path / "sample_submission.csv", ["id", "a", "b", "c"], [[one, 0, 0, 0] for one in TESTS])
    write_images(tmp_path / "images", [f"{one}.png" for one in IDS + TESTS])
    with pytest.raises(UserError, match=r"train.csv, row 2: 2 labels: a, b\n.*\nseveral labels per row"):
        conclude(tmp_path)


def test_images_with_several_rows_and_labels_are_refused(tmp_path: Path) -> None:
    rows = [[IDS[place // 2 * 2 % 20], COLOURS[place % 2]] for place in range(10)]
    rows += [[one, "red"] for one in IDS[10:]]
    write_csv(tmp_path / "train.csv", ["id", "label"], rows)
    write_images(tmp_path / "train", [f"{one}.png" for one in IDS])
    with pytest.raises(UserError, match="image 'x0' has the labels green, red"):
        conclude(tmp_path)


def test_lists_of_words_are_several_labels(tmp_path: Path) -> None:
    many = [f"n{number}" for number in range(300)]
    tags = ["haze", "clear", "water", "road", "primary", "bare", "slash", "bloom", "mine", "farm"]
    cells = [
        " ".join(tag for bit, tag in enumerate(tags) if (number + 1) >> bit & 1) for number in range(300)
    ]
    write_csv(tmp_path / "train.csv", ["image_name", "tags"], zip(many, cells, strict=True))
    write_images(tmp_path / "train", [f"{one}.png" for one in many])
    with pytest.raises(UserError, match="several labels per row are not supported"):
        conclude(tmp_path)


def test_regression_is_refused(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", ["id", "angle"], [[one, place / 7] for place, one in enumerate(IDS)])
    write_images(tmp_path / "train", [f"{one}.png" for one in IDS])
    with pytest.raises(UserError, match=r"column angle has numbers with fractions\n.*\nregression"):
        conclude(tmp_path)


def test_names_that_differ_by_case_are_named(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", ["id", "label"], zip(IDS, COLOURS * 5, strict=True))
    write_images(tmp_path / "train", [f"{one.upper()}.png" for one in IDS])
    with pytest.raises(UserError, match=r"differ .* by case or ending\nexpected 'X0.png', received 'x0'"):
        conclude(tmp_path)


def test_labels_with_colons_quotes_and_umlauts(tmp_path: Path) -> None:
    kinds: list[object] = ["a: b", 'say "x"', "größe", "#1"]
    write_table(tmp_path, kinds * 5)
    assert lines(conclude(tmp_path))["labels"].startswith("4 strings (#1, a: b, größe, …)")


def test_names_may_be_paths(tmp_path: Path) -> None:
    rows = [[f"train/{one}.png", COLOURS[place % 4]] for place, one in enumerate(IDS)]
    write_csv(tmp_path / "train.csv", ["file", "colour"], rows)
    write_images(tmp_path / "train", [f"{one}.png" for one in IDS])
    write_images(tmp_path / "test", ["t.png"])
    found = values(conclude(tmp_path))
    assert (found["image_column"], found["train_images"]) == ("file", "train")


def test_a_table_without_a_header_is_refused(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", None, [[f"{one}.png", COLOURS[n % 4]] for n, one in enumerate(IDS)])
    write_images(tmp_path / "train", [f"{one}.png" for one in IDS])
    with pytest.raises(UserError, match=r"train.csv, line 1: no header\nreceived x0.png, red\n"):
        conclude(tmp_path)


def test_accents_may_be_written_in_two_ways(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", ["id", "label"], [[f"e\u0301{n}", n % 2] for n in range(8)])
    write_images(tmp_path / "train", [f"\xe9{n}.png" for n in range(8)])
    assert values(conclude(tmp_path))["form"] == "table"


def test_without_a_sample_submission_its_header_is_that_of_the_table(tmp_path: Path) -> None:
    write_table(tmp_path)
    found = values(conclude(tmp_path))
    assert (found["id_column"], found["prediction_column"]) == ("id", "colour")
