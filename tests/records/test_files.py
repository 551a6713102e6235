"""Damaged records are refused by name, whatever they hold."""

import json
from pathlib import Path
from typing import Any

import pytest

from kit.errors import UserError
from kit.records import EnsembleRecord
from kit.records.files import read_record

GOOD = {"version": 2, "method": "mean", "tta": False, "calibrate": False, "weights": {"a": 1.0}}
GOOD |= {"temperatures": {"a": 1.0}}
OLD = {"method": "mean", "tta": False, "calibrate": False, "weights": {}, "powers": {"a": 0}}


def fault(path: Path, content: Any) -> str:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(UserError) as error:
        read_record(path, EnsembleRecord)
    assert str(error.value).startswith(str(path))
    assert str(error.value).count("\n") <= 2
    return str(error.value)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("[" * 100_000, "too many brackets within each other"),
        ('{"version": 2, "version": 2}', "duplicate key 'version'"),
        ('{"weights": {"a": NaN}}', "NaN is not a finite number"),
        ('{"weights": {"a": 1e999}}', "1e999 is not a finite number"),
        ('{"method": "\\ud800"}', "surrogates not allowed"),
    ],
)
def test_what_json_does_not_have_is_named(tmp_path: Path, text: str, what: str) -> None:
    assert what in fault(tmp_path / "ensemble.json", text)


@pytest.mark.parametrize("version", [[2], {}, True, 2.0, "2", 3])
def test_another_version_is_named(tmp_path: Path, version: Any) -> None:
    message = fault(tmp_path / "ensemble.json", GOOD | {"version": version})
    assert "written by another version of kit\nexpected version 1 to 2, received" in message


def test_nan_in_quotes_is_no_number(tmp_path: Path) -> None:
    message = fault(tmp_path / "ensemble.json", GOOD | {"weights": {"a": "nan"}})
    assert "damaged: weights.a: input should be a finite number" in message


@pytest.mark.parametrize(("key", "shown"), [("a\nb", "'weights.a\\nb'"), ("x" * 3000, "xxx")])
def test_an_odd_key_is_shown_on_one_line(tmp_path: Path, key: str, shown: str) -> None:
    message = fault(tmp_path / "ensemble.json", GOOD | {"weights": {key: "one"}})
    assert shown in message.replace("\\\\", "\\")
    assert len(message) < len(str(tmp_path)) + 300


def test_a_power_of_zero_is_damage(tmp_path: Path) -> None:
    assert "damaged: temperatures: field required" in fault(tmp_path / "blend.json", OLD)
