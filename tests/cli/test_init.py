from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kit.cli.init import command
from kit.errors import UserError
from tests.inspected import write_csv, write_images


@pytest.fixture(autouse=True)
def _competition(workdir: Path) -> None:
    for name in ("images", "photos"):
        (workdir / "configs").mkdir(exist_ok=True)
        (workdir / f"configs/{name}.yaml").write_text("extends: baselines\n")
    write_csv(workdir / "tumours/train.csv", ["id", "label"], [[f"x{n}", n % 2] for n in range(12)])
    write_csv(workdir / "tumours/sample_submission.csv", ["id", "label"], [["t0", 0]])
    write_images(workdir / "tumours/train", [f"x{n}.png" for n in range(12)])
    write_images(workdir / "tumours/test", ["t0.png"])


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(command, arguments)
    assert result.exception is None, result.output
    return result


def test_conclusions_and_next_commands_are_printed() -> None:
    lines = run("tumours").stdout.splitlines()
    topics = [line.partition(":")[0] for line in lines]
    assert topics == ["form", "labels", "images", "test", "submission", "metric", "written", "next"]
    assert lines[1] == "labels: 2 integers, 0 to 1, in train.csv, column label"
    assert lines[-2:] == [
        "written: configs/tumours.yaml",
        "next: kit data check -c tumours, kit cv -c tumours, kit submit",
    ]


def test_without_a_terminal_the_question_is_a_comment() -> None:
    run("tumours")
    text = " ".join(Path("configs/tumours.yaml").read_text().replace("#", " ").split())
    assert "a guess: Which metric has the competition? auc (the submission holds probabilities), or" in text


def test_on_a_terminal_kit_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kit.cli.init._is_terminal", lambda: True)
    result = CliRunner().invoke(command, ["tumours"], input="accuracy\n")
    assert "Which metric has the competition? (auc, accuracy) [auc]" in result.stderr
    assert "metric: accuracy, as you answered" in result.stdout


def test_the_name_and_the_table_may_be_given() -> None:
    assert "written: configs/mine.yaml" in run("tumours", "--name", "mine", "--train", "train.csv").stdout


def test_an_existing_configuration_is_kept() -> None:
    run("tumours")
    result = CliRunner().invoke(command, ["tumours"])
    assert isinstance(result.exception, UserError)
    run("tumours", "--force")
