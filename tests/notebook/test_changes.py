from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kit.config import load
from kit.config.files import apply_change
from kit.errors import UserError
from kit.notebook.changes import changes_of

VALUES = [
    True, None, 2, -1.5, 1e-05, 1e22, "",
    "010", "1:30", "1e3", "true", "null", "2026-11-28", "a: b", "- x", "#",
    "two words",
    "é\n", [1, "2", None, [True]],
    {"a": {"b": [1.5]}}, [], {},
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_arrives_as_it_is(value: Any) -> None:
    raw: dict[str, Any] = {"key": None}
    apply_change(raw, changes_of({"key": value})[0])
    assert raw["key"] == value
    assert type(raw["key"]) is type(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.arange(2), [0, 1]),
        ((1, 2), [1, 2]),
        (range(2), [0, 1]),
        ({1}, [1]),
        (Path("a/b"), "a/b"),
    ],
    ids=repr,
)
def test_values_of_numpy_tuples_and_paths_arrive_as_python_values(value: Any, expected: Any) -> None:
    raw: dict[str, Any] = {}
    apply_change(raw, changes_of({"key": value})[0])
    assert raw == {"key": expected}


def test_the_configuration_changes() -> None:
    changes = changes_of({"training.epochs": 2, "seeds": [3, 5], "ensemble.calibrate": True})
    config = load("default", changes)
    assert (config.training.epochs, config.seeds, config.ensemble.calibrate) == (2, (3, 5), True)


def test_a_value_that_yaml_cannot_hold_is_named() -> None:
    with pytest.raises(UserError, match=r"^set, training\.epochs: a configuration cannot hold this value\n"):
        changes_of({"training.epochs": object()})


@pytest.mark.parametrize("key", [3, "", "a=b"])
def test_a_key_that_is_none_is_refused(key: Any) -> None:
    with pytest.raises(UserError, match=r"^set: not a key\nexpected as in"):
        changes_of({key: 2})


def test_something_else_than_a_mapping_is_refused() -> None:
    with pytest.raises(UserError, match=r"^set: not a mapping"):
        changes_of(["training.epochs=2"])  # type: ignore[arg-type]


def test_no_changes() -> None:
    assert changes_of(None) == []
