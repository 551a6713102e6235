"""Configurations, studies and folders with odd names, and trials that another program left in a study."""

import shutil
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from optuna.distributions import IntDistribution

from tests.workplace import ended, start

pytestmark = pytest.mark.slow

KEY = "models.knn.neighbours"
CONFIG = f"""
folds: {{count: 3}}
competition: {{image_shape: [6, 6]}}
models: {{knn: {{kind: knn, neighbours: 9}}}}
tune: {{space: {{{KEY}: {{kind: int, low: 1, high: 12}}}}}}
"""
ODD = "a?b#c%20d 'e' \"ü\" [red] {x}"


@pytest.fixture
def project(workdir: Path, write_competition: Callable[..., None]) -> Path:
    """Return a folder with data and a configuration, `mine`."""
    write_competition(workdir / "data", side=6)
    (workdir / "mine.yaml").write_text(CONFIG)
    return workdir


@pytest.mark.parametrize("name", [ODD, "日" * 80, ".new\nline"])
def test_a_configuration_may_have_any_name(project: Path, name: str) -> None:
    (project / "mine.yaml").rename(project / f"{name}.yaml")
    done = ended(start("tune", "-c", f"./{name}.yaml", "--trials", "2", "--jobs", "1", folder=project))
    assert done.code == 0, done.err
    (folder,) = (project / "runs").iterdir()
    storage = f"sqlite:///{folder}/study.db"
    assert len(optuna.load_study(study_name=None, storage=storage).trials) == 2
    assert (folder / "report.html").is_file()
    # configs/ has the better trial, if one was confirmed.
    expected = {"data", "runs", "configs", f"{name}.yaml"}
    assert {path.name for path in project.iterdir()} <= expected


def test_a_configuration_of_any_name_is_trained(project: Path) -> None:
    (project / "mine.yaml").rename(project / f"{ODD}.yaml")
    done = ended(start("cv", "-c", f"{ODD}.yaml", "--jobs", "1", folder=project))
    assert done.code == 0, done.err
    (run,) = (project / "runs").iterdir()
    assert run.name.startswith("a-b-c-20d--e---ü---red---x--")
    shown = ended(start("report", run.name, folder=project))
    assert (shown.code, run.name in shown.out) == (0, True)


def test_the_folder_may_have_any_name(project: Path) -> None:
    folder = project / ODD
    folder.mkdir()
    shutil.move(project / "data", folder / "data")
    shutil.move(project / "mine.yaml", folder / "mine.yaml")
    done = ended(start("tune", "-c", "mine.yaml", "--trials", "2", "--jobs", "1", folder=folder))
    assert done.code == 0, done.err
    assert [path.name for path in project.iterdir()] == [ODD]


@pytest.mark.parametrize("option", ["--study", "--run"])
@pytest.mark.parametrize("name", ["a?b", "a#b", "a b", "日" * 61])
def test_a_name_that_cannot_be_is_refused(project: Path, option: str, name: str) -> None:
    command = "tune" if option == "--study" else "cv"
    done = ended(start(command, "-c", "mine.yaml", option, name, folder=project))
    assert done.code == 2
    assert f"{option}: not a name" in done.err
    assert not (project / "runs").exists()


def tune(project: Path, *arguments: str) -> str:
    given = ("tune", "-c", "mine.yaml", "--study", "s", "--jobs", "1", *arguments)
    done = ended(start(*given, folder=project), timeout=250)
    assert done.code == 0, done.err
    return done.err


def study(project: Path) -> optuna.Study:
    return optuna.load_study(study_name="s", storage=f"sqlite:///{project}/runs/tune-s/study.db")


def test_wrong_parameters_that_were_queued_fail_by_name(project: Path) -> None:
    tune(project, "--trials", "1")
    for value in ("high", 99, float("nan"), 3):
        study(project).enqueue_trial({KEY: value})
    text = tune(project, "--trials", "6")
    expected = f"it was queued with an invalid value of {KEY}: expected a whole number from 1 to 12, received"
    for number, value in enumerate(("'high'", "99", "nan"), 1):
        assert f"trial {number}: failed: {expected} {value}" in text
    states = [trial.state.name for trial in study(project).trials]
    assert states == ["COMPLETE", "FAIL", "FAIL", "FAIL", "COMPLETE", "COMPLETE"]


def test_a_trial_that_another_program_began_is_not_waited_for_without_end(project: Path) -> None:
    tune(project, "--trials", "1")
    study(project).ask({KEY: IntDistribution(1, 12)})
    text = tune(project, "--trials", "3")
    assert "waiting for trial 1, started by a program without heartbeats: 40.0 s at most" in text
    assert "no longer waiting for trial 1" in text
    assert [trial.state.name for trial in study(project).trials] == ["COMPLETE", "RUNNING", "COMPLETE"]


def test_a_trial_that_another_program_began_does_not_outlast_the_time(project: Path) -> None:
    tune(project, "--trials", "1")
    study(project).ask({KEY: IntDistribution(1, 12)})
    text = tune(project, "--trials", "3", "--timeout", "12s")
    assert "no longer waiting for trial 1" in text
    assert "other processes are still working" not in text
