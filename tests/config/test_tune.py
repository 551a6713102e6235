"""The section `tune`: defaults and refused values."""

from pathlib import Path
from typing import Any

import pytest

from kit import config
from kit.config import Config, IntRange
from kit.errors import UserError

MODELS = {"cnn": {"stages": [{"filters": 4}]}}


def space(**dimension: Any) -> Any:
    tune = {"space": {"training.epochs": dimension}}
    return Config.model_validate({"models": MODELS, "tune": tune}).tune.space["training.epochs"]


def refused(workdir: Path, tune: str) -> str:
    (workdir / "mine.yaml").write_text(f"models: {{cnn: {{stages: [{{filters: 4}}]}}}}\ntune:\n  {tune}\n")
    with pytest.raises(UserError) as raised:
        config.load("mine.yaml")
    assert raised.value.exit_code == 2
    return str(raised.value)


def test_the_defaults_of_a_study() -> None:
    tune = Config.model_validate({"models": MODELS}).tune
    assert tune.space == {}
    assert (tune.sampler, tune.start, tune.trials, tune.minutes) == ("tpe", "near", None, 60.0)
    assert tune.confirm_seeds == 2


@pytest.mark.parametrize("name", sorted(path.stem for path in config.shipped().glob("*.yaml")))
def test_how_to_tune_decides_no_member(name: str) -> None:
    assert config.load(name, ["tune.seed=7", "tune.folds=1"]).digest() == config.load(name).digest()


def test_an_own_space_takes_the_place_of_the_default() -> None:
    assert space(kind="int", low=1, high=9, step=4) == IntRange(kind="int", low=1, high=9, step=4)


def test_null_takes_an_inherited_key_away(workdir: Path) -> None:
    (workdir / "mine.yaml").write_text("extends: tune-wide\ntune: {space: {models.*.width: null}}\n")
    given = set(config.load("tune-wide").tune.space) - set(config.load("mine.yaml").tune.space)
    assert given == {"models.*.width"}


@pytest.mark.parametrize(
    ("dimension", "words"),
    [
        ("kind: float, low: 0.5, high: 0.1", "low must be less than high, received 0.5 to 0.1"),
        ("kind: float, low: 0.5, high: 0.5", "low must be less than high, received 0.5 to 0.5"),
        ("kind: int, low: 3, high: 3", "low must be less than high, received 3 to 3"),
        ("kind: float, low: 0, high: 1, log: true", "on a logarithmic scale low must be above 0, received 0"),
        ("kind: int, low: -1, high: 8, log: true", "on a logarithmic scale low must be above 0, received -1"),
        ("kind: float, low: 0.1, high: 1, log: true, step: 0.1", "a logarithmic range has no step"),
        ("kind: int, low: 1, high: 8, log: true, step: 2", "a logarithmic range has no step"),
        ("kind: float, low: 0, high: 0.5, step: 0.6", "a step of 0.6 goes past high, 0.5"),
        ("kind: int, low: 1, high: 3, step: 3", "a step of 3 goes past high, 3"),
        ("kind: categorical, choices: [1, 2, 1]", "duplicate choice"),
        (
            "kind: float, low: 0.1, high: 0.5, prior: 0.6",
            "the prior must be from 0.1 to 0.5, received 0.6",
        ),
        (
            "kind: float, low: 0, high: 1, step: 0.2, prior: 0.5",
            "the prior must be on a step: 0.0 plus a multiple of 0.2, received 0.5",
        ),
        ("kind: int, low: 1, high: 8, prior: 0", "the prior must be from 1 to 8, received 0"),
        (
            "kind: int, low: 1, high: 7, step: 3, prior: 5",
            "the prior must be on a step: 1 plus a multiple of 3, received 5",
        ),
        ("kind: categorical, choices: [a, b], prior: c", "the prior must be one of a, b, received c"),
        ("kind: categorical, choices: [1, 2], prior: true", "the prior must be one of 1, 2, received True"),
    ],
)
def test_what_no_trial_could_draw_is_refused(workdir: Path, dimension: str, words: str) -> None:
    message = refused(workdir, f"space: {{training.epochs: {{{dimension}}}}}")
    assert message.startswith("mine.yaml, line 3: tune.space.training.epochs: ")
    assert message.endswith(words)


@pytest.mark.parametrize(
    ("dimension", "message"),
    [
        ("kind: float, low: 0", "training.epochs.high is missing"),
        ("low: 0, high: 1", "training.epochs.kind is missing"),
        (
            "kind: flot, low: 0, high: 1",
            "training.epochs.kind is not right\nexpected one of 'float', 'int', 'categorical'",
        ),
        (
            "kind: categorical, choices: [3]",
            "training.epochs.choices is not right\nexpected at least 2, received [3]",
        ),
        (
            "kind: int, low: 0.5, high: 1",
            "training.epochs.low is not right\nexpected a whole number, received 0.5",
        ),
        (
            "kind: float, low: 0, high: .inf",
            "training.epochs.high is not right\nexpected a finite number, received inf",
        ),
        (
            "kind: float, low: 0, high: 1, hihg: 2",
            "unknown key tune.space.training.epochs.hihg; did you mean 'tune.space.training.epochs.high'?",
        ),
        (
            "kind: int, low: 0, high: 9, prior: 0.5",
            "training.epochs.prior is not right\nexpected a whole number, received 0.5",
        ),
        ("kind: float, low: 0, high: 1, step: 0", "step is not right\nexpected more than 0, received 0"),
    ],
)
def test_a_dimension_that_is_none_is_refused(workdir: Path, dimension: str, message: str) -> None:
    assert message in refused(workdir, f"space: {{training.epochs: {{{dimension}}}}}")


@pytest.mark.parametrize(
    ("tune", "message"),
    [
        ("sampler: grid", "tune.sampler is not right\nexpected 'tpe' or 'random', received 'grid'"),
        ("confirm_seeds: 1", "tune.confirm_seeds is not right\nexpected at least 2, received 1"),
        ("minutes: 0", "tune.minutes is not right\nexpected more than 0, received 0"),
        ("trails: 5", "unknown key tune.trails; did you mean 'tune.trials'?"),
    ],
)
def test_other_faults_of_the_section(workdir: Path, tune: str, message: str) -> None:
    assert refused(workdir, tune).startswith(f"mine.yaml, line 3: {message}")


def test_a_range_may_be_one_step_wide() -> None:
    assert space(kind="float", low=0.1, high=0.3, step=0.2).step == 0.2


@pytest.mark.parametrize(
    "dimension",
    [
        {"kind": "float", "low": 0.1, "high": 0.7, "step": 0.2, "prior": 0.7},
        {"kind": "int", "low": 1, "high": 7, "step": 3, "prior": 4},
        {"kind": "categorical", "choices": ["a", [1, 2]], "prior": [1, 2]},
    ],
)
def test_a_prior_is_a_value_of_its_dimension(dimension: dict[str, Any]) -> None:
    assert space(**dimension).prior == dimension["prior"]
