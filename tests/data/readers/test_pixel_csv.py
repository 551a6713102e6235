"""Good files, odd files that are read correctly, and every fault that a file can have, named by its place."""

import numpy as np
import pytest

from kit.config import Competition
from kit.data.readers import blocks, digits, exact, pixel_csv
from kit.errors import UserError

COMPETITION = Competition(image_shape=(1, 3, 1), classes=3)
HEADER = "label,pixel0,pixel1,pixel2\n"
GOOD = HEADER + "0,0,7,255\n1,1,20,3\n2,9,99,100\n"
IMAGES = [[[[0], [7], [255]]], [[[1], [20], [3]]], [[[9], [99], [100]]]]
LABELS = ["0", "1", "2"]
TEST = "pixel0,pixel1,pixel2\n5,6,7\n"

ODD = {
    "CRLF": GOOD.replace("\n", "\r\n"),
    "CR": GOOD.replace("\n", "\r"),
    "mixed line ends": GOOD.replace("\n", "\r\n", 2),
    "byte-order mark": "\ufeff" + GOOD,
    "byte-order mark and quotes": "\ufeff" + GOOD.replace("label", '"label"').replace("20", '"20"'),
    "no final newline": GOOD.removesuffix("\n"),
    "no final newline, CRLF": GOOD.removesuffix("\n").replace("\n", "\r\n"),
    "blank lines at the end": GOOD + "\n \r\n\n",
    "all quoted": "\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in GOOD.splitlines()),
    "blanks around cells": GOOD.replace(",", " , "),
    "leading zeros": GOOD.replace("20", "0020").replace("7", "007"),
    "reordered": "pixel2,pixel0,label,pixel1\n255,0,0,7\n3,1,1,20\n100,9,2,99\n",
    "label last": "pixel0,pixel1,pixel2,label\n0,7,255,0\n1,20,3,1\n9,99,100,2\n",
}


def parse(
    text: str | bytes, competition: Competition = COMPETITION, *, labelled: bool = True
) -> tuple[list[object], list[str]]:
    raw = text.encode() if isinstance(text, str) else text
    table = pixel_csv.parse(raw, "train.csv", competition, labelled=labelled)
    return table.images.tolist(), table.texts


def fault(text: str | bytes, competition: Competition = COMPETITION, *, labelled: bool = True) -> str:
    with pytest.raises(UserError) as error:
        parse(text, competition, labelled=labelled)
    assert str(error.value).count("\n") <= 2
    return str(error.value)


def test_a_good_file_is_read() -> None:
    table = pixel_csv.parse(GOOD.encode(), "train.csv", COMPETITION, labelled=True)
    assert (str(table.images.dtype), table.images.shape) == ("uint8", (3, 1, 3, 1))
    assert table.images.tolist() == IMAGES
    assert table.texts == LABELS


def test_test_rows_have_no_labels() -> None:
    assert parse(TEST, labelled=False) == ([[[[5], [6], [7]]]], [])


@pytest.mark.parametrize("text", ODD.values(), ids=ODD.keys())
def test_harmless_oddities_are_read_right(text: str) -> None:
    assert parse(text) == (IMAGES, LABELS)


@pytest.mark.parametrize("text", ODD.values(), ids=ODD.keys())
@pytest.mark.parametrize("size", [1, 40])
def test_pieces_of_the_fast_read_fit_together(text: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digits, "CHUNK", size)
    assert parse(text) == (IMAGES, LABELS)


def test_every_value_is_read_as_python_reads_it() -> None:
    values = np.random.default_rng(0).permutation(np.repeat(np.arange(256), 9)).reshape(-1, 3)
    text = "pixel0,pixel1,pixel2\n" + "".join(f"{a},{b},{c}\r\n" for a, b, c in values)
    assert np.array_equal(np.array(parse(text, labelled=False)[0])[:, 0, :, 0], values)


@pytest.mark.parametrize(
    ("cell", "what"),
    [
        ("", "the cell is empty"),
        ("  ", "the cell is empty"),
        ('""', "the cell is empty"),
        ("abc", "not a number"),
        ("1\x002", "not a number"),
        ("1 2", "not a number"),
        ("0x1f", "not a number"),
        ('"12', "not a number"),
        ("nan", "not a finite number"),
        ("NaN", "not a finite number"),
        ("inf", "not a finite number"),
        ("-Infinity", "not a finite number"),
        ("1e999", "not a finite number"),
        ("12.0", "not written as an integer"),
        ("0.5", "not written as an integer"),
        ("1e2", "not written as an integer"),
        ("+5", "not written as an integer"),
        ("-1", "a negative number"),
        ("-255", "a negative number"),
        ("256", "the number is too high"),
        ("260", "the number is too high"),
        ("300", "the number is too high"),
        ("999", "the number is too high"),
        ("1000", "the number is too high"),
        ("00256", "the number is too high"),
        ("9" * 400, "the number is too high"),
        ("-0", "a negative number"),
        ("18446744073709551617", "the number is too high"),
        ("3\u0663", "not written as an integer"),
    ],
)
def test_a_wrong_cell_is_named(cell: str, what: str) -> None:
    message = fault(GOOD.replace("20", cell))
    assert message.startswith(
        f"train.csv, line 3, column pixel1: {what}\nexpected an integer from 0 to 255, "
    )


