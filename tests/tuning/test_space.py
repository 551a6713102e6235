"""Expansion of `tune.space`: concrete keys, the baseline, parameters of trials, and refused spaces."""

import json
from pathlib import Path
from typing import Any

import pytest
from optuna import Trial, create_study
from optuna.samplers import RandomSampler
from optuna.trial import FixedTrial

from kit import config
from kit.config import Choices, Cnn, FloatRange, IntRange, Source
from kit.errors import UserError
from kit.tuning.space import Parameter, Space, make_space

BASE = """\
training: {optimizer: sgd, learning_rate: 1.0e-3}
augmentation: {rotation: 12}
models:
  knn: {kind: knn}
  a:
    stages:
      - {filters: 4}
      - {filters: 4, dropout: 0.2, batch_norm: before_activation}
    head: [8]
    dropout: 0.1
    batch_norm: after_activation
  b:
    stages: [{filters: 4}]
    training: {learning_rate: 1.0e-2}
"""
NORMS = {"kind": "categorical", "choices": ["none", "before_activation", "after_activation"]}
HALF = {"kind": "float", "low": 0.0, "high": 0.5}
OPTIMIZER = {"kind": "categorical", "choices": ["adam", "adamw", "sgd"]}


@pytest.fixture(autouse=True)
def _folder(workdir: Path) -> None:
    (workdir / "base.yaml").write_text(BASE)


def made(dimensions: dict[str, Any], *changes: str) -> Space:
    lines = [f"    {json.dumps(key)}: {json.dumps(one)}" for key, one in dimensions.items()]
    Path("mine.yaml").write_text("\n".join(["extends: base", "tune:", "  space:", *lines, ""]))
    return make_space(Source.read("mine.yaml", changes))


def refused(dimensions: dict[str, Any], *changes: str) -> str:
    with pytest.raises(UserError) as raised:
        made(dimensions, *changes)
    assert raised.value.exit_code == 2
    return str(raised.value)


def keys(space: Space) -> list[str]:
    return [parameter.key for parameter in space.parameters]


def drawn(space: Space, *, baseline: bool = False, seed: int = 0) -> tuple[Trial, dict[str, Any]]:
    study = create_study(sampler=RandomSampler(seed=seed))
    study.enqueue_trial(space.baseline if baseline else {}, user_attrs={"baseline": True} if baseline else {})
    trial = study.ask()
    return trial, space.suggest(trial)


def test_networks_with_teachers_are_refused() -> None:
    message = refused({"models.a.dropout": HALF}, 'models.b.teachers=["knn"]')
    assert "models.b.teachers" in message
    assert "networks with teachers cannot be tuned" in message


def test_a_choice_of_teachers_is_refused() -> None:
    message = refused({"models.b.teachers": {"kind": "categorical", "choices": [[], ["knn"]]}})
    assert "networks with teachers cannot be tuned" in message


def test_without_a_space_the_regularisation_of_each_network_is_searched() -> None:
    Path("mine.yaml").write_text(
        "image: {size: 32}\n"
        "competition: {form: folders, train_images: train}\n"
        "models:\n"
        "  cnn: {stages: [{filters: 4}]}\n"
        "  resnet: {kind: resnet}\n"
        "  photo: {kind: pretrained, name: MobileNetV2}\n"
        "  knn: {kind: knn}\n"
    )
    assert sorted(keys(make_space(Source.read("mine.yaml")))) == [
        "models.cnn.stages.0.batch_norm",
        "models.cnn.stages.0.dropout",
        "models.photo.dropout",
        "models.resnet.batch_norm",
        "models.resnet.dropout",
        "training.learning_rate",
    ]


def test_classical_models_need_a_space() -> None:
    with pytest.raises(UserError, match="no default search space for classical models"):
        make_space(Source.read("baselines"))


# Expansion of *


def test_stars_match_every_model_and_every_stage_that_has_the_key() -> None:
    assert keys(made({"models.*.stages.*.dropout": HALF})) == [
        "models.a.stages.0.dropout",
        "models.a.stages.1.dropout",
        "models.b.stages.0.dropout",
    ]


def test_a_star_skips_a_classical_model_and_finds_one() -> None:
    space = made({"models.*.dropout": HALF, "models.*.neighbours": {"kind": "int", "low": 1, "high": 9}})
    assert keys(space) == ["models.a.dropout", "models.b.dropout", "models.knn.neighbours"]


