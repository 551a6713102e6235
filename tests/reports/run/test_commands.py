from pathlib import Path

import pytest

from kit.config.root import HASH_VERSION
from kit.records import Finding, Report, RunRecord
from kit.reports.run.commands import combined_by, command_with, next_step, without_models
from kit.run_folder import Run
from tests.reports.pages import example_report, source_run


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


def recommending(*evidence: str) -> Report:
    report = example_report()
    assert report.details
    findings = tuple(Finding(kind="model", text="a gain", evidence=one, anchor="scores") for one in evidence)
    return report.model_copy(update={"details": report.details.model_copy(update={"findings": findings})})


def test_the_next_step_is_the_command_of_the_first_finding() -> None:
    report = recommending("`kit cv -c a --set seeds=3` trains them.", "`kit cv -c a --fresh` too.")
    assert next_step(report) == ("a gain", "kit cv -c a --set seeds=3")


@pytest.mark.parametrize("evidence", ["`kit compare` shows it.", "The command with `--set seeds=3`."])
def test_without_a_command_the_next_step_is_to_submit(evidence: str) -> None:
    step = ("send submission.csv to Kaggle", "kit submit example-1a2b3c4d")
    assert next_step(recommending(evidence)) == step


def test_without_test_rows_there_is_nothing_to_submit() -> None:
    report = recommending("Nothing.")
    report = report.model_copy(update={"data": report.data.model_copy(update={"test_rows": 0})})
    assert next_step(report) == ("look at the hardest images", "kit report example-1a2b3c4d --open")


def test_a_run_elsewhere_is_submitted_by_its_path() -> None:
    run = Run(Path("elsewhere/my run"))
    assert next_step(recommending("Nothing."), run)[1] == "kit submit 'elsewhere/my run'"


def test_after_the_sample_the_next_step_is_to_get_the_data() -> None:
    assert next_step(example_report(sample=True))[1] == "kit data fetch"
