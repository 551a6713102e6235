import json
import re
import shlex
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from click.testing import CliRunner

from kit.cli import kit
from kit.config import load
from kit.pipeline.study_report import is_drawn
from kit.studies import StudyFolder, all_studies
from kit.tuning.confirm.significance import compare

# Few neighbours are better on most data; trials take a tenth of a second once a worker runs.
CONFIG = """
folds: {count: 3}
competition: {image_shape: [6, 6]}
models: {knn: {kind: knn, neighbours: 9}}
tune:
  space: {models.knn.neighbours: {kind: int, low: 1, high: 12}}
"""
PATIENCE = 100.0
"""Seconds that a busy machine may take for what should take one."""


@pytest.fixture
def competition(workdir: Path, write_competition: Callable[..., None]) -> Path:
    """Return a folder with data and a configuration, `mine`, and be in it."""
    write_competition(workdir / "data", side=6)
    (workdir / "mine.yaml").write_text(CONFIG)
    return workdir


def tune(*arguments: str) -> Any:
    return CliRunner().invoke(kit, ["tune", "-c", "mine.yaml", *arguments])


def start(*arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "kit", "tune", "-c", "mine.yaml", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def trials(url: str = "") -> list[optuna.trial.FrozenTrial]:
    storage = url or f"sqlite:///{next(Path('runs').glob('tune-*/study.db'))}"
    names = optuna.get_all_study_names(storage)
    return optuna.load_study(study_name=names[0], storage=storage).trials


def until_a_trial_runs(database: Path) -> None:
    for _ in range(int(PATIENCE * 10)):
        if database.exists():
            try:
                with sqlite3.connect(database) as connection:
                    if connection.execute("SELECT 1 FROM trials WHERE state = 'RUNNING'").fetchone():
                        return
            except sqlite3.OperationalError:
                pass  # Its tables are being made.
        time.sleep(0.1)
    raise AssertionError(f"no trial began in {PATIENCE} s")


def test_a_study_is_searched_confirmed_and_shown(competition: Path) -> None:
    result = tune("--trials", "4", "--jobs", "2")
    assert result.exit_code == 0, result.output
    assert len(trials()) == 4
    assert "trial 0: log loss" in result.stderr
    assert "the configuration itself" in result.stderr
    (folder,) = (competition / "runs").glob("tune-mine-*")
    assert sorted(path.name for path in folder.glob("report.*")) == ["report.html", "report.json"]
    study = StudyFolder(folder)
    assert (study.status(), study.read_origin().config) == ("complete", "mine.yaml")
    assert is_drawn(study)
    assert "optuna-dashboard" in result.stdout


@pytest.mark.usefixtures("competition")
def test_the_baseline_is_the_first_trial() -> None:
    assert tune("--trials", "1").exit_code == 0
    (first,) = trials()
    assert first.params == {"models.knn.neighbours": 9}
    assert first.user_attrs["baseline"] is True


@pytest.mark.slow
def test_one_job_and_one_seed_give_the_same_study(competition: Path) -> None:
    figures = []
    for study in ("one", "other"):
        assert tune("--trials", "4", "--jobs", "1", "--study", study).exit_code == 0
        database = competition / "runs" / f"tune-{study}" / "study.db"
        figures.append([(trial.params, trial.value) for trial in trials(f"sqlite:///{database}")])
    assert figures[0] == figures[1]


@pytest.mark.slow
@pytest.mark.usefixtures("competition")
def test_the_same_command_resumes() -> None:
    tune("--trials", "2")
    result = tune("--trials", "3")
    assert "resuming a study of 2 trials" in result.stderr
    assert len(trials()) == 3


@pytest.mark.slow
@pytest.mark.usefixtures("competition")
def test_a_study_starts_from_an_earlier_one() -> None:
    options = ["--study", "later", "--storage", "sqlite:///later.db", "--warm-start", "first"]
    tune("--trials", "3", "--study", "first")
    result = tune("--trials", "2", *options)
    assert re.search("then the best [12] trials of study first", result.stderr)
    tune("--trials", "3", *options)
    first, later = trials(), trials("sqlite:///later.db")
    best = min(first[1:], key=lambda trial: (trial.value, trial.number))
    assert (later[0].params, later[1].params) == (first[0].params, best.params)
    assert sum("started from" in trial.user_attrs for trial in later) <= 2


@pytest.mark.slow
def test_a_study_from_before_a_prior_is_joined(competition: Path) -> None:
    tune("--trials", "1", "--study", "s")
    (competition / "mine.yaml").write_text(CONFIG.replace("high: 12", "high: 12, prior: 3"))
    tune("--trials", "2", "--study", "s")
    assert len(trials()) == 2


@pytest.mark.usefixtures("competition")
def test_stdout_is_json_and_nothing_else() -> None:
    report = json.loads(tune("--trials", "2", "--json").stdout)
    assert report["sample"] is False
    assert report["confirmation"]["status"] in {"confirmed", "none better", "no candidate", "no time"}


@pytest.mark.parametrize(
    ("space", "words"),
    [
        ("{models.knn.neighbors: {kind: int, low: 1, high: 3}}", ["models.knn.neighbors", "neighbours"]),
        ("{models.knn.neighbours: {kind: int, low: 9, high: 3}}", ["models.knn.neighbours", "9 to 3"]),
        ("{models.knn.neighbours: {kind: int, low: 0, high: 3}}", ["models.knn.neighbours", "at least 1"]),
        (
            "{models.knn.neighbours: {kind: float, low: 1, high: 3}}",
            ["models.knn.neighbours", "whole number"],
        ),
        ("{folds.count: {kind: int, low: 2, high: 3}}", ["folds.count"]),
        ("{models.*.stages.*.dropout: {kind: float, low: 0, high: 0.5}}", ["models.*.stages.*.dropout"]),
    ],
)
def test_a_bad_space_is_refused_before_anything_is_made(
    competition: Path, space: str, words: list[str]
) -> None:
    (competition / "mine.yaml").write_text(re.sub(r"space: .*", f"space: {space}", CONFIG))
    before = sorted(competition.rglob("*"))
    done = start("--trials", "2")
    _, stderr = done.communicate(timeout=PATIENCE)
    assert done.returncode == 2
    assert all(word in stderr for word in words), stderr
    assert "Traceback" not in stderr
    assert len(stderr.strip().splitlines()) <= 3
    assert sorted(competition.rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--storage", "nonsense"], "not an Optuna storage"),
        (["--storage", "sqlite:///nowhere/study.db"], "no such folder"),
        (["--study", "../out"], "--study: not a name"),
        (["--trials", "0"], "0 is not in the range"),
        (["--timeout", "soon"], "expected a duration"),
        (["--warm-start", "absent"], "there is no study 'absent'"),
    ],
)
def test_a_wrong_argument_is_refused(competition: Path, arguments: list[str], words: str) -> None:
    done = start(*arguments)
    _, stderr = done.communicate(timeout=PATIENCE)
    assert done.returncode == 2
    assert words in stderr
    assert not (competition / "runs").exists()


