import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from kit.cli import kit
from kit.errors import UserError
from kit.members import Member

if TYPE_CHECKING:
    from kit.run_folder import Run

Make = Callable[..., Any]


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(kit, ["report", *arguments])


def test_it_shows_the_newest_finished_run(example: Make) -> None:
    example(name="old", started="2025-01-01T00:00:00Z").write()
    example(name="new", started="2025-01-03T00:00:00Z").write()
    example(name="unfinished", started="2025-01-04T00:00:00Z").write(status="running")
    result = invoke()
    assert result.exit_code == 0
    assert result.stdout.startswith("new   1 model, 1 seed, 2 folds\n")


@pytest.mark.parametrize("run", ["old", "runs/old", "runs/old/"])
def test_a_run_is_given_by_name_or_path(example: Make, run: str) -> None:
    example(name="old", started="2025-01-01T00:00:00Z").write()
    example(name="new", started="2025-01-03T00:00:00Z").write()
    assert invoke(run).stdout.startswith("old ")


def test_the_page_is_drawn_and_named(example: Make) -> None:
    run = example().write()
    result = invoke()
    assert result.stdout.endswith(f"Page             {run.page_path}\n")
    assert run.page_path.read_text().startswith("<!doctype html>")


def test_open_opens_the_page(example: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = example().write()
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", str(browser))
    assert invoke("--open").exit_code == 0
    assert (tmp_path / "opened").read_text() == run.page_path.resolve().as_uri() + "\n"


def test_without_a_display_the_address_is_printed(example: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    run = example().write()
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    result = invoke("--open")
    assert result.exit_code == 0
    address = run.page_path.resolve().as_uri()
    assert (
        result.stderr == f"no browser here: open {address}, or copy that file; it contains the whole page\n"
    )


def test_json_is_exactly_the_report_and_nothing_else(example: Make) -> None:
    run = example().write()
    result = invoke("--json")
    assert result.stdout == run.report_path.read_text()
    assert json.loads(result.stdout)["oof"]["errors"] == 2
    assert result.stderr == ""


def test_an_unfinished_run_names_missing_members_and_how_to_resume(example: Make) -> None:
    run = example(seeds=(0, 1, 2)).write(status="interrupted")
    for member in [Member("cnn", 1, seed) for seed in (0, 1, 2)] + [Member("cnn", 0, 2)]:
        run.member_path(member).unlink()
    result = invoke("example-1a2b3c4d")
    assert isinstance(result.exception, UserError)
    assert str(result.exception) == (
        "runs/example-1a2b3c4d: not finished (interrupted); the report is written after the last member\n"
        "expected 6 members, received 2, without cnn-f1-s0, cnn-f1-s1, cnn-f0-s2, …\n"
        "rerun the command that started it to resume: kit cv -c example"
    )


def test_an_unfinished_ensemble_has_no_members_to_name(example: Make) -> None:
    source = {"name": "a", "path": "runs/a", "hash": "", "content": "", "files": "", "seeds": (0,)}
    sources = [{**source, "members": 2, "tta": False}]
    example(name="both", sources=sources, origin={"command": "kit ensemble a b"}).write(status="failed")
    result = invoke("both")
    assert str(result.exception) == (
        "runs/both: not finished (failed)\nrerun the command that started it to resume: kit ensemble a b"
    )


def test_without_a_run_the_error_says_how_to_train_one(example: Make) -> None:
    example(name="begun").write(status="running")
    result = invoke()
    assert isinstance(result.exception, UserError)
    assert str(result.exception) == "runs: no finished run\ntrain one: kit cv"


@pytest.mark.parametrize("content", ["{", "[]", ""])
def test_an_unreadable_report_is_named(example: Make, content: str) -> None:
    run: Run = example().write()
    run.report_path.write_text(content)
    result = invoke()
    assert isinstance(result.exception, UserError)
    assert str(result.exception).startswith("runs/example-1a2b3c4d/report.json: not readable as JSON")


def test_an_up_to_date_report_imports_no_unneeded_library(example: Make) -> None:
    example().write()
    invoke()
    heavy = {"tensorflow", "keras", "sklearn", "scipy", "optuna", "pandas", "kaggle", "matplotlib", "numpy"}
    code = (
        "import sys; from kit.cli import kit; kit(['report'], standalone_mode=False); "
        f"sys.exit(','.join({heavy} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.stderr.strip() == ""
    assert "OOF accuracy" in result.stdout
