"""Each error names file and line or the change, the key, and the expected and received value."""

from pathlib import Path

import pytest

from kit import config
from kit.config.errors import nearest
from kit.errors import UserError

BASE = """\
training:
  epochs: 3
models:
  cnn:
    stages:
      - {filters: 4}
      - filters: 8
        kernel: 5
"""


@pytest.fixture(autouse=True)
def _folder(workdir: Path) -> None:
    (workdir / "base.yaml").write_text(BASE)


def error(text: str) -> str:
    Path("child.yaml").write_text(f"extends: base\n{text}\n")
    return caught("child.yaml")


def caught(name: str, *changes: str) -> str:
    with pytest.raises(UserError) as raised:
        config.load(name, changes)
    assert raised.value.exit_code == 2
    return str(raised.value)


@pytest.mark.parametrize(
    ("text", "key", "near"),
    [
        ("trainng: {epochs: 3}", "trainng", "training"),
        ("training: {epoch: 3}", "training.epoch", "training.epochs"),
        ("augmentation: {rotatoin: 3}", "augmentation.rotatoin", "augmentation.rotation"),
        ("competition: {slugg: x}", "competition.slugg", "competition.slug"),
        ("models: {cnn: {dropot: 0.3}}", "models.cnn.dropot", "models.cnn.dropout"),
        ("models: {cnn: {training: {epoch: 3}}}", "models.cnn.training.epoch", "models.cnn.training.epochs"),
        (
            "models: {cnn: {stages: [{filter: 3}]}}",
            "models.cnn.stages.0.filter",
            "models.cnn.stages.0.filters",
        ),
        ("models: {forest: {kind: random_forest, tree: 3}}", "models.forest.tree", "models.forest.trees"),
        ("modles: {cnn: {}}", "modles", "models"),
    ],
)
def test_an_unknown_key_names_the_most_similar_one(text: str, key: str, near: str) -> None:
    message = error(text)
    assert message.startswith(
        f"child.yaml, line 2: unknown key {key}; did you mean '{near}'?\nexpected one of "
    )
    assert near.rpartition(".")[2] in message.partition("\n")[2]


def test_an_unknown_key_without_a_similar_one_gets_the_list_alone() -> None:
    assert (
        error("ensemble: {zzz: 1}")
        == "child.yaml, line 2: unknown key ensemble.zzz\nexpected one of calibrate, method, tta"
    )


@pytest.mark.parametrize(
    ("text", "expected", "received"),
    [
        ("training: {epochs: 0}", "at least 1", "0"),
        ("training: {epochs: 1.5}", "a whole number", "1.5"),
        ("training: {epochs: 2.0}", "a whole number", "2.0\nwrite 2"),
        ("training: {epochs: yes}", "a whole number", "true"),
        ("training: {epochs: '3'}", "a whole number", "'3'"),
        ("training: {epochs: null}", "a whole number", "nothing"),
        ("training: {learning_rate: 0}", "more than 0", "0"),
        ("training: {learning_rate: fast}", "a number", "'fast'"),
        ("training: {learning_rate: .nan}", "a finite number", "nan"),
        ("training: {learning_rate: .inf}", "a finite number", "inf"),
        ("training: {momentum: 1}", "less than 1", "1"),
        ("training: {decay: 1.5}", "at most 1", "1.5"),
        ("training: {optimizer: adma}", "'adam', 'adamw', 'sgd' or 'muon'", "'adma'\ndid you mean 'adam'?"),
        ("training: 3", "keys and values", "3\ndid you mean training.epochs=3?"),
        ("folds: {reshuffle: 1}", "true or false", "1"),
        ("folds: {count: 1}", "at least 2", "1"),
        ("data: {directory: 3}", "text", "3"),
        ("3: 4", "text", "3"),
        ("models: {3: {kind: knn}}", "text", "3"),
        ("data: {directory: ''}", "some text", "''"),
        ("models: []", "keys and values", "[]"),
        ("models: {cnn: {stages: []}}", "at least 1", "[]"),
        ("models: {cnn: {head: 128}}", "a list, as in [1, 2]", "128"),
        ("models: {a b: {kind: knn}}", "letters, digits, _ and single - between them", "'a b'"),
        ("models: {cnn: {batch_norm: yes}}", "'none', 'before_activation' or 'after_activation'", "true"),
        (
            "models: {k: {kind: kmn}}",
            "one of 'cnn', 'resnet', 'pretrained', 'logistic_regression', 'knn', 'random_forest', 'svm'",
            "'kmn'",
        ),
    ],
)
def test_a_wrong_value_says_what_was_expected(text: str, expected: str, received: str) -> None:
    message = error(text)
    assert message.startswith("child.yaml, line 2: ")
    assert message.endswith(f" is not right\nexpected {expected}, received {received}")


def test_a_long_value_is_cut() -> None:
    assert len(error(f"data: {{directory: [{'long ' * 100}]}}").splitlines()[1]) < 120


def test_a_missing_key_is_named_with_its_line() -> None:
    assert error("models: {other: {dropout: 0.1}}") == "child.yaml, line 2: models.other.stages is missing"


def test_an_error_in_the_extended_file_names_that_file() -> None:
    Path("base.yaml").write_text(BASE.replace("kernel: 5", "kernel: 0"))
    assert error("seeds: 2").startswith("base.yaml, line 8: models.cnn.stages.1.kernel is not right")


def test_an_error_in_a_change_names_the_change() -> None:
    assert caught("base.yaml", "training.epochs=4", "training.epochs=0").startswith(
        "--set training.epochs=0: "
    )


def test_an_error_in_the_file_does_not_name_a_change() -> None:
    Path("base.yaml").write_text(BASE.replace("epochs: 3", "epochs: x"))
    assert caught("base.yaml", "training.batch_size=4").startswith("base.yaml, line 2: ")


def test_a_validator_error_names_the_key_and_the_file() -> None:
    assert error("seeds: 0") == (
        "child.yaml, line 2: seeds: expected a number from 1 to 1000, or a list of seeds; received 0"
    )
    assert error("seeds: [1, 1]") == "child.yaml, line 2: seeds: seeds must be distinct"
    assert error(
        "competition: {image_shape: [3, 3]}\nmodels: {cnn: {stages: [{filters: 1, stride: 4, pool: max}]}}"
    ) == (
        "child.yaml: models.cnn.stages.0: nothing is left of the image; use fewer strides, or padding: same"
    )


@pytest.mark.parametrize(("name", "answer"), [("epoch", "; did you mean 'epochs'?"), ("zzz", "")])
def test_nearest(name: str, answer: str) -> None:
    assert nearest(name, ["epochs", "batch_size"]) == answer
