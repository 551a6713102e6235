"""`kit tune` on several machines: each has a folder of its own, and they share a database."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from optuna.trial import TrialState

from kit.records import StudyReport
from kit.studies import StudyFolder
from kit.tuning.storage import load_study
from tests.databases import PASSWORD, Server
from tests.workplace import ended, start

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

TRIALS, MACHINES = 40, 4
CONFIG = """
competition: {image_shape: [6, 6]}
models: {regression: {kind: logistic_regression, iterations: 20}}
tune:
  confirm_seeds: 3
  space: {models.regression.c: {kind: float, low: 0.001, high: 10.0, log: true}}
"""


@pytest.fixture
def machines(tmp_path: Path, write_competition: Callable[..., None]) -> list[Path]:
    """Return the working folders of the machines, with the same data and configuration."""
    folders = [tmp_path / f"machine{number}" for number in range(MACHINES)]
    for folder in folders:
        write_competition(folder / "data", side=6)
        (folder / "mine.yaml").write_text(CONFIG)
    return folders


def tune(folder: Path, url: str) -> subprocess.Popen[str]:
    words = ["-c", "mine.yaml", "--study", "s", "--trials", str(TRIALS), "--jobs", "1", "--storage", url]
    return start("tune", *words, folder=folder)


def kill_after_a_trial(process: subprocess.Popen[str]) -> None:
    assert process.stderr
    for line in process.stderr:
        if line.startswith("trial ") and "loss" in line:
            break
    process.kill()
    process.communicate()


def report(folder: Path) -> StudyReport:
    return StudyFolder(folder / "runs/tune-s").read_report()


@pytest.mark.parametrize("server", ["postgresql"], indirect=True)
def test_four_machines_share_a_study_and_one_is_killed(server: Server, machines: list[Path]) -> None:
    url = server.new_database()
    victim, *others = [tune(folder, url) for folder in machines]
    kill_after_a_trial(victim)
    results = [
        ended(process, folder=folder, timeout=400)
        for process, folder in zip(others, machines[1:], strict=True)
    ]
    assert [result.code for result in results] == [0] * len(others)
    assert not any(PASSWORD in result.out + result.err for result in results)

    trials = load_study(url, "s").trials
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    assert len(complete) == TRIALS
    assert sum("baseline" in trial.user_attrs for trial in complete) == 1
    assert len({trial.params["models.regression.c"] for trial in complete}) == TRIALS
    reports = [report(folder) for folder in machines[1:]]
    assert {one.trials.complete for one in reports} == {TRIALS}
    # The others do not wait for the one that confirms.
    assert any(one.confirmation for one in reports)
