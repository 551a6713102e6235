from typing import Any

import pytest

from kit.config import Config, merged
from kit.errors import UserError
from kit.pipeline.run_record import check_same_settings
from kit.records import RunRecord
from kit.run_folder import RUNS, Run

RAW = {
    "models": {
        "cnn": {"stages": [{"filters": 8}, {"filters": 16}], "training": {"precision": "auto"}},
        "knn": {"kind": "knn"},
    }
}


def record(changes: Any = None, **info: Any) -> RunRecord:
    config = Config.model_validate(merged(RAW, changes or {}))
    known = {"backend": "tensorflow", "precision": {"cnn": "float32"}, "fingerprint": "0123456789abcdef"}
    digest = config.digest(**{key: str(value) for key, value in (known | info).items()})
    known |= {"config": config.model_dump(mode="json"), "hash": digest, "config_name": "mine"}
    return RunRecord.model_validate({**known, "sample": False, "version": 2, **info})


def refusal(old: RunRecord, new: RunRecord) -> str:
    with pytest.raises(UserError) as error:
        check_same_settings(Run(RUNS / "mine"), old, new)
    assert error.value.exit_code == 2
    return error.value.what.removeprefix("this run used different settings ")


@pytest.mark.parametrize(
    "changes",
    [
        {"seeds": 5},
        {"data": {"directory": "elsewhere"}},
        {"models": {"cnn": {"training": {"precision": "float32"}}}},
    ],
)
def test_settings_that_change_no_member_may_differ(changes: Any) -> None:
    check_same_settings(Run(RUNS / "mine"), record(), record(changes))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"folds": {"count": 3}}, "(folds.count: 5 in the run, 3 requested)"),
        ({"augmentation": {"zoom": 0.1}}, "(models.cnn.augmentation.zoom: 0.0 in the run, 0.1 requested)"),
        (
            {"models": {"cnn": {"training": {"epochs": 3}}}},
            "(models.cnn.training.epochs: 20 in the run, 3 requested)",
        ),
        (
            {"models": {"cnn": {"stages": [{"filters": 8}, {"filters": 9}]}}},
            "(models.cnn.stages.1.filters: 16 in the run, 9 requested)",
        ),
        ({"competition": {"classes": 3}}, "(competition.classes: 10 in the run, 3 requested)"),
        (
            {"models": {"knn": None}},
            "(models.knn.kind: knn in the run, none requested; "
            "models.knn.neighbours: 4 in the run, none requested)",
        ),
    ],
)
def test_differing_settings_are_named(changes: Any, expected: str) -> None:
    assert refusal(record(), record(changes)) == expected


def test_the_machine_and_the_data_are_named_too() -> None:
    assert refusal(record(), record(backend="jax")) == "(backend: tensorflow in the run, jax requested)"
    other = record(precision={"cnn": "bfloat16"})
    assert refusal(record(), other) == "(precision.cnn: float32 in the run, bfloat16 requested)"
    assert (
        refusal(record(), record(fingerprint="f" * 64)) == "(data: 01234567 in the run, ffffffff requested)"
    )


def test_at_most_three_differences_are_listed() -> None:
    changes = {"folds": {"count": 2, "seed": 1}, "training": {"epochs": 1}, "augmentation": {"zoom": 0.1}}
    shown = refusal(record(), record(changes))
    assert shown.count("in the run") == 3
    assert shown.endswith("; 1 more)")


def test_a_run_of_another_hash_version_cannot_be_resumed() -> None:
    old = record().model_copy(update={"hash": "of version 1", "hash_version": 0})
    words = r"runs/mine: this run was made by another version of kit: .*, but not resumed"
    with pytest.raises(UserError, match=words):
        check_same_settings(Run(RUNS / "mine"), old, record())


def test_a_damaged_configuration_is_refused_too() -> None:
    assert "in the run" in refusal(record(config={}, hash=""), record())