@pytest.mark.parametrize("label", ["-1", "1.0", "nan", "300", "one"])
def test_a_label_is_read_as_text(label: str) -> None:
    assert parse(GOOD.replace("2,9", f"{label},9"))[1] == ["0", "1", label]


@pytest.mark.parametrize("label", ["", "  ", '""'])
def test_a_label_is_not_empty(label: str) -> None:
    message = "train.csv, line 4, column label: the cell is empty\nexpected a label, received nothing"
    assert fault(GOOD.replace("2,9", f"{label},9")) == message


LEARNED = Competition(image_shape=(1, 3, 1), labels="auto")
FRUIT = ["açaí", "red apple", "kiwi"]
WITH_TEXT = {
    "first": "kind,pixel0,pixel1,pixel2\naçaí,0,7,255\nred apple,1,20,3\nkiwi,9,99,100\n",
    "second": "pixel0,kind,pixel1,pixel2\n0,açaí,7,255\n1,red apple,20,3\n9,kiwi,99,100\n",
    "last but one": "pixel0,pixel1,kind,pixel2\n0,7,açaí,255\n1,20,red apple,3\n9,99,kiwi,100\n",
    "last": "pixel0,pixel1,pixel2,kind\n0,7,255,açaí\n1,20,3,red apple\n9,99,100,kiwi\n",
    "pixels out of order": "pixel2,kind,pixel0,pixel1\n255,açaí,0,7\n3,red apple,1,20\n100,kiwi,9,99\n",
}


@pytest.mark.parametrize("text", WITH_TEXT.values(), ids=WITH_TEXT.keys())
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("fast", [True, False])
def test_labels_of_any_text_in_any_column(
    text: str, end: str, fast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    competition = LEARNED.model_copy(update={"label_column": "kind"})
    if not fast:
        monkeypatch.setattr(blocks, "read", lambda *_: None)
    assert parse(text.replace("\n", end), competition) == (IMAGES, FRUIT)


def test_a_good_file_with_text_is_read_by_the_fast_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact, "rows", None)
    competition = LEARNED.model_copy(update={"label_column": "kind"})
    for text in WITH_TEXT.values():
        assert parse(text, competition)[1] == FRUIT


def test_a_quoted_label_may_contain_a_comma() -> None:
    text = GOOD.replace("2,9", '"apple, red",9')
    assert parse(text, LEARNED) == (IMAGES, ["0", "1", "apple, red"])


def test_a_learned_label_keeps_its_zeros() -> None:
    assert parse(GOOD.replace("2,9", "02,9"), LEARNED)[1] == ["0", "1", "02"]


@pytest.mark.parametrize(
    ("cell", "label"),
    [('"say ""hi"""', 'say "hi"'), ('"""a"",""b"""', '"a","b"'), ('"  lead"', "  lead"), ("  bare ", "bare")],
)
def test_a_quoted_label_is_read_as_it_was_written(cell: str, label: str) -> None:
    text = GOOD.replace("\n2,", f"\n{cell},")
    assert parse(text, LEARNED)[1][-1] == label


@pytest.mark.parametrize("quoted", ["20", '"20"'])
def test_a_label_that_is_not_utf8_is_named(quoted: str) -> None:
    raw = GOOD.replace("2,9", "Z\xfcrich,9").replace("20", quoted).encode("latin-1")
    message = "train.csv, line 4, column label: not UTF-8 text\nexpected UTF-8, received 'Z\\\\xfcrich'"
    assert fault(raw, LEARNED) == message