def test_an_explicit_key_overrides_the_pattern_that_it_refines() -> None:
    own = {"kind": "float", "low": 0.1, "high": 0.2}
    for names in (["models.*.dropout", "models.b.dropout"], ["models.b.dropout", "models.*.dropout"]):
        space = made({name: own if "b" in name else HALF for name in names})
        found = {one.key: one.dimension for one in space.parameters}
        assert found["models.b.dropout"] == FloatRange(kind="float", low=0.1, high=0.2)
        assert found["models.a.dropout"] == FloatRange(kind="float", low=0.0, high=0.5)


def test_the_pattern_with_fewer_stars_refines_the_other() -> None:
    first = {"kind": "float", "low": 0.0, "high": 0.1}
    space = made({"models.*.stages.0.dropout": first, "models.*.stages.*.dropout": HALF})
    highs = {one.key: one.dimension.high for one in space.parameters if isinstance(one.dimension, FloatRange)}
    assert highs == {
        "models.a.stages.0.dropout": 0.1,
        "models.b.stages.0.dropout": 0.1,
        "models.a.stages.1.dropout": 0.5,
    }


def test_a_star_in_a_condition_matches_what_the_star_of_the_key_matches() -> None:
    space = made(
        {
            "models.*.stages.*.dropout": {**HALF, "when": {"models.*.stages.*.batch_norm": "none"}},
            "models.*.stages.*.batch_norm": NORMS,
        }
    )
    when = {one.key: dict(one.when) for one in space.parameters if one.when}
    assert when == {
        f"models.{stage}.dropout": {f"models.{stage}.batch_norm": ("none",)}
        for stage in ("a.stages.0", "a.stages.1", "b.stages.0")
    }
    assert space.conditional


def test_every_shipped_space_of_a_network_is_possible() -> None:
    names = ("default", "quick", "lenet-plain", "images", "photos")
    sizes = {name: len(make_space(Source.read(name)).parameters) for name in names}
    assert sizes == {"default": 29, "quick": 4, "lenet-plain": 7, "images": 3, "photos": 3}


def test_the_wide_space_has_a_network_of_the_default_in_it() -> None:
    space = make_space(Source.read("tune-wide"))
    assert (len(space.parameters), len(space.baseline), space.conditional) == (25, 25, False)
    assert space.baseline["models.cnn.stages.6.dropout"] == 0.3
    assert space.baseline["models.cnn.width"] == 1.0
    assert config.load("tune-wide").digest() == config.load("default", ["models.wide_view=null"]).digest()
    assert space.baseline["models.cnn.l2"] == 0.0


# The baseline


def test_a_stage_that_says_nothing_has_its_models_value() -> None:
    space = made({"models.*.stages.*.dropout": HALF, "models.*.stages.*.batch_norm": NORMS})
    assert space.baseline == {
        "models.a.stages.0.dropout": 0.1,
        "models.a.stages.1.dropout": 0.2,
        "models.b.stages.0.dropout": 0.0,
        "models.a.stages.0.batch_norm": "after_activation",
        "models.a.stages.1.batch_norm": "before_activation",
        "models.b.stages.0.batch_norm": "none",
    }
    assert not space.conditional


def test_a_head_that_says_nothing_has_its_models_dropout() -> None:
    assert made({"models.a.head_dropout": HALF}).baseline == {"models.a.head_dropout": 0.1}


def test_changes_count_as_the_configurations_own_values() -> None:
    assert made({"models.a.head_dropout": HALF}, "models.a.dropout=0.3").baseline == {
        "models.a.head_dropout": 0.3
    }


def test_a_top_level_key_is_what_a_model_without_its_own_takes() -> None:
    rate = {"kind": "float", "low": 1e-4, "high": 1e-1, "log": True}
    space = made({"training.learning_rate": rate, "models.b.training.learning_rate": rate})
    assert space.baseline == {"training.learning_rate": 1e-3, "models.b.training.learning_rate": 1e-2}


