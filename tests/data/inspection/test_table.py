import gzip
import zipfile
from pathlib import Path

import pytest

from kit.data.inspection import table
from kit.data.inspection.table import Table
from tests.inspected import write_csv


def read(path: Path) -> Table:
    found = table.read(path, path.name)
    assert found is not None
    return found


def test_cells_with_commas_quotes_and_line_ends(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", [" id", "label "], [["1", "a, b"], ["2", 'say "x"'], ["3", "two\nlines"]])
    found = read(tmp_path / "a.csv")
    assert (found.columns, found.total, found.is_sampled) == (("id", "label"), 3, False)
    assert found.values("label") == ("a, b", 'say "x"', "two\nlines")


def test_a_byte_order_mark_belongs_to_no_column(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,label\r\n1,x\r\n", encoding="utf-8-sig", newline="")
    assert read(tmp_path / "a.csv").columns == ("id", "label")


@pytest.mark.parametrize(
    ("first", "has_header"),
    [
        ("label,0,1", True),
        ("5,0,255", False),
        ("0,1,2", True),
        ("1,2,3", True),
        ("a,7,7", False),
        ("7,7,a", False),
        ("a,5,7", True),
    ],
)
def test_a_line_of_numbers_is_no_header_unless_they_count(
    tmp_path: Path, first: str, has_header: bool
) -> None:
    (tmp_path / "a.csv").write_text(f"{first}\n7,8,9\n")
    found = read(tmp_path / "a.csv")
    assert (found.has_header, found.total) == (has_header, 1 if has_header else 2)


def test_large_tables_are_sampled_from_all_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "WHOLE", 1000)
    write_csv(tmp_path / "a.csv", ["id", "part"], [[number, number // 5000] for number in range(20_000)])
    found = read(tmp_path / "a.csv")
    assert (found.total, found.is_sampled) == (20_000, True)
    assert len(found.rows) <= table.ROWS
    assert found.counts("part").keys() == {"0", "1", "2", "3"}


def test_compressed_tables(tmp_path: Path) -> None:
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"id,label\n1,x\n"))
    with zipfile.ZipFile(tmp_path / "b.csv.zip", "w") as archive:
        archive.writestr("b.csv", "id,label\n1,x\n")
    assert read(tmp_path / "a.csv.gz").values("label") == ("x",)
    assert read(tmp_path / "b.csv.zip").values("label") == ("x",)


@pytest.mark.parametrize("text", ["", "id,label\n"])
def test_files_without_rows_are_no_tables(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    assert table.read(tmp_path / "a.csv", "a.csv") is None


def test_lines_may_end_with_carriage_returns(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"id,label\r1,x\r2,y\r")
    found = read(tmp_path / "a.csv")
    assert (found.columns, found.rows, found.total) == (("id", "label"), [["1", "x"], ["2", "y"]], 2)


def test_a_line_of_many_numbers_and_a_label_is_no_header(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", None, [["cat", *[7] * 64], ["dog", *[8] * 64]])
    write_csv(tmp_path / "b.csv", ["label", *range(64)], [["cat", *[7] * 64]])
    assert not read(tmp_path / "a.csv").has_header
    assert read(tmp_path / "b.csv").has_header
