from pathlib import Path

from tests.inspected import conclude, lines, pixel_rows, values, write_csv


def texts(rows: int) -> list[str]:
    return [" ".join(map(str, row)) for row in pixel_rows(rows, 64)]


def test_a_usage_column_divides_the_rows(tmp_path: Path) -> None:
    usage = ["Training"] * 20 + ["PublicTest"] * 5 + ["PrivateTest"] * 5
    rows = [[place % 4, pixels, usage[place]] for place, pixels in enumerate(texts(30))]
    write_csv(tmp_path / "fer.csv", ["emotion", " pixels", " Usage"], rows)
    found = conclude(tmp_path)
    assert values(found) | {
        "form": "pixel_text",
        "pixels_column": "pixels",
        "usage_column": "Usage",
    } == values(found)
    assert values(found)["test_usage"] == ("PublicTest", "PrivateTest")
    assert values(found)["image_shape"] == (8, 8, 1)
    assert lines(found)["test"].startswith("rows with PublicTest or PrivateTest in column Usage")
    assert found.has_test


def test_labels_are_those_of_the_training_rows(tmp_path: Path) -> None:
    rows = [["ab"[place % 2], pixels, "Training"] for place, pixels in enumerate(texts(30))]
    rows += [["c", texts(1)[0], "PublicTest"]]
    write_csv(tmp_path / "fer.csv", ["emotion", "pixels", "Usage"], rows)
    assert lines(conclude(tmp_path))["labels"] == "2 strings (a, b), in fer.csv, column emotion"


def test_a_second_file_has_the_test_rows(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", ["emotion", "pixels"], zip([0, 1] * 10, texts(20), strict=True))
    write_csv(tmp_path / "test.csv", ["id", "pixels"], zip("abcde", texts(5), strict=True))
    found = conclude(tmp_path)
    assert (values(found)["test"], values(found)["test_id_column"]) == ("test.csv", "id")
    assert lines(found)["test"] == "5 rows in test.csv, ids: column id"


def test_rows_for_validation_are_no_test_rows(tmp_path: Path) -> None:
    usage = ["train"] * 20 + ["val"] * 5 + ["test"] * 5
    rows = [[place % 4, pixels, usage[place]] for place, pixels in enumerate(texts(30))]
    write_csv(tmp_path / "all.csv", ["label", "pixels", "split"], rows)
    assert values(conclude(tmp_path))["test_usage"] == ("test",)


def test_test_rows_may_have_labels(tmp_path: Path) -> None:
    for name in ("train.csv", "test.csv"):
        write_csv(tmp_path / name, ["emotion", "pixels"], zip([0, 1] * 10, texts(20), strict=True))
    assert values(conclude(tmp_path))["test"] == "test.csv"


def test_a_file_without_a_header(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", None, zip("ab" * 10, texts(20), strict=True))
    write_csv(tmp_path / "test.csv", None, [[one] for one in texts(5)])
    found = values(conclude(tmp_path))
    assert (found["header"], found["label_column"], found["pixels_column"], found["test"]) == (
        False,
        "0",
        "1",
        "test.csv",
    )


def test_a_column_beside_the_usage_may_have_the_ids(tmp_path: Path) -> None:
    usage = ["train"] * 20 + ["test"] * 5
    rows = [[place % 4, pixels, usage[place], f"k{place}"] for place, pixels in enumerate(texts(25))]
    write_csv(tmp_path / "all.csv", ["label", "pixels", "split", "key"], rows)
    write_csv(tmp_path / "sample_submission.csv", ["id", "label"], [[f"k{n}", 0] for n in range(24, 19, -1)])
    assert values(conclude(tmp_path))["test_id_column"] == "key"


def test_another_shape_than_a_square_is_a_guess(tmp_path: Path) -> None:
    rows = [[place % 2, " ".join(map(str, row))] for place, row in enumerate(pixel_rows(20, 600))]
    write_csv(tmp_path / "train.csv", ["label", "pixels"], rows)
    assert lines(conclude(tmp_path))["form"].endswith("which is a guess")
