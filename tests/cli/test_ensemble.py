"""`kit ensemble` in a child process, and what other commands make of an ensemble."""

import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kit.members import Member
from kit.run_folder import RUNS, Run
from tests.workplace import ended, kit, start

Make = Callable[..., Any]


@pytest.fixture
def runs(example: Make) -> list[Run]:
    """Write run a with one column and run b with two, on the same data."""
    return [
        example(name=name, seeds=seeds, rows=20, test_rows=5, labels=tuple("0123456789")).write()
        for name, seeds in (("a", (0,)), ("b", (1, 2)))
    ]


def files() -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in RUNS.rglob("*")}


def damage(run: Run) -> None:
    run.member_path(Member("cnn", 0, 1)).unlink()


@pytest.mark.usefixtures("runs")
def test_an_ensemble_is_reported_and_stored() -> None:
    done = kit("ensemble", "a", "runs/b", "--method", "weighted", "--name", "both")
    assert (done.code, done.err) == (0, "both: combining 3 columns of 2 runs\n")
    assert done.out.startswith("both ")
    assert re.search(
        r"\nGain +(No difference between )?both (and|is better than|is worse than) [ab] ", done.out
    )
    assert re.search(r"\nPage +runs/both/report.html\n$", done.out)
    assert Run(RUNS / "both").read_ensemble().method == "weighted"
    again = kit("ensemble", "a", "b", "--method", "weighted", "--name", "both")
    assert (again.code, again.out) == (0, done.out)
    assert again.err == "runs/both is complete; --fresh combines again.\n\n"


@pytest.mark.usefixtures("runs")
def test_json_is_the_report_and_nothing_else() -> None:
    done = kit("ensemble", "a", "b", "--json", "--name", "both")
    assert done.out == Run(RUNS / "both").report_path.read_text()
    assert json.loads(done.out)["run"] == "both"


@pytest.mark.usefixtures("runs")
def test_calibration_is_a_setting() -> None:
    assert kit("ensemble", "a", "b", "--name", "both", "--set", "ensemble.calibrate=True").code == 0
    assert Run(RUNS / "both").read_ensemble().calibrate


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Missing argument 'RUN…'."),
        (
            ("a", "a"),
            "a: this run is named twice\nname each run once; the method decides how much each column counts",
        ),
        (("a", "nope"), "runs: there is no run 'nope'"),
        (("a", "--method", "stack"), "a: method stack needs two columns or more, and there is one"),
        (("a", "b", "--method", "median"), "Invalid value for '--method'"),
        (("a", "b", "--name", "b"), "runs/b: there is a run of this name\nchoose another --name"),
        (("a", "b", "--name", "../x"), "--name: not a name"),
        (
            ("a", "b", "--set", "seeds=3"),
            "--set: not a setting of an ensemble of runs\n"
            "expected ensemble.tta or ensemble.calibrate, =true or =false, received seeds=3\n"
            "--method chooses the method; everything else was decided when the runs were trained",
        ),
        (("a", "b", "--set", "ensemble.tta=maybe"), "--set: not a setting of an ensemble of runs"),
    ],
)
@pytest.mark.usefixtures("runs")
def test_what_cannot_be_combined_is_refused(arguments: tuple[str, ...], message: str) -> None:
    before = files()
    done = kit("ensemble", *arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"kit: {message}")
    assert len(done.err.splitlines()) <= 3
    assert files() == before


@pytest.mark.slow
@pytest.mark.parametrize("words", ["report both", "compare a both", "submit both --dry-run"])
@pytest.mark.usefixtures("runs")
def test_other_commands_name_a_source_that_changed(words: str) -> None:
    command = words.split()
    assert kit("ensemble", "a", "b", "--name", "both", "--method", "mean").code == 0
    before = kit(*command)
    assert "its source run" not in before.err + before.out
    damage(Run(RUNS / "b"))
    done = kit(*command)
    assert done.code == 0, done.err
    text = "its source run b changed since; combine them again: "
    assert f"{text}kit ensemble a b --method mean --name both --fresh" in done.err + done.out


@pytest.mark.slow
@pytest.mark.usefixtures("runs")
def test_an_ensemble_is_complete_without_its_sources(workdir: Path) -> None:
    assert kit("ensemble", "a", "b", "--name", "both", "--method", "mean").code == 0
    moved = workdir / "moved"
    shutil.copytree(RUNS / "both", moved)
    (moved / "report.html").unlink()
    shutil.rmtree(RUNS)
    shown = kit("report", "moved")
    assert shown.code == 0
    assert "its source run a is not there any more: runs/a" in shown.err
    assert (moved / "report.html").is_file()
    assert kit("submit", "moved", "--dry-run").code == 0


@pytest.mark.slow
@pytest.mark.usefixtures("runs")
def test_a_lost_report_of_changed_sources_is_one_error() -> None:
    assert kit("ensemble", "a", "b", "--name", "both", "--method", "mean").code == 0
    report = Run(RUNS / "both").report_path
    content = json.loads(report.read_text())
    report.unlink()
    assert kit("report", "both").code == 0
    assert json.loads(report.read_text())["combination"] == content["combination"]
    report.unlink()
    damage(Run(RUNS / "b"))
    done = kit("report", "both")
    assert done.code == 2
    assert done.err.splitlines()[1:] == [
        "kit: runs/both: there is no report.json, and it cannot be computed",
        "received source run b changed",
        "combine its runs again: kit ensemble a b --method mean --name both --fresh",
    ]


@pytest.mark.usefixtures("runs")
def test_runs_lists_an_ensemble_with_its_sources_and_their_members() -> None:
    kit("ensemble", "a", "b", "--name", "both", "--method", "mean")
    listed = {run["name"]: run for run in json.loads(kit("runs", "--json").out)}
    both = listed["both"]
    assert (both["status"], both["members"], both["members_planned"]) == ("complete", 6, 6)
    assert (both["sources"], listed["a"]["sources"]) == (["a", "b"], [])
    assert both["oof"] == json.loads(Run(RUNS / "both").report_path.read_text())["oof"]


@pytest.mark.usefixtures("runs")
def test_the_newest_ensemble_is_the_default() -> None:
    kit("ensemble", "a", "b", "--name", "both", "--method", "mean")
    assert kit("report").out.startswith("both ")
    assert "runs/both/submission.csv" in kit("submit", "--dry-run").out


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.usefixtures("runs")
def test_an_interrupt_leaves_nothing(number: signal.Signals) -> None:
    before = files()
    process = start("ensemble", "a", "b", "--name", "both")
    assert process.stderr
    assert process.stderr.readline() == "both: combining 3 columns of 2 runs\n"
    process.send_signal(number)
    done = ended(process)
    # With a few rows, the ensemble may be complete before the signal arrives.
    assert (done.code, done.err.strip()) in [(130, "interrupted"), (0, "")]
    if files() != before:
        assert Run(RUNS / "both").is_finished()


def test_help_imports_no_numerical_library() -> None:
    code = (
        "import sys; from kit.cli import kit; kit(['ensemble', '--help'], standalone_mode=False); "
        "sys.exit(','.join({'numpy', 'scipy', 'sklearn', 'matplotlib', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""
    assert "kit ensemble default baselines --method weighted" in done.stdout
