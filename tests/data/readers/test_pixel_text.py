"""Files with all pixels of an image in one cell, and their split by usage."""

import pytest

from kit.config import Competition
from kit.data.readers import digits, pixel_text
from kit.data.readers.pixel_table import Table
from kit.errors import UserError

FACES = {"form": "pixel_text", "label_column": "emotion", "image_shape": (2, 2, 1), "labels": "auto"}
USAGE = {"usage_column": "Usage"}
GOOD = 'emotion,pixels\n0,"1 2 3 4"\n6,5 60 255 0\n'
SPLIT = (
    "emotion, Usage, pixels\n"
    "3,Training,1 2 3 4\n4,PublicTest,5 6 7 8\n1,Training,9 10 11 12\n2,PrivateTest,0 0 0 1\n,Other,9 9 9 9\n"
)


def competition(**also: object) -> Competition:
    return Competition.model_validate({**FACES, **also})


def parse(text: str | bytes, *, labelled: bool = True, **also: object) -> Table:
    raw = text.encode() if isinstance(text, str) else text
    return pixel_text.parse(raw, "faces.csv", competition(**also), labelled=labelled)


def split(text: str, **also: object) -> tuple[Table, Table]:
    return pixel_text.parse_split(text.encode(), "faces.csv", competition(**USAGE, **also))


def pixels(table: Table) -> list[list[int]]:
    return [image.ravel().tolist() for image in table.images]


def fault(text: str | bytes, *, labelled: bool = True, **also: object) -> str:
    with pytest.raises(UserError) as error:
        parse(text, labelled=labelled, **also)
    assert str(error.value).count("\n") <= 2
    return str(error.value)


def test_a_good_file_is_read() -> None:
    table = parse(GOOD)
    assert (str(table.images.dtype), table.images.shape) == ("uint8", (2, 2, 2, 1))
    assert pixels(table) == [[1, 2, 3, 4], [5, 60, 255, 0]]
    assert (table.texts, table.names) == (["0", "6"], [])


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("\n", "\r"),
        GOOD.removesuffix("\n"),
        GOOD + "\n\n",
        "\ufeff" + GOOD,
        GOOD.replace("pixels", " pixels"),
        GOOD.replace("1 2", " 1  02"),
        "pixels,emotion\n1 2 3 4,0\n5 60 255 0,6\n",
    ],
    ids=["CRLF", "CR", "no final newline", "blank lines", "byte-order mark", "header", "blanks", "reordered"],
)
def test_harmless_oddities_are_read_right(text: str) -> None:
    table = parse(text)
    assert pixels(table) == [[1, 2, 3, 4], [5, 60, 255, 0]]
    assert table.texts == ["0", "6"]


def test_batches_fit_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digits, "CHUNK", 1)
    assert pixels(parse(GOOD)) == [[1, 2, 3, 4], [5, 60, 255, 0]]


def test_test_rows_may_have_ids_and_labels() -> None:
    assert parse("pixels\n1 2 3 4\n", labelled=False).texts == []
    assert parse(GOOD, labelled=False).texts == []
    table = parse("id,pixels\na7,1 2 3 4\n", labelled=False, test_id_column="id")
    assert (pixels(table), table.texts) == ([[1, 2, 3, 4]], ["a7"])


def test_training_rows_may_have_names() -> None:
    table = parse("id,emotion,pixels\na7,3,1 2 3 4\n", test_id_column="id")
    assert (table.texts, table.names) == (["3"], ["a7"])


def test_a_file_without_a_header() -> None:
    table = parse("3,1 2 3 4\n4,5 6 7 8\n", header=False, label_column="0", pixels_column="1")
    assert (pixels(table), table.texts) == ([[1, 2, 3, 4], [5, 6, 7, 8]], ["3", "4"])


def test_images_may_be_transposed() -> None:
    assert pixels(parse(GOOD, pixel_order="columns"))[0] == [1, 3, 2, 4]


def test_rows_are_split_by_usage() -> None:
    train, test = split(SPLIT)
    assert (pixels(train), train.texts) == ([[1, 2, 3, 4], [9, 10, 11, 12]], ["3", "1"])
    assert (pixels(test), test.texts) == ([[5, 6, 7, 8], [0, 0, 0, 1]], [])


def test_split_rows_keep_their_ids() -> None:
    text = "id,emotion,Usage,pixels\na,3,Training,1 2 3 4\nb,4,PublicTest,5 6 7 8\n"
    train, test = split(text, test_id_column="id")
    assert (train.names, test.texts) == (["a"], ["b"])


def test_an_absent_usage_lists_what_there_is() -> None:
    with pytest.raises(UserError) as error:
        split(SPLIT, train_usage=["train"])
    assert str(error.value) == (
        "faces.csv, column Usage: no row of competition.train_usage\n"
        "expected train, received 'Training' (2), 'PublicTest' (1), 'PrivateTest' (1), 'Other' (1)"
    )


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("0,1 2 3", "another number of pixels\nexpected 4 (2 x 2 x 1), received 3"),
        ("0,1 2 3 4 5", "another number of pixels\nexpected 4 (2 x 2 x 1), received 5"),
        ("0,", "the cell is empty\nexpected 4 (2 x 2 x 1), received nothing"),
    ],
)
def test_a_wrong_number_of_pixels_is_named(row: str, expected: str) -> None:
    assert fault(GOOD + row + "\n") == f"faces.csv, line 4, column pixels: {expected}"


@pytest.mark.parametrize(
    ("pixel", "what"),
    [
        ("300", "the number is too high"),
        ("-1", "a negative number"),
        ("x", "not a number"),
        ("2.0", "not written"),
    ],
)
def test_a_wrong_pixel_is_named(pixel: str, what: str) -> None:
    message = fault(GOOD.replace("60", pixel))
    assert message.startswith(f"faces.csv, line 3, column pixels, pixel 2: {what}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD + "1,2,3\n", "line 4: another number of cells\nexpected 2 cells (emotion, pixels), received 3"),
        (GOOD.replace("pixels", "px"), "line 1: no column pixels\nexpected pixels, received 'emotion', 'px'"),
        (GOOD.replace("\n6,", "\n ,"), "line 3, column emotion: the cell is empty\nexpected a label"),
        ("emotion,pixels\n", "the file has no rows"),
        ("", "the file is empty"),
        (b"PK\x03\x04", "not a CSV file"),
        (GOOD.encode().replace(b"6,", b"\xfc,"), "line 3, column emotion: not UTF-8 text"),
    ],
)
def test_other_faults_are_named(text: str | bytes, expected: str) -> None:
    assert fault(text).removeprefix("faces.csv").lstrip(":, ").startswith(expected)


def test_a_quote_that_is_not_closed_is_named() -> None:
    message = fault(GOOD + '1,"1 2 3 4\n' + "1,1 2 3 4\n" * 30_000)
    assert message.startswith("faces.csv, line ")
    assert message.endswith("is a quote not closed?")


def test_test_rows_without_header_may_lack_the_label() -> None:
    table = parse("1 2 3 4\n5 6 7 8\n", labelled=False, header=False, label_column="0", pixels_column="1")
    assert pixels(table) == [[1, 2, 3, 4], [5, 6, 7, 8]]


@pytest.mark.parametrize("row", ['1,"1 2 3 4', '"1"x,1 2 3 4'], ids=["open quote", "text behind a quote"])
def test_a_quote_at_a_wrong_place_is_named(row: str) -> None:
    assert fault(GOOD + row).startswith("faces.csv, line 4: not CSV: ")