@pytest.mark.parametrize("fast", [True, False])
def test_a_carriage_return_in_a_label_ends_the_line(fast: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not fast:
        monkeypatch.setattr(blocks, "read", lambda *_: None)
    assert fault(GOOD.replace("\n1,", "\na\rb,"), LEARNED).startswith(
        "train.csv, line 3: the row is too short"
    )


@pytest.mark.parametrize(
    "row",
    ['2,9,99,"100', '"2"x,9,99,100', '2,9,"9"9,100'],
    ids=["open quote", "text behind a quoted label", "digit behind a quoted pixel"],
)
def test_a_quote_at_a_wrong_place_is_named(row: str) -> None:
    message = fault(f'{GOOD}"a, b",1,2,3\n{row}\n', LEARNED)
    assert message.startswith("train.csv, line 6")


def test_a_label_keeps_blanks_only_if_it_was_quoted_itself() -> None:
    assert parse(f'{HEADER}7 ,"7 ",1,2\n', LEARNED)[1] == ["7"]


@pytest.mark.parametrize("cell", ["a" * 140_000, '"' + "a" * 140_000 + '"'])
def test_a_long_label_is_read(cell: str) -> None:
    assert parse(f'{HEADER}{cell},"7",1,2\n', LEARNED)[1] == ["a" * 140_000]


def test_a_wrong_pixel_beside_text_is_named() -> None:
    text = WITH_TEXT["second"].replace("kind", "label").replace("99", "x")
    assert fault(text, LEARNED).startswith("train.csv, line 4, column pixel1: not a number")
    text = WITH_TEXT["last"].replace("kind", "label").replace("20,3", "20")
    assert fault(text, LEARNED).startswith("train.csv, line 3: the row is too short")


def test_a_last_line_that_has_only_a_label_is_named() -> None:
    text = WITH_TEXT["first"].replace("kind", "label")
    assert fault(f"{text}kiwi,\n", LEARNED).startswith("train.csv, line 5: the row is too short")


def test_ids_of_test_rows() -> None:
    competition = COMPETITION.model_copy(update={"test_id_column": "name"})
    text = "name,pixel0,pixel1,pixel2\nimg_7.png,5,6,7\n0012,8,9,10\n"
    images, ids = parse(text, competition, labelled=False)
    assert images == [[[[5], [6], [7]]], [[[8], [9], [10]]]]
    assert ids == ["img_7.png", "0012"]
    assert fault(TEST, competition, labelled=False).startswith("train.csv, line 1: no column name\n")


def test_channels_of_a_pixel_are_side_by_side() -> None:
    competition = Competition(image_shape=(1, 2, 3), labels="auto")
    header = ",".join(f"pixel{number}" for number in range(6))
    images, _ = parse(f"label,{header}\na,1,2,3,4,5,6\nb,0,0,0,0,0,0\n", competition)
    assert images[0] == [[[1, 2, 3], [4, 5, 6]]]


def test_the_column_is_named_by_the_header_where_columns_are_reordered() -> None:
    assert fault("pixel2,label,pixel0,pixel1\n1,0,x,1\n").startswith("train.csv, line 2, column pixel0: ")


def test_the_line_is_that_of_an_editor_whatever_ends_it() -> None:
    for end in ("\n", "\r\n", "\r"):
        assert fault(GOOD.replace("99", "x").replace("\n", end)).startswith(
            "train.csv, line 4, column pixel1"
        )


def test_what_is_shown_of_a_cell_is_short_and_plain() -> None:
    assert "received 'x\\x1b[31m\\x07'" in fault(GOOD.replace("20", "x\x1b[31m\x07"))
    assert len(fault(GOOD.replace("20", "x" * 100_000))) < 200
    assert "received '\\\\xff'" in fault(GOOD.encode().replace(b"20", b"\xff"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            GOOD.replace("1,20,3", "1,20"),
            "train.csv, line 3: the row is too short\nexpected 4 cells, received 3",
        ),
        (
            GOOD.replace("1,20,3", "1,20,3,4"),
            "train.csv, line 3: the row is too long\nexpected 4 cells, received 5",
        ),
        (GOOD.replace("1,20,3", "1,20,3,"), "train.csv, line 3: the row is too long"),
        (GOOD.replace("20,3\n", "20,3,1,1,20,3\n"), "train.csv, line 3: the row is too long"),
        (GOOD + "1,2", "train.csv, line 5: the last line is truncated"),
        (GOOD + "1,2,", "train.csv, line 5: the last line is truncated"),
        (GOOD + "1,2,3,", "train.csv, line 5, column pixel2: the cell is empty"),
        (GOOD + GOOD, "train.csv, line 5: the header is repeated"),
        (GOOD.replace("\n1,", "\n\n1,"), "train.csv, line 3: a blank line between rows"),
        (GOOD.replace("1,1,20,3", "1;1;20;3"), "train.csv, line 3: not separated by commas"),
        (HEADER + "\n", "train.csv: the file has no rows"),
        (HEADER, "train.csv: the file has no rows"),
        (HEADER.strip(), "train.csv: the file has no rows"),
    ],
)
def test_a_wrong_row_is_named(text: str, expected: str) -> None:
    assert fault(text).startswith(expected)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (
            "label,pixel0,pixel1",
            "train.csv, line 1: column pixel2 is missing\n"
            "expected label, pixel0 … pixel2 (4 columns), received 3 columns",
        ),
        ("label,pixel1", "train.csv, line 1: 2 columns are missing (the first: pixel0)"),
        (
            "label,pixel0,pixel1,pixel2,pixel3",
            "train.csv, line 1, column 5: unexpected column 'pixel3'\n"
            "expected label, pixel0 … pixel2 (4 columns), received 5 columns",
        ),
        (
            "label,pixel0,pixl1,pixel2",
            "train.csv, line 1, column 3: unexpected column 'pixl1'\nexpected pixel1, received 4 columns",
        ),
        (
            "Label,pixel0,pixel1,pixel2",
            "train.csv, line 1, column 1: unexpected column 'Label'\nexpected label",
        ),
        (
            "label,pixel0,pixel0,pixel2",
            "train.csv, line 1, column 3: duplicate column pixel0\nexpected pixel1",
        ),
        ("label,pixel0,pixel1,pixel2,label", "train.csv, line 1, column 5: duplicate column label"),
        (",label,pixel0,pixel1,pixel2", "train.csv, line 1, column 1: unexpected column ''"),
        ("0,0,7,255", "train.csv, line 1: no header"),
        (
            "label;pixel0;pixel1;pixel2",
            "train.csv, line 1: not separated by commas\nexpected commas, received semicolons",
        ),
        ("label\tpixel0\tpixel1\tpixel2", "train.csv, line 1: not separated by commas"),
        ("ImageId,Label", "train.csv, line 1: not the competition's columns"),
        ("a\x07b" * 1000, "train.csv, line 1: not the competition's columns"),
    ],
)
def test_a_wrong_header_is_named(header: str, expected: str) -> None:
    message = fault(GOOD.replace(HEADER.strip(), header))
    assert message.startswith(expected)
    assert message.isprintable() or message.replace("\n", "").isprintable()
    assert len(message) < 400