@pytest.mark.parametrize(
    "dimension",
    [
        {"kind": "float", "low": 0.0, "high": 0.05},
        {"kind": "float", "low": 0.2, "high": 0.5},
        {"kind": "float", "low": 0.0, "high": 0.5, "step": 0.25},
        {"kind": "categorical", "choices": [0.0, 0.2]},
    ],
)
def test_a_value_outside_the_space_is_left_out(dimension: dict[str, Any]) -> None:
    space = made({"models.a.dropout": dimension})
    assert (space.baseline, space.conditional) == ({}, True)


def test_a_value_on_a_step_is_in() -> None:
    assert made({"models.a.stages.1.dropout": {**HALF, "step": 0.1}}).baseline == {
        "models.a.stages.1.dropout": 0.2
    }


def test_a_range_of_whole_numbers_takes_a_whole_float() -> None:
    space = made({"augmentation.rotation": {"kind": "int", "low": 0, "high": 20, "step": 4}})
    assert json.dumps(space.baseline) == '{"augmentation.rotation": 12}'


def test_a_key_whose_condition_does_not_hold_is_left_out() -> None:
    when = {"training.optimizer": ["adamw"]}
    decay = {"kind": "float", "low": 0.0, "high": 0.1, "when": when}
    space = made({"training.weight_decay": decay, "training.optimizer": OPTIMIZER})
    assert space.baseline == {"training.optimizer": "sgd"}
    assert keys(space) == ["training.optimizer", "training.weight_decay"]


def test_a_null_choice_is_the_models_value() -> None:
    space = made({"models.a.stages.0.dropout": {"kind": "categorical", "choices": [0.4, None]}})
    assert space.baseline == {"models.a.stages.0.dropout": None}


def test_a_choice_that_is_a_list_is_its_json_text() -> None:
    space = made({"models.a.head": {"kind": "categorical", "choices": [[], [8], [16, 8]]}})
    assert space.baseline == {"models.a.head": "[8]"}
    _, params = drawn(space)
    (text,) = space.changes(params)
    model = config.load("mine.yaml", [text]).models["a"]
    assert isinstance(model, Cnn)
    assert params == {"models.a.head": json.dumps(list(model.head))}


def test_a_choice_of_whole_stages() -> None:
    stages = [[{"filters": 8}], [{"filters": 4}, {"filters": 4, "pool": "max"}]]
    space = made({"models.a.stages": {"kind": "categorical", "choices": stages}})
    model = config.load("mine.yaml", space.changes({"models.a.stages": json.dumps(stages[1])})).models["a"]
    assert isinstance(model, Cnn)
    assert [(stage.filters, stage.pool) for stage in model.stages] == [(4, "none"), (4, "max")]


# Parameters of a trial


def test_parameters_are_drawn_in_order_from_their_ranges() -> None:
    epochs = {"kind": "int", "low": 2, "high": 9, "step": 2}
    rate = {"kind": "float", "low": 1e-4, "high": 1e-2, "log": True}
    space = made({"training.optimizer": OPTIMIZER, "training.epochs": epochs, "training.learning_rate": rate})
    for seed in range(20):
        trial, params = drawn(space, seed=seed)
        assert list(params) == ["training.optimizer", "training.epochs", "training.learning_rate"]
        assert params == trial.params
        assert params["training.epochs"] in {2, 4, 6, 8}
        assert 1e-4 <= params["training.learning_rate"] <= 1e-2
        training = config.load("mine.yaml", space.changes(params)).training
        assert {
            f"training.{name}": getattr(training, name) for name in ("optimizer", "epochs", "learning_rate")
        } == (params)


def test_a_range_that_ends_off_its_steps_makes_no_noise(recwarn: pytest.WarningsRecorder) -> None:
    space = made({"models.a.dropout": {"kind": "float", "low": 0.1, "high": 0.45, "step": 0.1}})
    assert space.parameters[0].dimension == FloatRange(kind="float", low=0.1, high=0.4, step=0.1)
    drawn(space)
    assert [str(one.message) for one in recwarn if "divisible" in str(one.message)] == []


