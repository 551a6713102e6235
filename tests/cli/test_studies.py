"""Studies in `kit runs`, `kit report` and the commands that need runs."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result

from kit.cli import kit
from kit.errors import UserError
from tests.studies import confirmation, stored

pytestmark = pytest.mark.usefixtures("workdir")
Make = Callable[..., Any]


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(kit, arguments)


def test_runs_lists_studies_after_the_runs(example: Make) -> None:
    example(name="mine").write()
    stored(confirmed=confirmation("confirmed"))
    _, _, run, empty, _, _, study = invoke("runs").stdout.splitlines()
    assert run.startswith("mine ")
    assert empty == ""
    assert " ".join(study.split()) == (
        "example default 2 0.04000 0.03000 log loss +25.0 % 3m 10s complete no 2025-01-02 03:04"
    )


@pytest.mark.parametrize(
    ("status", "shown"), [("none better", "nothing"), ("no candidate", "nothing"), ("no time", "no time")]
)
def test_without_runs_studies_are_listed_alone(status: str, shown: str) -> None:
    stored(confirmed=confirmation(status))
    result = invoke("runs")
    assert result.stdout.startswith("Study ")
    assert f" {shown} " in result.stdout


@pytest.mark.parametrize("width", [60, 80])
def test_a_narrow_terminal_shows_what_fits(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    stored("quick-1a2b3c4d", confirmed=confirmation("confirmed"))
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr("kit.terminals.is_terminal", lambda _: True)
    lines = invoke("runs").stdout.splitlines()
    assert max(map(len, lines)) <= width
    assert "quick-1a2b3c4d" in lines[-1]


def test_json_lists_runs_or_studies(example: Make) -> None:
    example(name="mine").write()
    stored(confirmed=confirmation("confirmed"))
    assert [one["name"] for one in json.loads(invoke("runs", "--json").stdout)] == ["mine"]
    assert json.loads(invoke("runs", "--studies", "--json").stdout) == [
        {
            "name": "example",
            "status": "complete",
            "config": "default",
            "sample": False,
            "started": "2025-01-02T03:04:05+00:00",
            "metric": "log_loss",
            "trials": 2,
            "complete": 2,
            "pruned": 0,
            "baseline": 0.04,
            "best": 0.03,
            "verdict": "confirmed",
            "confirmed_gain": pytest.approx(0.25),
            "interval": pytest.approx([0.125, 0.375]),
            "config_path": "configs/tuned-example.yaml",
            "trial_seconds": 190.0,
            "error": None,
        }
    ]


@pytest.mark.parametrize(
    ("order", "names"),
    [("score", ["b", "a", "c"]), ("started", ["c", "b", "a"]), ("name", ["a", "b", "c"])],
)
def test_studies_are_sorted(order: str, names: list[str]) -> None:
    stored("a", started="2025-01-01T00:00:00+00:00")
    stored("b", started="2025-01-02T00:00:00+00:00", confirmed=confirmation("confirmed"))
    stored("c", started="2025-01-03T00:00:00+00:00", sample=True)
    listed = json.loads(invoke("runs", "--studies", "--json", "--sort", order).stdout)
    assert [one["name"] for one in listed] == names


def test_an_unreadable_study_is_listed_last_with_the_others() -> None:
    stored("good")
    stored("bad").database.write_text("not a database " * 50)
    result = invoke("runs")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1].split()[:1] == ["bad"]
    assert "unreadable" in result.stdout.splitlines()[-1]
    assert result.stderr.startswith("runs/tune-bad/study.db")


def test_without_studies_the_output_says_so() -> None:
    result = invoke("runs", "--studies")
    assert result.stdout == "no studies in runs/ yet; search for a better configuration: kit tune\n"


def test_users_of_make_get_the_make_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIT_CALLER", "make")
    assert invoke("runs", "--studies").stdout.endswith("a better configuration: make tune\n")
    stored(confirmed=confirmation("confirmed"))
    result = invoke("submit", "example")
    assert isinstance(result.exception, UserError)
    assert str(result.exception).splitlines()[-1] == (
        "make report RUN=example shows it; train what it found: make cv CONFIG=tuned-example"
    )


def test_report_shows_a_study_and_draws_its_page() -> None:
    files = stored(confirmed=confirmation("confirmed"))
    result = invoke("report", "example")
    assert result.exit_code == 0
    assert result.stdout.startswith("example   2 trials of default: 2 complete\n")
    assert result.stdout.endswith(
        f"Train it         kit cv -c tuned-example\nPage             {files.page_path}\n"
    )
    assert files.page_path.is_file()


def test_report_prints_a_study_as_json() -> None:
    files = stored()
    result = invoke("report", "tune-example", "--json")
    assert json.loads(result.stdout) == json.loads(files.report_path.read_text())


def test_by_make_the_next_command_is_one_of_make(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIT_CALLER", "make")
    stored(confirmed=confirmation("confirmed"))
    assert "Train it         make cv CONFIG=tuned-example\n" in invoke("report", "example").stdout
    error = invoke("submit", "example").exception
    assert "make report RUN=example shows it; train what it found: make cv CONFIG=tuned-example" in str(error)


def test_report_of_an_interrupted_study_names_the_command_that_resumes_it() -> None:
    stored(status="running", command="kit tune -c quick")
    text = invoke("report", "example").stdout
    assert "Nothing is confirmed yet: the study was interrupted" in text
    assert "Resume           kit tune -c quick\n" in text


def test_a_run_of_the_same_name_comes_first(example: Make) -> None:
    example(name="example").write()
    stored()
    assert invoke("report", "example").stdout.startswith("example   1 model")
    assert invoke("report", "tune-example").stdout.startswith("example   2 trials")


def test_report_without_a_name_shows_a_run(example: Make) -> None:
    example(name="mine").write()
    stored(started="2030-01-01T00:00:00+00:00")
    assert invoke("report").stdout.startswith("mine ")


@pytest.mark.parametrize(
    "arguments", [("compare", "example", "other"), ("ensemble", "example"), ("submit", "example")]
)
def test_commands_that_need_runs_refuse_a_study(arguments: tuple[str, ...]) -> None:
    stored()
    error = invoke(*arguments).exception
    assert isinstance(error, UserError)
    assert str(error).startswith("runs/tune-example: this is a study")


def test_an_up_to_date_study_imports_no_unneeded_library() -> None:
    stored()
    invoke("report", "example")
    heavy = {"tensorflow", "keras", "sklearn", "scipy", "optuna", "pandas", "kaggle", "matplotlib", "numpy"}
    code = (
        "import sys; from kit.cli import kit; kit(['report', 'example'], standalone_mode=False); "
        "kit(['runs'], standalone_mode=False); "
        f"sys.exit(','.join({heavy} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.stderr.strip() == ""
    assert "2 trials of default" in result.stdout
