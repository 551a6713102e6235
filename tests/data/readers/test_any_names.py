"""Pixel columns of any names and order, without a header, and columns that are no pixels."""

from typing import Any

import pytest

from kit.config import Competition
from kit.data.readers import exact, pixel_csv
from kit.data.readers.any_names import in_number_order
from kit.data.readers.pixel_table import Table, in_order_of
from kit.errors import UserError

ANY = {"pixel_prefix": None, "labels": "auto", "image_shape": (2, 2, 1)}


def parse(text: str, *, labelled: bool = True, **also: object) -> Table:
    competition = Competition.model_validate({**ANY, **also})
    return pixel_csv.parse(text.encode(), "train.csv", competition, labelled=labelled)


def pixels(table: Table) -> list[list[int]]:
    return [image.ravel().tolist() for image in table.images]


def fault(text: str, *, labelled: bool = True, **also: object) -> str:
    with pytest.raises(UserError) as error:
        parse(text, labelled=labelled, **also)
    assert str(error.value).count("\n") <= 2
    return str(error.value)


@pytest.mark.parametrize(
    "header",
    [
        "label,pixel1,pixel2,pixel3,pixel4",
        "label,1x1,1x2,2x1,2x2",
        "label,p_0_0,p_0_1,p_1_0,p_1_1",
        "label,px-000,px-001,px-002,px-003",
        "label,0,1,2,3",
        "label,a,b,c,d",
    ],
)
def test_pixels_have_any_names(header: str) -> None:
    table = parse(f"{header}\ncat,1,2,3,4\n")
    assert pixels(table) == [[1, 2, 3, 4]]
    assert (table.texts, table.names) == (["cat"], [])


def test_pixels_are_in_the_order_of_their_numbers() -> None:
    table = parse("px10,px2,label,px9,px1\n10,2,a,9,1\n")
    assert pixels(table) == [[1, 2, 9, 10]]


def test_names_with_several_numbers_are_in_numeric_order() -> None:
    assert in_number_order(["p_1_10", "p_1_9", "p_0_2", "p_0_11"]) == ["p_0_2", "p_0_11", "p_1_9", "p_1_10"]


@pytest.mark.parametrize("names", [["r0", "g0"], ["b", "a2"], ["x2y", "x2z"], ["p1_2", "p0"]])
def test_without_distinct_numbers_the_order_is_that_of_the_file(names: list[str]) -> None:
    assert in_number_order(names) == names


def test_a_file_without_a_header() -> None:
    text = "65,1,2,3,4\n66,5,6,7,8"
    table = parse(text, header=False, label_column="0")
    assert pixels(table) == [[1, 2, 3, 4], [5, 6, 7, 8]]
    assert table.texts == ["65", "66"]
    assert pixels(parse(text.replace("\n", "\r"), header=False, label_column="0")) == pixels(table)


def test_without_a_header_the_label_may_be_last() -> None:
    assert parse("1,2,3,4,65\n", header=False, label_column="4").texts == ["65"]


def test_without_a_header_the_first_line_is_line_1() -> None:
    message = fault("1,1,2,3,4\n1,1,2,x,4\n", header=False, label_column="0")
    assert message.startswith("train.csv, line 2, column 3: not a number")
    message = fault("1,1,2,300,4\n", header=False, label_column="0")
    assert message.startswith("train.csv, line 1, column 3: the number is too high")


@pytest.mark.parametrize(("line", "expected"), [("9,1,2,3,4", [1, 2, 3, 4]), ("1,2,3,4", [1, 2, 3, 4])])
def test_a_test_file_without_a_header_may_have_labels(line: str, expected: list[int]) -> None:
    table = parse(line, labelled=False, header=False, label_column="0")
    assert (pixels(table), table.texts) == ([expected], [])


def test_the_labels_of_a_test_file_are_ignored() -> None:
    table = parse("label,px1,px2,px3,px4\nx,1,2,3,4\n", labelled=False)
    assert (pixels(table), table.texts) == ([[1, 2, 3, 4]], [])