@pytest.mark.parametrize("name", ['""label', '"label"x', '"label'])
def test_a_quote_at_a_wrong_place_of_the_header_is_named(name: str) -> None:
    message = fault(GOOD.replace("label", name, 1))
    assert message.startswith("train.csv, line 1: a quote at a wrong place\nexpected a cell in quotes")


def test_a_header_that_is_not_utf8_is_named() -> None:
    raw = GOOD.replace("label", "z\xfcge", 1).encode("latin-1")
    assert fault(raw, LEARNED).startswith("train.csv, line 1: not UTF-8 text\nexpected UTF-8, received")


def test_an_empty_column_is_explained_by_its_place() -> None:
    assert fault("," + GOOD).endswith("written by pandas? use to_csv(index=False)")
    assert fault(GOOD.replace("\n", ",\n")).endswith("a comma too many?")


def test_a_first_line_without_end_is_not_even_split() -> None:
    message = fault("label" + "," * (1 << 20) + "\n")
    assert message.startswith("train.csv, line 1: far too long for a header\nexpected 4 columns, received")


def test_test_and_train_files_swapped() -> None:
    assert fault(TEST).startswith("train.csv, line 1: no column label")
    assert fault(TEST).endswith("is it test.csv?")
    assert fault(GOOD, labelled=False).endswith("is it train.csv?")


@pytest.mark.parametrize(
    ("raw", "received"),
    [
        (GOOD.encode("utf-16"), "UTF-16 text"),
        (GOOD.encode("utf-16-le"), "binary data (NUL bytes)"),
        (b"<!DOCTYPE html>\n<html><body>Sign in</body></html>", "an HTML or XML page"),
        (b"\n\n  <html>", "an HTML or XML page"),
        (b'{"code": 403}', "JSON"),
        (b"PK\x03\x04rest", "a zip archive"),
        (b"\x89PNG\r\n\x1a\n", "a PNG image"),
        (bytes(5000), "binary data (NUL bytes)"),
        (b"\n\n\n", "only blank lines"),
    ],
)
def test_no_csv_at_all(raw: bytes, received: str) -> None:
    message = fault(raw)
    assert message.startswith("train.csv: not a CSV file\n")
    assert f"received {received}" in message


def test_an_empty_file() -> None:
    assert fault(b"").startswith("train.csv: the file is empty\nexpected a CSV file, received 0 bytes")
