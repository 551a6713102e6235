import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from kit.errors import UserError
from kit.task.submission import (
    check_sample_submission,
    check_submission,
    predictions_of,
    write_submission,
)
from tests import tasks

DIGITS = tasks.make().submission


def written(tmp_path: Path, content: bytes, name: str = "submission.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


def message(path: Path, ids: Sequence[int] | None = None, *, ordered: bool = True) -> str:
    wanted = None if ids is None else [str(one) for one in ids]
    with pytest.raises(UserError) as error:
        check_submission(path, DIGITS, ids=wanted, source="data/test.csv", ordered=ordered)
    text = str(error.value)
    assert str(path.parent) in text
    assert text.count("\n") < 3
    return text


def sure(*classes: int, of: int = 10) -> NDArray[np.float32]:
    """Return (rows, of) probabilities, 0.91 for the class of each row."""
    probs = np.full((len(classes), of), 0.09 / (of - 1), np.float32)
    probs[np.arange(len(classes)), classes] = 0.91
    return probs


def test_what_is_written_passes_and_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "submission.csv"
    write_submission(path, ["1", "2", "3"], sure(9, 0, 0), DIGITS)
    assert path.read_bytes() == b"ImageId,Label\n1,9\n2,0\n3,0\n"
    checked = check_submission(path, DIGITS, ids=["1", "2", "3"])
    assert checked.rows == 3
    assert checked.predictions == {"1": "9", "2": "0", "3": "0"}
    assert checked.counts.tolist() == [2, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    assert checked.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_names_and_first_id_are_the_configurations(tmp_path: Path) -> None:
    other = tasks.make(id_column="id", prediction_column="digit", first_id=0, classes=3).submission
    write_submission(tmp_path / "s.csv", ["0", "1"], sure(2, 1, of=3), other)
    assert (tmp_path / "s.csv").read_bytes() == b"id,digit\n0,2\n1,1\n"
    assert list(check_submission(tmp_path / "s.csv", other).predictions) == ["0", "1"]


def test_labels_and_ids_of_any_text_are_written_as_they_were(tmp_path: Path) -> None:
    form = tasks.make(labels=["red apple", "kiwi, gold"], test_id_column="name").submission
    ids = ["b.png", "a,1.png"]
    write_submission(tmp_path / "s.csv", ids, sure(1, 0, of=2), form)
    assert (tmp_path / "s.csv").read_text() == ('ImageId,Label\nb.png,"kiwi, gold"\n"a,1.png",red apple\n')
    checked = check_submission(tmp_path / "s.csv", form, ids=ids)
    assert checked.predictions == {"b.png": "kiwi, gold", "a,1.png": "red apple"}
    assert checked.counts.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("ids", "probs"),
    [
        (["1"], sure(0, 1)),
        (["1"], sure(0, of=9)),
        (["1"], np.full((1, 10), 0.2)),
        (["1"], np.full((1, 10), np.nan)),
        (["1"], sure(0)[0]),
    ],
    ids=["rows", "classes", "sum", "nan", "one dimension"],
)
def test_no_file_is_written_from_wrong_probabilities(
    tmp_path: Path, ids: list[str], probs: NDArray[np.floating]
) -> None:
    with pytest.raises(ValueError, match="received"):
        write_submission(tmp_path / "s.csv", ids, probs, DIGITS)
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
    assert check_submission(written(tmp_path, content), DIGITS).predictions == {"1": "3", "2": "4"}


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
        (b"ImageId,Label\n1,3.0\n", ["line 2, column Label", "not an integer", "'3.0'"]),
        (b"ImageId,Label\n1, 3\n", ["line 2, column Label", "not an integer", "' 3'"]),
        (b"ImageId,Label\n1,03\n", ["line 2, column Label", "not an integer"]),
        (b"ImageId,Label\n1,nan\n", ["line 2, column Label", "not an integer"]),
        ("ImageId,Label\n1,٣\n".encode(), ["line 2, column Label", "not an integer"]),
        (
            b"ImageId,Label\n1,10\n",
            ["line 2, column Label: not a label", "from 0 to 9, received '10'"],
        ),
        (
            b"ImageId,Label\n1,-1\n",
            ["line 2, column Label: not a label", "from 0 to 9, received '-1'"],
        ),
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
    path = str(tmp_path / "sample_submission.csv.gz")
    assert predictions_of(b"ImageId,Label\r\n7,\r\n3,?\r\n", path, DIGITS) == {"7": "", "3": "?"}
    with pytest.raises(UserError, match=r"sample_submission.csv.gz, line 1: wrong header"):
        predictions_of(b"id,label\n1,0\n", path, DIGITS)
    with pytest.raises(UserError, match=r"sample_submission.csv.gz, line 3, .*id 1 is already in line 2"):
        predictions_of(b"ImageId,Label\n1,0\n1,0\n", path, DIGITS)


def test_a_folder_or_nothing_is_no_submission(tmp_path: Path) -> None:
    assert "no such file" in message(tmp_path / "none.csv")
    (tmp_path / "folder.csv").mkdir()
    assert "not readable" in message(tmp_path / "folder.csv")


def test_in_any_order_ids_decide(tmp_path: Path) -> None:
    path = written(tmp_path, b"ImageId,Label\n3,5\n1,3\n2,4\n")
    checked = check_submission(path, DIGITS, ids=["1", "2", "3"], ordered=False)
    assert checked.predictions == {"3": "5", "1": "3", "2": "4"}
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


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (b"x,cat\ny,cow\n", ["line 3, column Label: not a label", "labels: cat, owl, received 'cow'"]),
        (b"x,cat\ny,\n", ["line 3, column Label: blank cell"]),
        (b"x,cat\n,owl\n", ["line 3, column ImageId: blank cell"]),
        (b"x,cat\nx,owl\n", ["line 3, column ImageId: id x is already in line 2"]),
        (b"x,cat\nz,owl\n", ["line 3, column ImageId: unknown id z, and id y is missing", "2 ids: x, y"]),
    ],
)  # fmt: skip
def test_faults_of_labels_and_ids_of_any_text_are_named(
    tmp_path: Path, rows: bytes, words: list[str]
) -> None:
    form = tasks.make(labels=["cat", "owl"], first_id=None).submission
    path = written(tmp_path, b"ImageId,Label\n" + rows)
    with pytest.raises(UserError) as error:
        check_submission(path, form, ids=["x", "y"], ordered=False)
    assert [word for word in words if word not in str(error.value)] == []


def test_any_ids_pass_where_they_are_unknown(tmp_path: Path) -> None:
    form = tasks.make(first_id=None).submission
    path = written(tmp_path, b"ImageId,Label\nb,3\n7,4\n")
    assert check_submission(path, form).predictions == {"b": "3", "7": "4"}


def test_a_sample_submission_may_predict_anything_of_the_test_rows() -> None:
    check_sample_submission(b"ImageId,Label\n1,0.5\n2,cat\n", "sample.csv", DIGITS, ["1", "2"])
    with pytest.raises(UserError, match=r"sample.csv, line 3, column ImageId: id 2 is missing"):
        check_sample_submission(b"ImageId,Label\n1,0\n3,0\n", "sample.csv", DIGITS, ["1", "2"])
