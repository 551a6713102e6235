import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from kit import config
from kit.config import notation
from kit.errors import UserError
from tests import workplace

AMBIGUOUS = ["010", "-010", "08", "00", "1:30", "1:30:00", "1:30.5", "0o10", "0x1F", "0X1f", "0b11", "1_000"]
MINE = "models: {cnn: {stages: [{filters: 4}]}}\n"


@pytest.fixture(autouse=True)
def _folder(workdir: Path) -> None:
    (workdir / "mine.yaml").write_text(MINE)


def refusal(name: str = "mine.yaml", *changes: str) -> str:
    with pytest.raises(UserError) as caught:
        config.load(name, changes)
    return str(caught.value)


@pytest.mark.parametrize("text", AMBIGUOUS)
def test_an_ambiguous_number_is_text(text: str) -> None:
    assert notation.read(f"[{text}]")[0] == [text]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("-0", 0),
        ("+5", 5),
        ("10", 10),
        (".5", 0.5),
        ("5.", 5.0),
        ("007.5", 7.5),
        ("1e3", 1000.0),
        ("1E5", 100000.0),
        ("-1.5e-3", -0.0015),
        (".inf", float("inf")),
        ("-.INF", float("-inf")),
    ],
)
def test_a_decimal_number_is_that_number(text: str, value: float) -> None:
    found = notation.read(text)[0]
    assert (found, type(found)) == (value, type(value))


def test_a_date_is_text() -> None:
    assert notation.read("2026-01-02")[0] == "2026-01-02"


@pytest.mark.parametrize("text", AMBIGUOUS)
def test_a_change_to_an_ambiguous_number_names_the_key(text: str) -> None:
    assert refusal("mine.yaml", f"training.epochs={text}") == (
        f"--set training.epochs={text}: training.epochs is not right\n"
        f"expected a whole number, received {text!r}\nwrite a decimal number, as in 10 or 1000"
    )


def test_the_file_and_line_of_an_ambiguous_number_are_named() -> None:
    Path("mine.yaml").write_text(f"{MINE}training:\n  learning_rate: 0x1F\n")
    assert refusal().startswith("mine.yaml, line 3: training.learning_rate is not right\nexpected a number")


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ("seeds=[001,010]", "seeds.0"),
        ("seeds=010", "seeds"),
        ("competition.image_shape=[28,0x1C]", "competition.image_shape.1"),
        ("competition.public_rows=1_000", "competition.public_rows"),
        ("training.relative_step=0:01", "training.relative_step"),
        ("training.learning_rate=.nan", "training.learning_rate"),
        ("training.learning_rate=-.inf", "training.learning_rate"),
    ],
)
def test_lists_and_optional_numbers_are_refused_by_name(change: str, key: str) -> None:
    assert f": {key} is not right\n" in refusal("mine.yaml", change)


def test_text_that_looks_like_a_number_stays_text() -> None:
    made = config.load("mine.yaml", ["competition.slug=0123", "competition.label_column=1_000"])
    assert (made.competition.slug, made.competition.label_column) == ("0123", "1_000")


def test_a_key_that_looks_like_a_number_stays_text() -> None:
    Path("mine.yaml").write_text("models: {010: {kind: knn}, 0x1F: {kind: knn}}\n")
    assert list(config.load("mine.yaml").models) == ["010", "0x1F"]


@pytest.mark.parametrize("key", ["10", "1e3", "yes"])
def test_a_key_that_is_a_number_or_a_boolean_is_refused(key: str) -> None:
    Path("mine.yaml").write_text(f"models: {{{key}: {{kind: knn}}}}\n")
    assert "expected text, received" in refusal()


@pytest.mark.parametrize("text", ["!!int 010", "!!int '0x1F'", "!!float 1:30", "!!int 1_000"])
def test_a_tag_does_not_allow_an_ambiguous_number(text: str) -> None:
    Path("mine.yaml").write_text(f"{MINE}training:\n  epochs: {text}\n")
    assert re.match(r"mine\.yaml, line 3, column 11: not YAML: '.*' is not a decimal number$", refusal())


def test_yes_is_a_boolean_and_not_text() -> None:
    assert config.load("mine.yaml", ["folds.reshuffle=yes"]).folds.reshuffle is True
    assert refusal("mine.yaml", "competition.slug=on").endswith("expected text, received true")


@pytest.mark.parametrize(
    "value",
    [*AMBIGUOUS, "1e3", ".5", "2026-01-02", "yes", "null", "~", "10", "+5", ".inf", "a: b", "x #y", " b "],
)
def test_written_text_is_read_as_text(value: str) -> None:
    content = {value: [value], "numbers": [10, 1e-05, 1e20, 0.1]}
    text = notation.written(content, 110)
    assert notation.read(text)[0] == content
    assert yaml.safe_load(text) == content


def test_the_command_refuses_instead_of_training_8_epochs() -> None:
    ended = workplace.kit("cv", "-c", "quick", "--set", "training.epochs=010")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("kit: --set training.epochs=010: training.epochs is not right\n")
    assert not Path("runs").exists()


def test_a_choice_of_a_study_is_refused_too() -> None:
    space: dict[str, Any] = {"training.batch_size": {"kind": "categorical", "choices": ["0100", "64"]}}
    Path("mine.yaml").write_text(f"{MINE}tune:\n  space: {space}\n".replace("'", ""))
    ended = workplace.kit("tune", "-c", "mine.yaml", "--trials", "1")
    assert ended.code == 2
    assert "training.batch_size is not right" in ended.err
    assert "received '0100'" in ended.err