def test_ids_of_test_rows_and_names_of_training_rows() -> None:
    test = parse("px1,px2,px3,px4,id\n1,2,3,4,007\n", labelled=False, test_id_column="id")
    assert (pixels(test), test.texts, test.names) == ([[1, 2, 3, 4]], ["007"], [])
    train = parse("id,label,px1,px2,px3,px4\nn1,a,1,2,3,4\nn2,b,5,6,7,8\n", test_id_column="id")
    assert (train.texts, train.names) == (["a", "b"], ["n1", "n2"])


def test_ignored_columns_may_contain_anything() -> None:
    text = 'label,note,px1,px2,px3,px4,sex\na,"x, ""y""",1,2,3,4,f\nb,,5,6,7,8,\n'
    table = parse(text, ignored_columns=("note", "sex", "absent"))
    assert (pixels(table), table.texts) == ([[1, 2, 3, 4], [5, 6, 7, 8]], ["a", "b"])


def test_a_good_file_is_read_by_the_fast_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact, "rows", None)
    text = "id,px4,note,px3,label,px2,px1,sex\nn1,4,x,3,cat,2,1,f\nn2,8,y,7,dog,6,5,m\n"
    table = parse(text, test_id_column="id", ignored_columns=("note", "sex"))
    assert pixels(table) == [[1, 2, 3, 4], [5, 6, 7, 8]]
    assert (table.texts, table.names) == (["cat", "dog"], ["n1", "n2"])


@pytest.mark.parametrize(
    ("also", "expected"),
    [
        ({"pixel_order": "columns", "image_shape": (2, 3, 1)}, [1, 3, 5, 2, 4, 6]),
        ({"channel_order": "first", "image_shape": (1, 2, 3)}, [1, 3, 5, 2, 4, 6]),
        ({"channel_order": "last", "image_shape": (1, 2, 3)}, [1, 2, 3, 4, 5, 6]),
        # Three channels, each of one column after the other.
        ({"pixel_order": "columns", "channel_order": "first", "image_shape": (2, 1, 3)}, [1, 3, 5, 2, 4, 6]),
    ],
)
def test_the_order_of_pixels_and_channels(also: dict[str, Any], expected: list[int]) -> None:
    header = "label," + ",".join(f"p{number}" for number in range(6))
    assert pixels(parse(f"{header}\na,1,2,3,4,5,6\n", **also)) == [expected]


@pytest.mark.parametrize("ones", [("0,1,0", "0,0,1"), ("0.0,1.0,0.0", "0,0,1"), (" 0,1 ,0", "0,0,1")])
def test_labels_as_columns_of_zeros_and_ones(ones: tuple[str, str]) -> None:
    text = f"px1,px2,px3,px4,cat,dog,owl\n1,2,3,4,{ones[0]}\n5,6,7,8,{ones[1]}\n"
    assert parse(text, label_columns=["cat", "dog", "owl"]).texts == ["dog", "owl"]


@pytest.mark.parametrize("ones", ["0,0,0", "1,0,1", "0,2,0", "0,x,1"])
def test_just_one_label_must_be_1(ones: str) -> None:
    text = f"px1,px2,px3,px4,cat,dog,owl\n1,2,3,4,1,0,0\n5,6,7,8,{ones}\n"
    message = fault(text, label_columns=["cat", "dog", "owl"])
    assert message == (
        "train.csv, line 3: not one label\n"
        f"expected one 1, and 0 in all others of cat, dog, owl, received {ones.replace(',', ', ')}"
    )


def test_columns_of_zeros_and_ones_go_with_named_pixels() -> None:
    text = "cat,dog,pixel0,pixel1,pixel2,pixel3\n0,1,1,2,3,4\n"
    assert parse(text, label_columns=["cat", "dog"], pixel_prefix="pixel").texts == ["dog"]


def test_a_column_too_many_is_named() -> None:
    message = fault("label,px1,px2,px3,px4,lesion\na,1,2,3,4,5\n")
    assert message == (
        "train.csv, line 1: 5 pixel columns\n"
        "expected 4 (2 x 2 x 1, competition.image_shape)\n"
        "is 'lesion' no pixel? set competition.ignored_columns: [lesion]"
    )


