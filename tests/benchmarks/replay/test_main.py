"""The command, on a made-up table."""

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.benchmarks.replay.__main__ import main
from tests.benchmarks.replay.made_up import lines


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("replay") / "table.csv"
    with path.open("w", newline="") as file:
        for one in lines(0.05):
            losses = " ".join(map(str, one.losses))
            csv.writer(file).writerow([*one.training, one.seconds, losses, json.dumps(one.params)])
    return path


def rows(table: Path, *options: str) -> list[list[str]]:
    found = CliRunner().invoke(main, [str(table), "--hours", "2", *options], catch_exceptions=False)
    lines_ = [line for line in found.output.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines_[2:]]


def test_each_strategy_has_a_row(table: Path) -> None:
    assert [row[0] for row in rows(table)] == ["present", "new"]


def test_each_value_of_a_field_has_a_row(table: Path) -> None:
    found = rows(table, "--strategy", "random", "--vary", "fewest=3,4")
    assert [row[0] for row in found] == ["random, fewest 3", "random, fewest 4"]


def test_the_same_command_gives_the_same_figures(table: Path) -> None:
    command = ("--strategy", "random", "--no-effect-hours", "2")
    assert rows(table, *command) == rows(table, *command)


def test_an_unknown_field_is_refused(table: Path) -> None:
    found = CliRunner().invoke(main, [str(table), "--vary", "seeds=3"])
    assert (found.exit_code, "no field seeds" in found.output) == (2, True)


def test_strategies_are_listed(table: Path) -> None:
    found = CliRunner().invoke(main, [str(table), "--list"])
    assert [line.split(":")[0] for line in found.output.splitlines()][:2] == ["present", "new"]
