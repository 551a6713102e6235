from typing import Any

import pytest

from kit.config import Config, merged
from kit.errors import UserError
from kit.pipeline.record import check_same_settings
from kit.runs import RUNS, Run

RAW = {
    "models": {
        "cnn": {"stages": [{"filters": 8}, {"filters": 16}], "training": {"precision": "auto"}},
        "knn": {"kind": "knn"},
    }
}


def record(changes: Any = None, **info: Any) -> dict[str, Any]:
    config = Config.model_validate(merged(RAW, changes or {}))
    known = {"backend": "tensorflow", "precision": {"cnn": "float32"}, "fingerprint": "0123456789abcdef"}
    digest = config.digest(**{key: str(value) for key, value in (known | info).items()})
    return known | {"config": config.model_dump(mode="json"), "hash": digest} | info


def refusal(old: dict[str, Any], new: dict[str, Any]) -> str:
    with pytest.raises(UserError) as error:
        check_same_settings(Run(RUNS / "mine"), old, new)
    assert error.value.exit_code == 2
    return error.value.what.removeprefix("this run was made otherwise ")


@pytest.mark.parametrize(
    "changes",
    [
        {"seeds": 5},
        {"data": {"directory": "elsewhere"}},
        {"models": {"cnn": {"training": {"precision": "float32"}}}},
    ],
)
def test_what_decides_no_member_is_allowed(changes: Any) -> None:
    check_same_settings(Run(RUNS / "mine"), record(), record(changes))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"folds": {"count": 3}}, "(folds.count: 5 there, 3 now)"),
        ({"augmentation": {"zoom": 0.1}}, "(models.cnn.augmentation.zoom: 0.0 there, 0.1 now)"),
        ({"models": {"cnn": {"training": {"epochs": 3}}}}, "(models.cnn.training.epochs: 20 there, 3 now)"),
        (
            {"models": {"cnn": {"stages": [{"filters": 8}, {"filters": 9}]}}},
            "(models.cnn.stages.1.filters: 16 there, 9 now)",
        ),
        ({"competition": {"classes": 3}}, "(competition.classes: 10 there, 3 now)"),
        (
            {"models": {"knn": None}},
            "(models.knn.kind: knn there, none now; models.knn.neighbours: 4 there, none now)",
        ),
    ],
)
def test_what_differs_is_named(changes: Any, expected: str) -> None:
    assert refusal(record(), record(changes)) == expected


def test_the_machine_and_the_data_are_named_too() -> None:
    assert refusal(record(), record(backend="jax")) == "(backend: tensorflow there, jax now)"
    other = record(precision={"cnn": "bfloat16"})
    assert refusal(record(), other) == "(precision.cnn: float32 there, bfloat16 now)"
    assert refusal(record(), record(fingerprint="f" * 64)) == "(data: 01234567 there, ffffffff now)"


def test_three_differences_are_enough() -> None:
    changes = {"folds": {"count": 2, "seed": 1}, "training": {"epochs": 1}, "augmentation": {"zoom": 0.1}}
    shown = refusal(record(), record(changes))
    assert shown.count("there") == 3
    assert shown.endswith("; 1 more)")


def test_a_record_of_something_else_is_refused_too() -> None:
    assert "there" in refusal({}, record())