@pytest.mark.parametrize(
    ("optimizer", "counts"), [("sgd", {"momentum"}), ("adamw", {"weight_decay"}), ("adam", set())]
)
def test_a_conditional_parameter_is_drawn_where_it_counts(optimizer: str, counts: set[str]) -> None:
    space = made(
        {
            "training.momentum": {
                "kind": "categorical",
                "choices": [0.8, 0.9],
                "when": {"training.optimizer": "sgd"},
            },
            "training.weight_decay": {
                "kind": "float",
                "low": 0.0,
                "high": 0.1,
                "when": {"training.optimizer": ["adamw"]},
            },
            "training.optimizer": OPTIMIZER,
        }
    )
    given = {"training.optimizer": optimizer, "training.momentum": 0.8, "training.weight_decay": 0.05}
    params = space.suggest(FixedTrial(given))
    assert {name.removeprefix("training.") for name in params} - {"optimizer"} == counts
    assert params.items() <= given.items()


def test_a_condition_may_wait_for_a_list_or_a_whole_number() -> None:
    space = made(
        {
            "models.a.head": {"kind": "categorical", "choices": [[], [8]]},
            "models.a.head_dropout": {**HALF, "when": {"models.a.head": [8]}},
            "training.epochs": {"kind": "int", "low": 1, "high": 3},
            "training.warmup": {**HALF, "when": {"training.epochs": [2, 3]}},
        }
    )
    given = {"models.a.head_dropout": 0.3, "training.warmup": 0.4}
    few = space.suggest(FixedTrial({"models.a.head": "[]", "training.epochs": 1, **given}))
    assert few == {"models.a.head": "[]", "training.epochs": 1}
    many = {"models.a.head": "[8]", "training.epochs": 3, **given}
    assert space.suggest(FixedTrial(many)) == many


def test_the_baseline_draws_what_it_has_and_trains_the_configuration() -> None:
    space = made(
        {"models.a.stages.*.dropout": HALF, "models.a.l2": {"kind": "float", "low": 1e-6, "high": 1e-4}}
    )
    trial, params = drawn(space, baseline=True)
    assert params == trial.params == space.baseline
    assert params == {"models.a.stages.0.dropout": 0.1, "models.a.stages.1.dropout": 0.2}
    model = config.load("mine.yaml", space.changes(params)).models["a"]
    assert isinstance(model, Cnn)
    assert (model.l2, [stage.dropout for stage in model.stages]) == (0.0, [0.1, 0.2])


# Round trip of values


@pytest.mark.parametrize(
    "value", [1e-05, 1.5e-07, 0.1 + 0.2, 100.0, 0.0, 1e16, 3, "none", "yes", "1e3", "ä", None, True, False]
)
def test_every_value_comes_back_as_it_was(value: Any) -> None:
    dimension = Choices(kind="categorical", choices=(value, "other"))
    change = Parameter("augmentation.zoom", dimension, {}).change(value)
    raw, _ = config.resolve("base.yaml", [change])
    back = raw["augmentation"]["zoom"]
    assert (back, type(back)) == (value, type(value))


def test_small_rates_come_back_from_ranges() -> None:
    one = Parameter("training.learning_rate", FloatRange(kind="float", low=1e-6, high=1.0), {})
    assert config.load("base.yaml", [one.change(1e-05)]).training.learning_rate == 1e-05
    whole = Parameter("training.epochs", IntRange(kind="int", low=1, high=9), {})
    assert whole.change(7) == "training.epochs=7"


# Refused spaces

