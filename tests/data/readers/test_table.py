from pathlib import Path

import pytest

from kit.data.readers import table
from kit.errors import UserError


def write(folder: Path, text: str | bytes, name: str = "labels.csv") -> None:
    (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)


@pytest.mark.parametrize(
    "text",
    [
        "id,label\na,x\nb,y\n",
        "\ufeffid,label\r\na,x\r\nb,y",
        'label,other,"id"\nx,,a\n"y","1,5", b \n\n',
    ],
)
def test_cells_are_found_by_header(tmp_path: Path, text: str) -> None:
    write(tmp_path, text)
    assert table.read(tmp_path, "labels.csv", ["id", "label"]).columns == {
        "id": ["a", "b"],
        "label": ["x", "y"],
    }


def test_names_may_hold_commas_quotes_and_any_letters(tmp_path: Path) -> None:
    write(tmp_path, 'id,label\n"a, ""b"".png",x\nßü 漢.png,y\n')
    assert table.read(tmp_path, "labels.csv", ["id"]).columns["id"] == ['a, "b".png', "ßü 漢.png"]


def test_a_cell_with_a_line_end_keeps_the_line_numbers_right(tmp_path: Path) -> None:
    write(tmp_path, 'id,label\na,"x\ny"\nb,z\n')
    assert table.read(tmp_path, "labels.csv", ["id"]).where(1, "id").endswith("labels.csv, line 4, column id")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Id,label\na,x\n", "line 1: no column id\nexpected id, received Id, label\nis it Id?"),
        ("", "line 1: no column id\nexpected id, received nothing"),
        ("id,label,id\na,x,b\n", "line 1: duplicate column id"),
        ("id,label\na,x\nb\n", "line 3: the row is too short\nexpected 2 cells, received 1"),
        ("id,label\na,x,y\n", "line 2: the row is too long\nexpected 2 cells, received 3"),
        ("id,label\n", "the file has no rows"),
        (b"id,label\na,\xff\n", "line 2: not UTF-8 text"),
        ('id,label\n"' + 200_000 * "a", "cannot be read: field larger than field limit"),
    ],
)
def test_wrong_tables(tmp_path: Path, text: str | bytes, message: str) -> None:
    write(tmp_path, text)
    with pytest.raises(UserError) as caught:
        table.read(tmp_path, "labels.csv", ["id", "label"])
    assert message in str(caught.value)


def test_a_missing_table(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there is no labels\.csv"):
        table.read(tmp_path, "labels.csv", ["id"])


@pytest.mark.parametrize("missing", ["", "nan", "NaN"])
def test_missing_labels(tmp_path: Path, missing: str) -> None:
    write(tmp_path, f"id,label\na,x\nb,{missing}\nc,{missing}\n")
    with pytest.raises(UserError, match="line 3, column label: there is no label; 2 rows have none"):
        table.labels(table.read(tmp_path, "labels.csv", ["id", "label"]), "label")


def test_one_hot_columns(tmp_path: Path) -> None:
    write(tmp_path, "id,healthy,rust\na,0,1\nb,1.0,0.0\n")
    read = table.read(tmp_path, "labels.csv", ["healthy", "rust"])
    assert table.one_hot(read, ["healthy", "rust"]) == ("rust", "healthy")


@pytest.mark.parametrize("cells", ["1,1", "0,0", "0.5,0.5", "1,", "1,x"])
def test_a_row_must_have_exactly_one_label(tmp_path: Path, cells: str) -> None:
    write(tmp_path, f"id,healthy,rust\na,0,1\nb,{cells}\n")
    read = table.read(tmp_path, "labels.csv", ["healthy", "rust"])
    with pytest.raises(UserError, match=r"line 3, columns healthy … rust: not exactly one label"):
        table.one_hot(read, ["healthy", "rust"])


@pytest.mark.parametrize("row", ['b,"rust', '"b"x,rust'], ids=["open quote", "text behind a quote"])
def test_a_quote_at_a_wrong_place_is_named(tmp_path: Path, row: str) -> None:
    write(tmp_path, f"id,label\na,healthy\n{row}")
    with pytest.raises(UserError, match=r"labels\.csv, line 3: cannot be read"):
        table.read(tmp_path, "labels.csv", ["id", "label"])
