import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from kit.cli import kit
from kit.errors import UserError
from kit.run_folder import RUNS, all_runs
from tests.comparisons import planted, probabilities

LABELS = np.arange(1000) % 10
PAGE = RUNS / "comparisons" / "a-vs-b.html"


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(kit, ["compare", *arguments])


@pytest.fixture(autouse=True)
def _runs(workdir: Path) -> None:  # noqa: ARG001 - they are written there
    for name, wrong in (("a", range(40)), ("b", range(30, 50))):
        planted(name, LABELS, probabilities(LABELS, wrong))


def test_the_verdict_and_the_page_come_last() -> None:
    result = invoke("a", "runs/b")
    assert result.exit_code == 0
    assert "\n\nb is better than a on 1,000 rows: 20 fewer errors" in result.stdout
    assert result.stdout.endswith(f"\nPage: {PAGE}\n")
    assert PAGE.is_file()
    assert result.stderr == ""


def test_json_is_the_record_and_nothing_else() -> None:
    result = invoke("a", "b", "--json")
    found = json.loads(result.stdout)
    assert (found["version"], found["metric"], found["rows"]) == (2, "accuracy", 1000)
    assert [(one["a"], one["b"], one["verdict"]) for one in found["pairs"]] == [("a", "b", "better")]
    assert len(found["changed"]) == 40
    assert PAGE.is_file()


def test_a_page_that_cannot_be_written_does_not_hide_the_result() -> None:
    PAGE.parent.touch()
    result = invoke("a", "b")
    assert result.exit_code == 0
    assert "\nb is better than a" in result.stdout
    assert result.stderr.startswith("the page cannot be written: runs/comparisons")


def test_open_shows_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Path] = []
    monkeypatch.setattr("kit.cli.compare.open_page", opened.append)
    assert invoke("a", "b", "--open").exit_code == 0
    assert opened == [PAGE]


def test_the_page_is_not_a_run() -> None:
    invoke("a", "b")
    assert sorted(run.name for run in all_runs()) == ["a", "b"]


def test_an_unknown_run_is_named() -> None:
    result = invoke("a", "c")
    assert isinstance(result.exception, UserError)
    assert str(result.exception).startswith("runs: there is no run 'c'")


def test_without_runs_the_usage_is_shown() -> None:
    assert invoke().exit_code == 2