RANGE = {"kind": "float", "low": 0.1, "high": 0.5}


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (
            "models.a.dropot",
            "tune.space: unknown key models.a.dropot; did you mean 'models.a.dropout'?\nexpected one of ",
        ),
        (
            "training.epoch",
            "tune.space: unknown key training.epoch; did you mean 'training.epochs'?\nexpected one of ",
        ),
        (
            "trainig.epochs",
            "tune.space: trainig.epochs=0.1: unknown key trainig; did you mean 'training.epochs'?",
        ),
        (
            "models.c.dropout",
            "tune.space: models.c.dropout=0.1: there is no model 'c'\nexpected one of a, b, knn",
        ),
        (
            "models.a.stages.2.dropout",
            "tune.space: models.a.stages.2.dropout=0.1: no such element\nexpected a number from 0 to 1",
        ),
        ("models.a.stages.00.dropout", "tune.space: unknown key models.a.stages.00.dropout"),
        (
            "models.*.dropot",
            "tune.space, models.*.dropot: unknown key models.a.dropot; did you mean 'models.a.dropout'?\n",
        ),
        (
            "models.*.stags.*.dropout",
            "tune.space, models.*.stags.*.dropout: * is only allowed for a model, or for a stage of a",
        ),
        (
            "models.knn.stages.*.dropout",
            "tune.space, models.knn.stages.*.dropout: models.knn.stages.0.dropout=0: unknown key models.knn",
        ),
        ("training.*", "tune.space, training.*: * is only allowed for a model, or for a stage of a model"),
        ("models.*.*.dropout", "tune.space, models.*.*.dropout: * is only allowed for a model"),
        ("models.a*.dropout", "tune.space, models.a*.dropout: * is only allowed for a model"),
        (
            "folds.count",
            "tune.space: folds.count cannot be tuned, since it changes the measurement",
        ),
        ("augmentation.tta", "tune.space: augmentation.tta cannot be tuned"),
        ("seeds", "tune.space: seeds cannot be tuned"),
        ("tune.folds", "tune.space: tune.folds cannot be tuned"),
        ("data.directory", "tune.space: data.directory cannot be tuned"),
        ("ensemble.method", "tune.space: ensemble.method cannot be tuned"),
        ("competition.classes", "tune.space: competition.classes cannot be tuned"),
    ],
)
def test_an_unknown_key_is_refused(key: str, message: str) -> None:
    assert refused({key: RANGE}).startswith(f"mine.yaml, line 4: {message}")


@pytest.mark.parametrize(
    ("key", "dimension", "message"),
    [
        (
            "models.a.dropout",
            {"kind": "float", "low": 0.0, "high": 1.5},
            "models.a.dropout is not right\nexpected less than 1, received 1.5",
        ),
        (
            "models.*.stages.*.dropout",
            {"kind": "float", "low": -0.5, "high": 0.5},
            "models.a.stages.0.dropout is not right\nexpected at least 0, received -0.5",
        ),
        (
            "training.batch_size",
            {"kind": "float", "low": 32, "high": 64},
            "training.batch_size is not right\nexpected a whole number, received 32.0",
        ),
        (
            "models.a.batch_norm",
            {"kind": "categorical", "choices": ["none", "befor"]},
            "models.a.batch_norm is not right\n"
            "expected 'none', 'before_activation' or 'after_activation', received 'befor'",
        ),
        (
            "models.a.head",
            {"kind": "categorical", "choices": [[], [0]]},
            "models.a.head.0 is not right\nexpected at least 1, received 0",
        ),
        (
            "models.b.stages.0.kernel",
            {"kind": "int", "low": 3, "high": 29},
            "models.b.stages.0.kernel=29: models.b.stages.0: nothing is left of the image",
        ),
    ],
)
def test_a_value_that_is_not_valid_for_the_key_is_refused(key: str, dimension: Any, message: str) -> None:
    where, _, what = refused({key: dimension}, "models.b.stages.0.padding=valid").partition(": ")
    assert where == "mine.yaml, line 4"
    assert what.startswith((f"tune.space: {message}", f"tune.space, {key}: {message}"))


def test_values_are_tried_at_every_condition() -> None:
    message = refused(
        {
            "models.b.stages.0.padding": {"kind": "categorical", "choices": ["same", "valid"]},
            "models.b.stages.0.kernel": {
                "kind": "categorical",
                "choices": [3, 29],
                "when": {"models.b.stages.0.padding": ["same", "valid"]},
            },
        }
    )
    assert message.startswith("mine.yaml, line 5: tune.space: models.b.stages.0.kernel=29: ")


def test_a_key_that_every_network_overrides_is_refused() -> None:
    message = refused({"training.learning_rate": RANGE}, "models.a.training.learning_rate=0.002")
    assert message == (
        "mine.yaml, line 4: tune.space: training.learning_rate has no effect\n"
        "every model overrides it; use models.*.training.learning_rate"
    )


def test_a_key_that_the_rest_of_the_space_overrides_is_refused() -> None:
    epochs = {"kind": "int", "low": 1, "high": 9}
    message = refused({"training.epochs": epochs, "models.*.training.epochs": epochs})
    assert message.startswith("mine.yaml, line 4: tune.space: training.epochs has no effect\n")


def test_a_key_without_effect_on_members_is_refused() -> None:
    choices = {"kind": "categorical", "choices": ["float32", "bfloat16"]}
    assert "models.a.training.precision has no effect" in refused({"models.a.training.precision": choices})


