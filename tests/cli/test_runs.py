import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from kit.cli import kit
from kit.members import Member
from kit.run_folder import RUNS, Run

Make = Callable[..., Any]


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(kit, ["runs", *arguments])


@pytest.mark.usefixtures("workdir")
def test_without_runs_the_output_says_so() -> None:
    assert (invoke().stdout, invoke().exit_code) == ("no runs in runs/ yet; train one: kit cv\n", 0)
    assert (invoke("--json").stdout, invoke("--json").exit_code) == ("[]\n", 0)


def test_it_creates_no_folder(workdir: Path) -> None:
    invoke()
    assert list(workdir.iterdir()) == []


def test_runs_are_listed_one_line_each(example: Make) -> None:
    example(name="old", started="2025-01-01T00:00:00Z", sample=True).write()
    begun = example(name="new", started="2025-01-03T00:00:00Z", wall_seconds=0.0).write(status="interrupted")
    begun.member_path(Member("cnn", 1, 0)).unlink()
    _, _, old, new = invoke().stdout.splitlines()
    assert " ".join(old.split()) == (
        "old 90.000 69.896 to 97.213 0.20200 2/2 30.0 s complete yes 2025-01-01 00:00"
    )
    assert new.split() == ["new", "-", "-", "-", "1/2", "-", "interrupted", "no", "2025-01-03", "00:00"]


@pytest.mark.parametrize("columns", [60, 80])
def test_a_long_name_leaves_each_run_in_one_line(
    example: Make, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    name = "lenet-regularized-1a2b3c4d-of-november"
    example(name=name, sample=True).write()
    example(name="short").write()
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr("kit.terminals.is_terminal", lambda _: True)
    lines = invoke().stdout.splitlines()
    assert len(lines) == 4
    assert max(map(len, lines)) <= columns
    assert f"{name}  90.000  " in lines[3]


@pytest.mark.parametrize(
    ("columns", "shown", "hidden"), [("80", "Log loss", "Started"), ("120", "95 % interval", "Sample")]
)
def test_a_terminal_shows_what_fits(
    example: Make, monkeypatch: pytest.MonkeyPatch, columns: str, shown: str, hidden: str
) -> None:
    example(name="default-1a2b3c4d").write()
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr("kit.terminals.is_terminal", lambda _: True)
    heading, _, row = invoke().stdout.splitlines()
    assert shown in heading
    assert hidden not in heading
    assert row.startswith("default-1a2b3c4d")


@pytest.fixture
def four(example: Make) -> None:
    """Write runs that each order lists differently; the better score has the longer time."""
    example(name="worse", started="2025-01-01T00:00:00Z", wall_seconds=10.0).write()
    example(name="better", started="2025-01-02T00:00:00Z", wall_seconds=20.0, seeds=(0, 1)).write()
    example(name="on-sample", started="2025-01-03T00:00:00Z", sample=True, seeds=(0, 1)).write()
    example(name="begun", started="2025-01-04T00:00:00Z", wall_seconds=5.0).write(status="interrupted")


@pytest.mark.usefixtures("four")
@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("score", ["better", "worse", "on-sample", "begun"]),
        ("loss", ["better", "worse", "on-sample", "begun"]),
        ("time", ["begun", "worse", "better", "on-sample"]),
        ("started", ["begun", "on-sample", "better", "worse"]),
        ("name", ["begun", "better", "on-sample", "worse"]),
    ],
)
def test_runs_are_sorted(order: str, names: list[str]) -> None:
    assert [run["name"] for run in json.loads(invoke("--sort", order, "--json").stdout)] == names
    _, _, *lines = invoke("--sort", order).stdout.splitlines()
    assert [line.split()[0] for line in lines] == names


def test_runs_of_equal_score_are_listed_newest_first(example: Make) -> None:
    example(name="old", started="2025-01-01T00:00:00Z").write()
    example(name="new", started="2025-01-03T00:00:00Z").write()
    assert [run["name"] for run in json.loads(invoke("--json").stdout)] == ["new", "old"]


def test_json_has_the_figures_of_finished_runs(example: Make) -> None:
    run = example().write()
    example(name="begun", started="2025-01-03T00:00:00Z", seeds=(0, 1)).write(status="running")
    with Run(RUNS / "begun").locked():
        finished, begun = json.loads(invoke("--json").stdout)
    assert finished == {
        "name": "example-1a2b3c4d",
        "status": "complete",
        "sample": False,
        "started": "2025-01-02T03:04:05Z",
        "wall_seconds": 30.0,
        "members": 2,
        "members_planned": 2,
        "sources": [],
        "metric": "accuracy",
        "oof": run.read_report().oof.model_dump(mode="json"),
        "error": None,
    }
    assert (begun["status"], begun["oof"], begun["members_planned"]) == ("running", None, 4)


def test_a_run_without_a_lock_is_interrupted(example: Make) -> None:
    example(name="begun").write(status="running")
    [begun] = json.loads(invoke("--json").stdout)
    assert begun["status"] == "interrupted"


@pytest.mark.parametrize(
    "content", ["{", "", "[]", '"text"', "{}", '{"started": "1", "config": []}', "\udcff"]
)
def test_an_unreadable_run_is_listed_last_with_the_others(example: Make, content: str) -> None:
    example().write()
    damaged = Path("runs/damaged")
    damaged.mkdir()
    (damaged / "run.json").write_text(content, errors="surrogateescape")
    good, bad = json.loads(invoke("--json").stdout)
    assert good["status"] == "complete"
    assert (bad["name"], bad["status"]) == ("damaged", "unreadable")
    assert bad["error"].startswith("runs/damaged")
    result = invoke()
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1].split()[:1] == ["damaged"]
    assert "unreadable" in result.stdout.splitlines()[-1]
    assert result.stderr.startswith("runs/damaged")


def test_a_finished_run_without_its_report_has_no_score(example: Make) -> None:
    example().write().report_path.unlink()
    [run] = json.loads(invoke("--json").stdout)
    assert (run["status"], run["oof"], run["error"]) == ("complete", None, None)