def test_another_image_shape_is_named() -> None:
    message = fault("label,px1,px2,px3\na,1,2,3\n")
    assert message.startswith("train.csv, line 1: 3 pixel columns\nexpected 4 (2 x 2 x 1")


@pytest.mark.parametrize(
    ("text", "also", "expected"),
    [
        ("kind,px1,px2,px3,px4\na,1,2,3,4\n", {}, "no column label\nexpected label, received 'kind'"),
        ("1,0,0,3,4\n2,1,2,3,4\n", {}, "no header\nexpected names of columns"),
        ("label,px1,px1,px3,px4\na,1,2,3,4\n", {}, "duplicate column px1"),
        ("label;px1;px2\na;1;2\n", {}, "not separated by commas"),
        (
            "label,px1,px2,px3,px4\n1,1,2,3,4\n",
            {"header": False, "label_column": "0"},
            "the first line is a header\n",
        ),
    ],
)
def test_a_wrong_header_is_named(text: str, also: dict[str, Any], expected: str) -> None:
    message = fault(text, **also)
    assert message.startswith("train.csv, line 1")
    assert expected in message


def test_the_id_column_must_be_there() -> None:
    message = fault("px1,px2,px3,px4\n1,2,3,4\n", labelled=False, test_id_column="id")
    assert message.endswith("competition.test_id_column names it")


def test_the_key_of_an_absent_column_is_named() -> None:
    message = fault("label,px1,px2,px3,px4\na,1,2,3,4\n", label_columns=["cat", "dog"])
    assert message.endswith("competition.label_columns names it")


@pytest.mark.parametrize("cell", ["12.0", "0.5", "-1", "256", ""])
def test_a_wrong_pixel_is_named(cell: str) -> None:
    message = fault(f"label,px1,px2,px3,px4\na,1,2,3,4\nb,1,{cell},3,4\n")
    assert message.startswith("train.csv, line 3, column px2: ")


def test_an_empty_label_is_named() -> None:
    assert fault("label,px1,px2,px3,px4\na,1,2,3,4\n,1,2,3,4\n").startswith(
        "train.csv, line 3, column label: the cell is empty\nexpected a label, received nothing"
    )


@pytest.mark.parametrize("text", ["b", '"b"'])
def test_pixels_in_another_order_are_contiguous_in_memory(text: str) -> None:
    table = parse(f"px4,px2,label,px3,px1\n4,2,{text},3,1\n40,20,{text},30,10\n")
    assert pixels(table) == [[1, 2, 3, 4], [10, 20, 30, 40]]
    assert table.images.flags.c_contiguous


def test_names_without_numbers_are_in_the_order_of_the_training_file() -> None:
    train, test = parse("label,c,a,d,b\nx,1,2,3,4\n"), parse("a,b,c,d\n2,4,1,3\n", labelled=False)
    ordered = in_order_of(train, test)
    assert pixels(ordered) == [[1, 2, 3, 4]]
    assert ordered.images.flags.c_contiguous


def test_test_rows_with_other_columns_keep_their_order() -> None:
    train, test = parse("label,c,a,d,b\nx,1,2,3,4\n"), parse("e,f,g,h\n2,4,1,3\n", labelled=False)
    assert pixels(in_order_of(train, test)) == [[2, 4, 1, 3]]


def test_a_name_in_quotes_may_have_commas() -> None:
    table = parse('"la,bel ""x""",px1,px2,px3, "px4"\ncat,1,2,3,4\n', label_column='la,bel "x"')
    assert (table.texts, pixels(table)) == (["cat"], [[1, 2, 3, 4]])


def test_a_name_may_have_more_digits_than_python_converts() -> None:
    long = "9" * 5000
    table = parse(f"label,px{long},px2,px10,px1\na,4,2,3,1\n")
    assert pixels(table) == [[1, 2, 3, 4]]


def test_a_row_that_is_the_numbers_of_the_columns_is_no_header() -> None:
    table = parse("a,1, 2,3,4\n", header=False, label_column="0")
    assert (pixels(table), table.texts) == ([[1, 2, 3, 4]], ["a"])