def test_one_key_by_two_patterns_is_refused() -> None:
    message = refused({"models.*.stages.0.dropout": HALF, "models.a.stages.*.dropout": HALF})
    assert message == (
        "mine.yaml, line 5: tune.space, models.a.stages.*.dropout: "
        "duplicate key models.a.stages.0.dropout, also given by models.*.stages.0.dropout"
    )


def test_a_part_of_another_key_is_refused() -> None:
    stages = {"kind": "categorical", "choices": [[{"filters": 8}], [{"filters": 4}]]}
    for both in (
        {"models.a.stages": stages, "models.a.stages.0.dropout": HALF},
        {"models.*.stages.*.dropout": HALF, "models.a.stages": stages},
    ):
        assert "models.a.stages.0.dropout is part of models.a.stages, which is also in the space" in refused(
            both
        )


@pytest.mark.parametrize(
    ("when", "message"),
    [
        (
            {"training.optimzer": "sgd"},
            "when: training.optimzer is not in the space; did you mean 'training.opt",
        ),
        ({"training.epochs": 3}, "when: training.epochs is not in the space"),
        ({"models.*.batch_norm": "none"}, "when: models.*.batch_norm is not in the space"),
        (
            {"training.optimizer": "sdg"},
            'when: not a value of training.optimizer\nexpected one of "adam", "adamw", "sgd", received "sdg"',
        ),
        (
            {"training.optimizer": ["sgd", "x"]},
            'when: not a value of training.optimizer\nexpected one of "adam", "adamw", "sgd", received',
        ),
        ({"training.optimizer": []}, "when: not a value of training.optimizer\n"),
        (
            {"training.batch_size": 80},
            "when: not a value of training.batch_size\nexpected 32 to 128, every 32, received 80",
        ),
        ({"training.batch_size": 64.0}, "when: not a value of training.batch_size\n"),
        (
            {"training.ema": 0.5},
            "not a value of training.ema\nexpected a condition on a categorical or int key, received 0.5",
        ),
        ({"training.momentum": 0.8}, "circular conditions: training.momentum, training.momentum"),
    ],
)
def test_a_condition_that_cannot_be_met_is_refused(when: dict[str, Any], message: str) -> None:
    found = refused(
        {
            "training.momentum": {"kind": "categorical", "choices": [0.8, 0.9], "when": when},
            "training.optimizer": OPTIMIZER,
            "training.batch_size": {"kind": "int", "low": 32, "high": 150, "step": 32},
            "training.ema": HALF,
        }
    )
    assert found.startswith("mine.yaml, line 4: tune.space: ")
    assert message in found


def test_circular_conditions_are_refused() -> None:
    one = {"kind": "categorical", "choices": [1, 2]}
    message = refused(
        {
            "training.epochs": {**one, "when": {"training.batch_size": 1}},
            "training.batch_size": {**one, "when": {"training.epochs": 2}},
        }
    )
    assert "tune.space: circular conditions: training." in message


def test_conditions_that_never_hold_together_are_refused() -> None:
    one = {"kind": "categorical", "choices": [1, 2]}
    message = refused(
        {
            "training.epochs": one,
            "training.batch_size": {**one, "when": {"training.epochs": 1}},
            "training.momentum": {**RANGE, "when": {"training.batch_size": 2, "training.epochs": 2}},
        }
    )
    assert message == "mine.yaml, line 6: tune.space: training.momentum: its conditions exclude each other"


def test_a_space_from_the_command_line_names_it() -> None:
    change = "tune.space={training.epoch: {kind: int, low: 1, high: 9}}"
    with pytest.raises(UserError) as raised:
        make_space(Source.read("base.yaml", [change]))
    assert str(raised.value).startswith(
        f"--set {change}: tune.space: unknown key training.epoch; did you mean"
    )


def test_the_file_that_names_the_key_is_named() -> None:
    wide = "tune: {space: {models.*.dropot: {kind: float, low: 0, high: 0.5}}}\n"
    Path("wide.yaml").write_text(f"extends: base\n{wide}")
    Path("mine.yaml").write_text("extends: wide.yaml\n")
    with pytest.raises(UserError) as raised:
        make_space(Source.read("mine.yaml"))
    assert str(raised.value).startswith("wide.yaml, line 2: tune.space, models.*.dropot: unknown key")
