"""What the sample submission decides: ids, the order of the columns, and labels that training lacks."""

from typing import Any

import numpy as np
import pytest

from kit.config import Competition, Config
from kit.errors import UserError
from kit.task.labels import LabelEncoder
from kit.task.sample import ids_in, kept_columns, unknown_labels, with_columns
from kit.task.task import make_task

BREEDS = LabelEncoder(("beagle", "boxer", "pug"))


def breeds(**submission: Any) -> Competition:
    return Competition.model_validate(
        {"labels": "auto", "id_column": "id", "submission": {"format": "probabilities", **submission}}
    )


def test_ids_are_opaque_text_in_the_order_of_the_file() -> None:
    assert ids_in(b'id,p\n007,0\n"a,b",0\n7,0\n', "sample.csv") == ["007", "a,b", "7"]


def test_a_sample_without_rows_is_an_error() -> None:
    with pytest.raises(UserError, match="no rows below the header"):
        ids_in(b"id,p\n", "sample.csv")


def test_probabilities_are_written_in_the_order_of_the_sample() -> None:
    task = make_task(with_columns(breeds(), BREEDS, (b"id,pug,beagle,boxer\nx,0,0,0\n", "s.csv")), BREEDS)
    assert task.submission.header == ["id", "pug", "beagle", "boxer"]
    assert task.submission.to_cells(np.array([[0.5, 0.25, 0.25]])) == [["0.25", "0.5", "0.25"]]


def test_the_most_probable_class_is_found_in_any_order_of_the_columns() -> None:
    task = make_task(breeds(columns=["pug", "beagle", "boxer"]), BREEDS)
    assert task.submission.to_classes("s.csv", [(2, ["x", "0.1", "0.2", "0.7"])]).tolist() == [1]


def test_columns_of_other_names_follow_the_labels() -> None:
    task = make_task(breeds(columns=["p0", "p1", "p2"]), BREEDS)
    assert task.submission.to_cells(np.array([[0.5, 0.25, 0.25]])) == [["0.5", "0.25", "0.25"]]


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("id,beagle,boxer", "no column for label 'pug'"),
        ("id,beagle,boxer,pug,poodle", "column 'poodle' is no label of the training rows"),
        ("id,beagle,boxer,poodle", "no column for label 'pug', and a column 'poodle' that is no label"),
        ("id,beagle,boxer,pug,pug", "duplicate column 'pug'"),
    ],
)
def test_columns_that_are_not_the_labels_are_named(header: str, words: str) -> None:
    with pytest.raises(UserError) as error:
        with_columns(breeds(), BREEDS, (f"{header}\nx\n".encode(), "s.csv"))
    assert words in str(error.value)
    assert "s.csv, line 1" in str(error.value)


def test_a_run_keeps_the_columns_of_the_sample() -> None:
    raw = {"competition": breeds().model_dump(), "models": {"knn": {"kind": "knn"}}}
    config = Config.model_validate(raw)
    task = make_task(with_columns(config.competition, BREEDS, (b"id,pug,beagle,boxer\n", "s.csv")), BREEDS)
    kept = kept_columns(config, task)
    assert make_task(kept.competition, BREEDS) == task
    assert kept_columns(kept, task) == kept


def test_a_configuration_without_other_columns_stays_as_it_is() -> None:
    config = Config.model_validate({"competition": breeds().model_dump(), "models": {"knn": {"kind": "knn"}}})
    assert kept_columns(config, make_task(config.competition, BREEDS)) is config


def test_labels_that_training_lacks_are_named() -> None:
    task = make_task(
        Competition.model_validate({"labels": ["cat", "dog"], "id_column": "id", "first_id": None}),
        LabelEncoder(("cat", "dog")),
    )
    [said] = unknown_labels((b"id,Label\n1,cat\n2,cow\n3,cow\n", "s.csv"), task)
    assert said == "s.csv predicts 'cow': not among the labels of the training rows"
    assert unknown_labels((b"id,Label\n1,cat\n2,dog\n", "s.csv"), task) == []
