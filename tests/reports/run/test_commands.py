import pytest

from kit.config.root import HASH_VERSION
from kit.records import RunRecord
from kit.reports.run.commands import command_with


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
