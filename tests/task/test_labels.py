import numpy as np
import pytest

from kit.config import Competition
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
