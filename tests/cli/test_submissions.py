import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from kit.cli.submissions import command
from kit.submitting.ledger import Ledger, Record
from tests.kaggle_server import Fault, KaggleServer
from tests.workplace import kit, write_run

RECORD = Record(
    tag="kit-1",
    status="complete",
    competition="digit-recognizer",
    run="default-abababab",
    file="submissions/a.csv",
    sha256="00",
    message="a",
    oof_score=0.995,
    oof_interval=(0.994, 0.996),
    expected_score=(0.993, 0.997),
    ref=1001,
    public_score="0.99571",
)


def run(*arguments: str) -> str:
    result = CliRunner().invoke(command, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_no_submissions_yet(workdir: Path) -> None:
    assert run() == "no submissions yet; send one: kit submit\n"
    assert run("--json") == "[]\n"
    assert list(workdir.iterdir()) == []


def test_the_table_is_made_from_the_ledger_alone(workdir: Path) -> None:
    Ledger().append(RECORD)
    Ledger().append(
        replace(
            RECORD,
            tag="kit-2",
            run=None,
            file="submissions/other.csv",
            status="failed",
            error="no",
            oof_score=None,
            oof_interval=None,
            expected_score=None,
            public_score="",
            ref=None,
        )
    )
    header, _, first, second = run().splitlines()
    assert header.split() == [
        "Submission",
        "Sent",
        "OOF",
        "95",
        "%",
        "interval",
        "Expected",
        "Score",
        "Position",
        "Status",
        "Ref",
    ]
    assert first.split()[0] == "default-abababab"
    assert first.split()[3:] == [
        "0.99500",
        "0.99400",
        "to",
        "0.99600",
        "0.99300",
        "to",
        "0.99700",
        "0.99571",
        "inside",
        "complete",
        "1001",
    ]
    assert second.split()[0] == "other.csv"
    assert second.split()[3:] == ["-", "-", "-", "-", "-", "failed", "-"]
    assert sys.modules.get("kaggle") is None
    assert sorted(path.name for path in (workdir / "submissions").iterdir()) == ["ledger.jsonl"]


def test_json_has_every_field(workdir: Path) -> None:  # noqa: ARG001 - to be in it
    Ledger().append(RECORD)
    [shown] = json.loads(run("--json"))
    assert shown["public_score"] == "0.99571"
    assert shown["score_position"] == "inside"
    assert shown["oof_interval"] == [0.994, 0.996]


def test_two_scores_make_a_plot(workdir: Path) -> None:
    Ledger().append(RECORD)
    Ledger().append(replace(RECORD, tag="kit-2", public_score="0.98"))
    assert "below" in run()
    assert (workdir / "submissions" / "cv-vs-leaderboard.png").stat().st_size > 5000


def test_scores_are_fetched_from_kaggle(kaggle: KaggleServer) -> None:
    write_run()
    assert kit("submit", "--wait", "0s").code == 0
    done = kit("submissions")
    assert done.code == 0
    assert "0.98500" in done.out
    assert kaggle.count("list") == 1


def test_the_ledger_is_shown_even_if_kaggle_refuses(kaggle: KaggleServer) -> None:
    Ledger().append(RECORD)
    kaggle.fail("list", Fault("status", 401), always=True)
    done = kit("submissions", "--json")
    assert done.code == 2
    assert json.loads(done.out)[0]["public_score"] == "0.99571"
    assert "credentials" in done.err


@pytest.mark.parametrize(
    "arguments", [["--help"], ["submit", "--help"], ["submissions"], ["runs"], ["doctor", "--json"]]
)
def test_commands_without_kaggle_requests_do_not_import_kaggle(
    workdir: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    trap = workdir / "trap" / "kaggle"
    trap.mkdir(parents=True)
    (trap / "__init__.py").write_text("raise SystemExit('kaggle was imported')")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(trap.parent), *sys.path]))
    done = kit(*arguments)
    assert done.code == 0, done.err
    assert "imported" not in done.err