@pytest.mark.slow
def test_ctrl_c_ends_in_good_order_and_the_next_call_resumes(competition: Path) -> None:
    url = "sqlite:///shared.db"
    process = start("--trials", "6", "--jobs", "1", "--storage", url)
    until_a_trial_runs(competition / "shared.db")
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "rerun the same command to resume" in stderr
    assert "Traceback" not in stderr
    assert not [trial for trial in trials(url) if trial.state.name == "RUNNING"]
    (study,) = all_studies()
    assert study.status() == "interrupted"
    report = CliRunner().invoke(kit, ["report", study.name])
    words = " ".join(report.stdout.replace("\\\n", "").split())
    assert "Resume kit tune -c mine.yaml --trials 6 --jobs 1 --storage sqlite:///shared.db" in words
    assert tune("--trials", "6", "--jobs", "1", "--storage", url).exit_code == 0
    assert len([trial for trial in trials(url) if trial.state.name in {"COMPLETE", "PRUNED"}]) == 6


@pytest.mark.slow
def test_two_processes_share_a_study_and_one_is_killed(competition: Path) -> None:
    url, count = "sqlite:///shared.db", 8
    options = ["--trials", str(count), "--jobs", "1", "--storage", url]
    first = start(*options)
    until_a_trial_runs(competition / "shared.db")
    second = start(*options)
    first.kill()
    first.wait()
    _, stderr = second.communicate(timeout=PATIENCE * 2)
    assert second.returncode == 0, stderr
    known = trials(url)
    assert not [trial for trial in known if trial.state.name in {"RUNNING", "WAITING"}]
    done = [trial for trial in known if trial.state.name in {"COMPLETE", "PRUNED"}]
    assert len(done) == count
    assert sum(trial.user_attrs.get("baseline", False) for trial in done) == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mine.yaml", "mine? a#b%20c 'ü'.yaml"])
def test_what_is_written_can_be_trained(
    competition: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The confirmation itself is tested elsewhere: here every candidate is better."""
    monkeypatch.setattr(
        "kit.tuning.confirm.race.compare", lambda *given: compare(*given).model_copy(update={"better": True})
    )
    monkeypatch.setattr("kit.tuning.confirm.candidates.value_of", lambda trial: -trial.number)
    (competition / "mine.yaml").rename(competition / name)
    result = CliRunner().invoke(kit, ["tune", "-c", name, "--trials", "3", "--jobs", "1"])
    assert result.exit_code == 0, result.output
    (written,) = (competition / "configs").glob("tuned-mine*.yaml")
    assert f"kit cv -c {shlex.quote(written.stem)}" in result.stdout
    assert load(str(written)).models != load(name).models
    assert CliRunner().invoke(kit, ["cv", "-c", str(written)]).exit_code == 0
