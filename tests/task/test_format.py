"""Submissions of probabilities: written, checked, and named where they are wrong."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kit.errors import UserError
from kit.task.format import SubmissionFormat
from kit.task.submission import check_submission, write_submission
from tests import tasks

PROBS = np.array([[0.25, 0.75], [1, 0]], np.float32)
DOGS = {"labels": ["cat", "dog"], "id_column": "id", "prediction_column": "label"}


def form(classes: int = 2, **submission: Any) -> SubmissionFormat:
    competition: dict[str, Any] = DOGS if classes == 2 else {"classes": classes, "id_column": "id"}
    return tasks.make(**competition, submission=submission).submission


def test_one_probability_is_that_of_the_second_label(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    write_submission(path, ["1", "2"], PROBS, form(format="probability"))
    assert path.read_bytes() == b"id,label\n1,0.75\n2,0\n"
    checked = check_submission(path, form(format="probability"), ids=["1", "2"])
    assert checked.predictions == {"1": "0.75", "2": "0"}
    assert checked.counts.tolist() == [1, 1]


def test_one_probability_may_be_that_of_another_label(tmp_path: Path) -> None:
    path, cats = tmp_path / "s.csv", form(format="probability", positive="cat")
    write_submission(path, ["1", "2"], PROBS, cats)
    assert path.read_bytes() == b"id,label\n1,0.25\n2,1\n"
    assert check_submission(path, cats).counts.tolist() == [1, 1]


def test_probabilities_of_each_class_are_named_by_the_labels(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    write_submission(path, ["1", "2"], PROBS, form(format="probabilities"))
    assert path.read_bytes() == b"id,cat,dog\n1,0.25,0.75\n2,1,0\n"
    checked = check_submission(path, form(format="probabilities"))
    assert checked.predictions == {"1": "0.25,0.75", "2": "1,0"}
    assert checked.counts.tolist() == [1, 1]


def test_probabilities_of_each_class_may_have_other_names(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    write_submission(path, ["1", "2"], PROBS, form(format="probabilities", columns=["p_cat", "p_dog"]))
    assert path.read_bytes().startswith(b"id,p_cat,p_dog\n")


def test_probabilities_are_never_above_1_and_keep_what_float32_has(tmp_path: Path) -> None:
    third, over = np.float32(1 / 3), np.float32(1.0000005)
    probs = np.array([[third, third, third], [over, 0, 0]], np.float32)
    path, three = tmp_path / "s.csv", form(3, format="probabilities")
    write_submission(path, ["1", "2"], probs, three)
    assert path.read_bytes() == b"id,0,1,2\n1,0.333333333,0.333333333,0.333333333\n2,1,0,0\n"
    assert check_submission(path, three).rows == 2


@pytest.mark.parametrize("cell", ["1.5", "-0.1", "nan", "inf", "x", "0,5"])
def test_what_is_no_probability_is_named(tmp_path: Path, cell: str) -> None:
    path = tmp_path / "s.csv"
    path.write_text(f'id,cat,dog\n1,0.5,0.5\n2,0.5,"{cell}"\n')
    with pytest.raises(UserError, match=r"line 3, column dog: not a probability\nexpected a number from 0"):
        check_submission(path, form(format="probabilities"))


def test_a_blank_probability_is_named(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text("id,label\n1,\n")
    with pytest.raises(UserError, match="line 2, column label: blank cell"):
        check_submission(path, form(format="probability"))


@pytest.mark.parametrize(
    ("classes", "submission", "message"),
    [
        (3, {"format": "probability"}, "format: probability needs two classes\nexpected 2, received 3"),
        (2, {"format": "probability", "positive": "cow"}, "positive is not a label\nexpected one of 2"),
        (2, {"format": "probabilities", "columns": ["a"]}, "another number of columns than classes"),
    ],
)  # fmt: skip
def test_a_format_that_does_not_fit_the_labels_is_refused(
    classes: int, submission: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=f"competition.submission: {message}"):
        form(classes, **submission)


@pytest.mark.parametrize("text", ["1_0e-2", " 0.5", "\u0660.\u0665", "0x1", "nan", "+0.5", "1e"])
def test_a_probability_is_a_plain_number(tmp_path: Path, text: str) -> None:
    path = tmp_path / "s.csv"
    path.write_text(f"id,label\n1,{text}\n", encoding="utf-8")
    with pytest.raises(UserError, match="line 2, column label: not a probability"):
        check_submission(path, form(format="probability"))


@pytest.mark.parametrize("text", ["1", "0.5", ".5", "1.", "1e-07", "2.5E-3"])
def test_a_probability_may_be_written_in_any_usual_way(tmp_path: Path, text: str) -> None:
    path = tmp_path / "s.csv"
    path.write_text(f"id,label\n1,{text}\n")
    assert check_submission(path, form(format="probability")).predictions == {"1": text}


def test_probabilities_that_do_not_sum_to_one_are_named(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text("id,cat,dog\n1,0.33,0.67\n2,0.9,0.9\n")
    words = "line 3: probabilities do not sum to 1\nexpected a sum of 1, received a sum of 1.8"
    with pytest.raises(UserError, match=words):
        check_submission(path, form(format="probabilities"))


def test_a_submission_may_hold_other_values_than_the_labels(tmp_path: Path) -> None:
    path, numbers = tmp_path / "s.csv", form(values={"dog": "1", "cat": "0"})
    write_submission(path, ["1", "2"], PROBS, numbers)
    assert path.read_bytes() == b"id,label\n1,1\n2,0\n"
    assert check_submission(path, numbers).counts.tolist() == [1, 1]
    path.write_text("id,label\n1,dog\n2,0\n")
    with pytest.raises(UserError, match="not an integer"):
        check_submission(path, numbers)


def test_each_label_needs_a_value() -> None:
    with pytest.raises(UserError, match=r"competition.submission.values: not a value per label"):
        form(values={"dog": "1", "cow": "0"})


@pytest.mark.parametrize(
    ("classes", "metric", "predicts"),
    [
        (2, "accuracy", "label"),
        (3, "quadratic_weighted_kappa", "label"),
        (2, "auc", "probability"),
        (3, "log_loss", "probabilities"),
    ],
)
def test_the_metric_decides_what_a_submission_holds(classes: int, metric: str, predicts: str) -> None:
    assert tasks.make(classes=classes, metric=metric).submission.predicts == predicts


def test_what_the_metric_does_not_need_is_not_used() -> None:
    made = tasks.make(**DOGS, metric="auc", submission={"values": {"cat": "0", "dog": "1"}}).submission
    assert made.written is None
