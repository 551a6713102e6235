import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from kit.config import Competition
from kit.errors import UserError
from kit.task.submission import check_submission, predictions_of, write_submission

COMPETITION = Competition()


def written(tmp_path: Path, content: bytes, name: str = "submission.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


def message(path: Path, ids: Sequence[int] | None = None, *, ordered: bool = True) -> str:
    wanted = None if ids is None else np.array(ids)
    with pytest.raises(UserError) as error:
        check_submission(path, COMPETITION, ids=wanted, source="data/test.csv", ordered=ordered)
    text = str(error.value)
    assert str(path.parent) in text
    assert text.count("\n") < 3
    return text


def test_what_is_written_passes_and_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "submission.csv"
    write_submission(path, np.arange(1, 4), np.array([9, 0, 0], np.uint8), COMPETITION)
    assert path.read_bytes() == b"ImageId,Label\n1,9\n2,0\n3,0\n"
    checked = check_submission(path, COMPETITION, ids=np.arange(1, 4))
    assert checked.rows == 3
    assert checked.labels.tolist() == [9, 0, 0]
    assert checked.counts.tolist() == [2, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    assert checked.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_names_and_first_id_are_the_configurations(tmp_path: Path) -> None:
    other = Competition(id_column="id", prediction_column="digit", first_id=0, classes=3)
    write_submission(tmp_path / "s.csv", np.arange(2), np.array([2, 1]), other)
    assert (tmp_path / "s.csv").read_bytes() == b"id,digit\n0,2\n1,1\n"
    assert check_submission(tmp_path / "s.csv", other).ids.tolist() == [0, 1]


@pytest.mark.parametrize(
    "labels", [np.array([0, 10]), np.array([-1, 0]), np.array([0.0, 1.0]), np.array([1])]
)
def test_no_file_is_written_from_wrong_labels(tmp_path: Path, labels: NDArray[np.generic]) -> None:
    with pytest.raises(ValueError, match="received"):
        write_submission(tmp_path / "s.csv", np.arange(1, 3), labels, COMPETITION)  # type: ignore[arg-type]  # wrong on purpose
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content",
    [
        b"ImageId,Label\r\n1,3\r\n2,4\r\n",
        b'"ImageId","Label"\n"1","3"\n"2","4"\n',
        b"ImageId,Label\n1,3\n2,4",
    ],
    ids=["windows line ends", "quoted", "no last line end"],
)
def test_other_spellings_of_the_same_csv_pass(tmp_path: Path, content: bytes) -> None:
    assert check_submission(written(tmp_path, content), COMPETITION).labels.tolist() == [3, 4]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ["an empty file"]),
        (b" \n\n", ["an empty file"]),
        (b"\xef\xbb\xbfImageId,Label\n1,3\n", ["byte order mark"]),
        ("ImageId,Label\n1,3\n".encode("utf-16"), ["UTF-16"]),
        (b"\n<!DOCTYPE html><html>", ["a web page"]),
        (b"PK\x03\x04rest", ["a zip file"]),
        (b"\x89PNG\r\n\x1a\n\x00\xff", ["line 1", "plain UTF-8"]),
        (b"ImageId,Label\n1,3\n2,\xff\n", ["line 3", "plain UTF-8"]),
        (b"1,3\n2,4\n", ["line 1", "wrong header", "expected ImageId,Label"]),
        (b"imageid,label\n1,3\n", ["wrong header"]),
        (b"ImageId,Label,\n1,3,\n", ["wrong header"]),
        (b"ImageId;Label\n1;3\n", ["wrong header"]),
        (b"ImageId,Label\n", ["no rows"]),
        (b"ImageId,Label\n1,3\n\n3,4\n", ["line 3", "blank line"]),
        (b"ImageId,Label\n1,3\n2\n", ["line 3", "expected 2", "received 1"]),
        (b"ImageId,Label\n1,3\n2,4,5\n", ["line 3", "received 3"]),
        (b"ImageId,Label\n1,3\n2,\n", ["line 3, column Label", "blank cell"]),
        (b"ImageId,Label\n1,3\n ,4\n", ["line 3, column ImageId", "blank cell"]),
        (b"ImageId,Label\n1,3.0\n", ["line 2, column Label", "not a whole number", "'3.0'"]),
        (b"ImageId,Label\n1, 3\n", ["line 2, column Label", "not a whole number", "' 3'"]),
        (b"ImageId,Label\n1,03\n", ["line 2, column Label", "not a whole number"]),
        (b"ImageId,Label\n1,nan\n", ["line 2, column Label", "not a whole number"]),
        ("ImageId,Label\n1,٣\n".encode(), ["line 2, column Label", "not a whole number"]),
        (b"ImageId,Label\n1,10\n", ["line 2, column Label", "expected 0 to 9", "received 10"]),
        (b"ImageId,Label\n1,-1\n", ["line 2, column Label", "expected 0 to 9", "received -1"]),
        (b"ImageId,Label\n0,3\n1,4\n", ["line 2, column ImageId", "unknown id", "received 0"]),
        (b"ImageId,Label\n1,3\n3,4\n", ["line 3, column ImageId", "id 2 is missing"]),
        (b"ImageId,Label\n1,3\n1,4\n", ["line 3, column ImageId", "already in line 2"]),
        (b"ImageId,Label\n2,3\n1,4\n", ["line 2, column ImageId", "out of order"]),
        (b'ImageId,Label\n1,"3\n', ["not a CSV file"]),
    ],
)
def test_each_fault_is_named_with_its_place(tmp_path: Path, content: bytes, words: list[str]) -> None:
    text = message(written(tmp_path, content))
    assert [word for word in words if word not in text] == []


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (b"1,3\n2,4\n", ["id 3 and what follows are missing", "expected 3 rows, received 2 rows"]),
        (b"1,3\n2,4\n3,5\n4,6\n", ["line 5", "too many rows", "expected 3 rows, received 4 rows"]),
        (b"1,3\n2,4\n4,5\n", ["line 4", "id 3 is missing"]),
        (b"2,3\n1,4\n3,5\n", ["line 2", "out of order"]),
    ],
)
def test_ids_are_those_that_are_wanted(tmp_path: Path, rows: bytes, words: list[str]) -> None:
    text = message(written(tmp_path, b"ImageId,Label\n" + rows), [1, 2, 3])
    assert [word for word in words if word not in text] == []


