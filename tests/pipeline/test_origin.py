from pathlib import Path

import pytest

from kit.pipeline.origin import origin_of
from kit.records import Setting


def test_the_command_repeats_the_run() -> None:
    origin = origin_of("quick", ["models.cnn.stages.6.dropout=0.2", "ensemble={method: mean}"], "a-run")
    assert origin.command == (
        "kit cv -c quick --set models.cnn.stages.6.dropout=0.2 --set 'ensemble={method: mean}' --run a-run"
    )


def test_a_file_that_extends_another_differs_from_it() -> None:
    origin = origin_of("quick", [], None)
    assert origin.base == "default"
    assert Setting(key="folds.count", value="2", base="4") in origin.differences
    assert Setting(key="training.epochs", value="11", base="15") in origin.differences
    [removed] = [one for one in origin.differences if one.key == "models.wide_view"]
    assert (removed.value, removed.base[:10]) == ("null", "{stages: [")
    assert not any(one.key.startswith("tune") for one in origin.differences)


def test_changes_are_differences_too() -> None:
    origin = origin_of("default", ["seeds=2", "models.cnn.stages.6.dropout=0.2"], None)
    assert origin.base == "default"
    assert origin.differences == (
        Setting(key="seeds", value="2", base="1"),
        Setting(key="models.cnn.stages.6.dropout", value="0.2", base="0.3"),
    )


def test_without_changes_there_is_no_difference() -> None:
    assert origin_of("default", [], None).differences == ()


@pytest.mark.usefixtures("workdir")
def test_a_key_that_the_base_does_not_set_has_no_base_value() -> None:
    Path("own.yaml").write_text("extends: baselines\nmodels:\n  more: {kind: knn, neighbours: 2}\n")
    origin = origin_of("own.yaml", [], None)
    assert origin.base == "baselines"
    assert origin.differences == (
        Setting(key="models.more.kind", value="knn", base=""),
        Setting(key="models.more.neighbours", value="2", base=""),
    )


def test_secrets_are_masked() -> None:
    origin = origin_of("default", ["tune.storage=postgresql://me:secret@host/studies"], None)
    assert "secret" not in origin.command
