import random
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.config import Competition
from kit.task.format import make_format
from kit.task.labels import LabelEncoder, declared_labels


@pytest.mark.parametrize(
    ("found", "labels"),
    [
        (["10", "9", "9"], ("9", "10")),
        (["b", "a", "B"], ("B", "a", "b")),
        (["1", "x", "10", "9"], ("1", "10", "9", "x")),
        (["01", "1"], ("01", "1")),
        (["1.0", "0.0"], ("0.0", "1.0")),
    ],
)
def test_learned_labels_are_in_numeric_order_if_all_are_integers(
    found: list[str], labels: tuple[str, ...]
) -> None:
    assert LabelEncoder.learned(found).labels == labels


def test_decoding_is_the_inverse_of_encoding() -> None:
    encoder = LabelEncoder(("owl", "cat", "red panda"))
    classes = encoder.find(["cat", "red panda", "owl", "cat"])
    assert classes.tolist() == [1, 2, 0, 1]
    assert encoder.decode(classes) == ["cat", "red panda", "owl", "cat"]
    assert encoder.decode(np.array([2], np.uint8)) == ["red panda"]


def test_what_is_not_a_label_is_found() -> None:
    assert LabelEncoder(("a", "b")).find(["a", "c", "", "A"]).tolist() == [0, -1, -1, -1]


def test_leading_zeros_count_only_for_text() -> None:
    assert LabelEncoder(("0", "7")).find(["007", "00", "7.0", "-7"]).tolist() == [1, 0, -1, -1]
    assert LabelEncoder(("00", "07")).find(["7", "07"]).tolist() == [-1, 1]


@pytest.mark.parametrize(
    ("labels", "summary"),
    [
        ([str(number) for number in range(10)], "an integer from 0 to 9"),
        (["0", "2"], "one of 2 labels: 0, 2"),
        (list("abcdefg"), "one of 7 labels: a, b, c, d, e, …"),
    ],
)
def test_labels_of_a_message_fit_one_line(labels: list[str], summary: str) -> None:
    assert LabelEncoder(tuple(labels)).summary == summary


def test_the_configuration_states_labels_or_leaves_them_to_train_csv() -> None:
    def labels(**competition: object) -> tuple[str, ...] | None:
        declared = declared_labels(Competition.model_validate(competition))
        return None if declared is None else declared.labels

    assert labels() == tuple("0123456789")
    assert labels(classes=3) == ("0", "1", "2")
    assert labels(labels=["cat", 7]) == ("cat", "7")
    assert labels(labels="auto") is None
    assert labels(classes=None) is None


TEXTS = st.text(min_size=1, max_size=8)
INTEGERS = st.integers(-(10**6), 10**6).map(str)
ZEROS = st.from_regex(r"\A0{0,2}[0-9]{1,2}\Z")
LABELS = st.sampled_from([TEXTS, INTEGERS, ZEROS, st.one_of(TEXTS, INTEGERS, ZEROS)]).flatmap(
    lambda kind: st.lists(kind, min_size=1, max_size=40)
)


@settings(deadline=None, database=None)
@given(rows=LABELS)
def test_any_labels_come_back_as_they_were(rows: list[str]) -> None:
    encoder = LabelEncoder.learned(rows)
    classes = encoder.find(rows)
    assert encoder.decode(classes) == rows
    assert sorted({*classes.tolist()}) == list(range(len({*rows})))


@settings(deadline=None, database=None)
@given(rows=LABELS, order=st.randoms())
def test_labels_do_not_depend_on_the_order_of_rows(rows: list[str], order: random.Random) -> None:
    labels = LabelEncoder.learned(rows).labels
    shuffled = rows.copy()
    order.shuffle(shuffled)
    assert LabelEncoder.learned(shuffled).labels == labels
    assert list(labels) in (sorted({*rows}), sorted({*rows}, key=_number))


def _number(text: str) -> int:
    return int(text) if re.fullmatch("-?[0-9]+", text, re.ASCII) else 0


@settings(deadline=None, database=None)
@given(rows=st.lists(st.integers(-99, 99), min_size=1))
def test_integers_are_in_numeric_order(rows: list[int]) -> None:
    labels = LabelEncoder.learned(map(str, rows)).labels
    assert [int(label) for label in labels] == sorted({*rows})


def test_distinct_labels_with_leading_zeros_stay_distinct() -> None:
    rows = ["01", "1", "001", "1"]
    encoder = LabelEncoder.learned(rows)
    assert encoder.labels == ("001", "01", "1")
    assert encoder.decode(encoder.find(rows)) == rows


def test_labels_with_a_gap_are_submitted_as_they_were() -> None:
    rows = [str(label) for label in range(25) if label != 9]
    encoder = LabelEncoder.learned(rows[::-1])
    competition = Competition.model_validate({"labels": "auto"})
    form = make_format(competition, encoder)
    assert form.to_cells(np.eye(24)) == [[label] for label in rows]
    assert form.to_cells(np.eye(24)[:2], np.array([8, 9])) == [["8"], ["10"]]