def test_an_example_may_predict_anything_and_is_named_itself_where_it_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "sample_submission.csv.gz"
    assert predictions_of(path, b"ImageId,Label\r\n7,\r\n3,?\r\n", COMPETITION) == {7: "", 3: "?"}
    with pytest.raises(UserError, match=r"sample_submission.csv.gz, line 1: wrong header"):
        predictions_of(path, b"id,label\n1,0\n", COMPETITION)
    with pytest.raises(UserError, match=r"sample_submission.csv.gz, line 3, .*id 1 is already in line 2"):
        predictions_of(path, b"ImageId,Label\n1,0\n1,0\n", COMPETITION)


def test_a_folder_or_nothing_is_no_submission(tmp_path: Path) -> None:
    assert "no such file" in message(tmp_path / "none.csv")
    (tmp_path / "folder.csv").mkdir()
    assert "not readable" in message(tmp_path / "folder.csv")


def test_in_any_order_ids_decide(tmp_path: Path) -> None:
    path = written(tmp_path, b"ImageId,Label\n3,5\n1,3\n2,4\n")
    checked = check_submission(path, COMPETITION, ids=np.arange(1, 4), ordered=False)
    assert checked.by_id == {1: 3, 2: 4, 3: 5}
    assert checked.content == path.read_bytes()


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (b"3,3\n1,4\n", ["line 3: id 2 is missing", "expected 3 rows, received 2 rows"]),
        (b"3,3\n", ["line 1: id 1 is missing, and 1 more", "expected 3 rows, received 1 rows"]),
        (b"1,3\n2,4\n", ["line 3: id 3 is missing", "the ids are those of data/test.csv"]),
        (b"3,3\n1,4\n2,5\n4,6\n", ["line 5", "unknown id 4", "expected 3 rows, received 4 rows"]),
        (b"0,3\n1,4\n2,5\n", ["line 2, column ImageId: unknown id 0, and id 3 is missing"]),
        (b"0,3\n1,4\n2,5\n", ["expected ids from 1 to 3, received 0"]),
        (b"3,3\n1,4\n3,5\n", ["line 4", "id 3 is already in line 2"]),
    ],
)
def test_in_any_order_each_id_is_there_once(tmp_path: Path, rows: bytes, words: list[str]) -> None:
    text = message(written(tmp_path, b"ImageId,Label\n" + rows), [1, 2, 3], ordered=False)
    assert [word for word in words if word not in text] == []


def test_a_gap_is_found_where_nothing_says_how_many_rows_there_are(tmp_path: Path) -> None:
    text = message(written(tmp_path, b"ImageId,Label\n4,3\n1,4\n2,5\n"), ordered=False)
    assert "unknown id 4, and id 3 is missing\nexpected ids from 1 to 3, received 4" in text
