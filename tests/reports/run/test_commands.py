import pytest

from kit.config.root import HASH_VERSION
from kit.records import RunRecord
from kit.reports.run.commands import combined_by, command_with, without_models
from tests.reports.pages import source_run


def record(command: str, hash_version: int = HASH_VERSION) -> RunRecord:
    return RunRecord(
        config_name="quick",
        config={},
        hash="",
        hash_version=hash_version,
        sample=False,
        origin={"command": command},
    )


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("kit cv -c quick", "`kit cv -c quick --set seeds=4`"),
        ("kit cv -c quick --set seeds=2", "`kit cv -c quick --set seeds=4`"),
        (
            "kit cv -c 'my file.yaml' --set seeds=2 --set folds.seed=1 --set 'seeds=[0, 1]' --run a",
            "`kit cv -c 'my file.yaml' --set folds.seed=1 --run a --set seeds=4`",
        ),
        ("", "The command of this run with `--set seeds=4`"),
    ],
)
def test_a_setting_replaces_the_earlier_value(command: str, expected: str) -> None:
    assert command_with(record(command), "seeds=4") == expected


def test_a_run_of_other_models_has_another_name() -> None:
    run = record("kit cv -c baselines --run a --set models.svm.c=2")
    assert command_with(run, "models.knn=null", "models.forest=null", renamed=True) == (
        "`kit cv -c baselines --set models.svm.c=2 --set models.knn=null --set models.forest=null`"
    )


def test_a_run_of_an_earlier_version_cannot_be_extended() -> None:
    assert command_with(record("", hash_version=1), "seeds=4") == "A new run with `--set seeds=4`"


def ensemble(*names: str) -> RunRecord:
    return record("").model_copy(update={"sources": tuple(map(source_run, names))})


def test_a_run_is_combined_by_another_method_with_a_setting() -> None:
    run = record("kit cv -c quick --set ensemble.method=mean --run a")
    assert combined_by(run, "stack") == "`kit cv -c quick --run a --set ensemble.method=stack`"


def test_an_ensemble_of_runs_is_combined_by_another_method_with_an_option() -> None:
    assert combined_by(ensemble("a", "my run"), "stack") == "`kit ensemble a 'my run' --method stack`"


def test_models_of_a_run_are_left_out_with_settings() -> None:
    assert without_models(record("kit cv -c quick"), ["knn", "svm"], ["knn"]) == (
        "`kit cv -c quick --set models.knn=null`"
    )


@pytest.mark.parametrize(
    ("left_out", "command"),
    [
        (["c"], "`kit ensemble a b`"),
        (["a/cnn", "a/knn"], "`kit ensemble b c`"),
        (["a/cnn"], None),  # a part of a run
        (["b", "c"], None),  # one run is no ensemble of runs
    ],
)
def test_only_whole_runs_are_left_out_of_an_ensemble(left_out: list[str], command: str | None) -> None:
    models = ["a/cnn", "a/knn", "b", "c"]
    assert without_models(ensemble("a", "b", "c"), models, left_out) == command
