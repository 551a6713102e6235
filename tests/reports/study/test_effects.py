from typing import Any

import pytest

from kit.reports.study.effects import MOST, change_text

AFTER, BEFORE = "after_activation", "before_activation"


def stages(key: str, *values: Any, model: str = "lenet") -> dict[str, Any]:
    """Return the values of a key in the first stages of a model."""
    return {f"models.{model}.stages.{stage}.{key}": value for stage, value in enumerate(values)}


def test_the_trial_of_the_documentation() -> None:
    before = stages("batch_norm", AFTER, AFTER, AFTER) | stages("dropout", 0.1, 0.1, 0.1)
    after = stages("batch_norm", AFTER, AFTER, "none") | stages("dropout", 0.1003, 0.2984, 0.1907)
    rate = "training.learning_rate"
    assert change_text(before | {rate: 3e-3}, after | {rate: 7.964e-3}) == (
        "batch norm after the activation in stages 1 and 2, none in stage 3 (was after the activation); "
        "dropout 0.1, 0.3, 0.19 (was 0.1); learning rate from 0.003 to 0.008"
    )


@pytest.mark.parametrize(
    ("key", "before", "after", "text"),
    [
        (
            "batch_norm",
            (AFTER,) * 3,
            ("none",) * 3,
            "no batch norm in stages 1 to 3 (was after the activation)",
        ),
        (
            "batch_norm",
            ("none", AFTER),
            (BEFORE, AFTER),
            "batch norm before the activation in stage 1, after the activation in stage 2 "
            "(was none in stage 1, after the activation in stage 2)",
        ),
        (
            "batch_norm",
            (AFTER, AFTER, AFTER, AFTER),
            ("none", AFTER, "none", "none"),
            "no batch norm in stages 1, 3 and 4, after the activation in stage 2 (was after the activation)",
        ),
        ("dropout", (0.1, 0.2), (0.3, 0.3), "dropout 0.3 in stages 1 and 2 (was 0.1, 0.2)"),
        ("dropout", (0.1,), (0.3,), "dropout 0.3 in stage 1 (was 0.1)"),
        ("filters", (32, 64), (32, 128), "filters 32, 128 (was 32, 64)"),
        ("pool", ("max", "max"), ("none", "max"), "pool none in stage 1, max in stage 2 (was max)"),
        ("residual", (False, False), (False, True), "residual false in stage 1, true in stage 2 (was false)"),
        (
            "dropout",
            (None, 0.1),
            (0.2, None),
            "dropout 0.2 in stage 1, null in stage 2 (was null in stage 1, 0.1 in stage 2)",
        ),
    ],
)
def test_stages_are_one_change(key: str, before: tuple[Any, ...], after: tuple[Any, ...], text: str) -> None:
    assert change_text(stages(key, *before), stages(key, *after)) == text


def test_stages_that_are_not_tuned_are_not_counted() -> None:
    key = "models.lenet.stages.{}.dropout"
    before, after = ({key.format(0): 0.1, key.format(2): value} for value in (0.1, 0.3))
    assert change_text(before, after) == "dropout 0.1 in stage 1, 0.3 in stage 3 (was 0.1)"


def test_ten_stages_are_in_the_order_of_their_numbers() -> None:
    before, after = stages("dropout", *[0.5] * 11), stages("dropout", *[one / 100 for one in range(11)])
    assert change_text(before, dict(sorted(after.items()))) == (
        "dropout 0, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.09, 0.1 (was 0.5)"
    )


@pytest.mark.parametrize(
    ("key", "before", "after", "text"),
    [
        ("models.resnet.batch_norm", BEFORE, "none", "no batch norm (was before the activation)"),
        ("models.resnet.batch_norm", "none", AFTER, "batch norm after the activation (was none)"),
        ("models.resnet.dropout", 0.2, 0.35, "dropout from 0.2 to 0.35"),
        ("models.cnn.head_dropout", 0.2, 0.35, "head dropout from 0.2 to 0.35"),
        ("models.cnn.l2", 0.0, 1e-5, "L2 from 0 to 1e-05"),
        ("models.cnn.width", 1.0, 1.5, "width from 1 to 1.5"),
        ("models.cnn.head", "[]", "[128, 64]", "head from [] to [128, 64]"),
        ("models.resnet.filters.0", 32, 48, "filters 48 in entry 1 (was 32)"),
        ("training.batch_size", 64, 256, "batch size from 64 to 256"),
        ("training.optimizer", "sgd", "muon", "optimizer from sgd to muon"),
        ("training.relative_step", 0.012, 0.0207, "relative step from 0.012 to 0.021"),
        ("training.label_smoothing", 0.0, 0.0513, "label smoothing from 0 to 0.051"),
        ("augmentation.rotation", 10.0, 12.34, "rotation from 10 to 12"),
        ("training.rows", 50_000.0, 60_000.0, "rows from 50000 to 60000"),
        ("training.flip", False, True, "flip from false to true"),
        ("training.clip", None, 1.0, "clip from null to 1"),
    ],
)
def test_any_other_key_has_its_plain_name(key: str, before: Any, after: Any, text: str) -> None:
    assert change_text({key: before}, {key: after}) == text


def test_numbers_have_the_digits_that_show_the_difference() -> None:
    key = "training.learning_rate"
    assert change_text({key: 3e-3}, {key: 3.0042e-3}) == "learning rate from 0.003 to 0.003004"


def test_equal_values_are_no_change() -> None:
    params = stages("batch_norm", AFTER, "none") | {"training.learning_rate": 3e-3}
    assert change_text(params, params) == ""


def test_a_long_list_is_not_written_out() -> None:
    key, two, three = "models.cnn.stages", '{"filters": 32, "kernel": 5}', '{"filters": 64, "pool": "max"}'
    assert change_text({key: f"[{two}]"}, {key: f"[{two}, {three}]"}) == "other stages"


def test_a_parameter_that_the_trial_lacks_is_not_a_change() -> None:
    before: dict[str, Any] = {"training.optimizer": "sgd", "training.momentum": 0.9}
    assert change_text(before, {"training.optimizer": "muon"}) == "optimizer from sgd to muon"


def test_a_parameter_that_the_baseline_lacks_has_no_earlier_value() -> None:
    before: dict[str, Any] = {"training.optimizer": "muon"}
    after: dict[str, Any] = {"training.optimizer": "sgd", "training.momentum": 0.95}
    assert change_text(before, after) == "optimizer from muon to sgd; momentum 0.95"


def test_stages_that_the_baseline_lacks_have_no_earlier_values() -> None:
    before, after = stages("dropout", 0.1), stages("dropout", 0.2, 0.3)
    assert change_text(before, after) == "dropout 0.2, 0.3"


def test_without_a_baseline_every_value_is_named() -> None:
    assert (
        change_text({}, {"models.cnn.batch_norm": "none", "training.epochs": 20})
        == "no batch norm; epochs 20"
    )


def test_changes_are_in_the_given_order() -> None:
    before: dict[str, Any] = {"models.cnn.l2": 0.0, "training.epochs": 10, "augmentation.zoom": 0.1}
    after: dict[str, Any] = {"models.cnn.l2": 1.0, "training.epochs": 20, "augmentation.zoom": 0.2}
    order = ["augmentation.zoom", "training.epochs"]
    assert change_text(before, after, order) == "zoom from 0.1 to 0.2; epochs from 10 to 20; L2 from 0 to 1"


def test_of_many_changes_the_first_are_named() -> None:
    keys = [f"training.key_{letter}" for letter in "abcdefghijk"]
    text = change_text(dict.fromkeys(keys, 1), dict.fromkeys(keys, 2))
    assert text.count(" from 1 to 2") == MOST
    assert text.endswith(f"key {'abcdefghijk'[MOST - 1]} from 1 to 2; and 3 more")


def test_several_models_are_named_after_what_belongs_to_all() -> None:
    before = stages("dropout", 0.1, 0.1, model="cnn") | {"models.wide.l2": 0.0, "training.epochs": 10}
    after = stages("dropout", 0.2, 0.3, model="cnn") | {"models.wide.l2": 1e-5, "training.epochs": 20}
    text = "epochs from 10 to 20; cnn: dropout 0.2, 0.3 (was 0.1); wide: L2 from 0 to 1e-05"
    assert change_text(before, after) == text


def test_a_model_is_named_if_another_one_is_tuned_but_did_not_change() -> None:
    before: dict[str, Any] = {"models.cnn.l2": 0.0, "models.wide.l2": 0.0}
    assert change_text(before, before | {"models.wide.l2": 1.0}) == "wide: L2 from 0 to 1"


def test_the_same_key_of_two_models_is_not_ambiguous() -> None:
    before: dict[str, Any] = {"models.cnn.l2": 0.0, "models.wide.l2": 0.0}
    after: dict[str, Any] = {"models.cnn.l2": 1.0, "models.wide.l2": 2.0}
    assert change_text(before, after) == "cnn: L2 from 0 to 1; wide: L2 from 0 to 2"


@pytest.mark.parametrize(
    ("keys", "names"),
    [
        (("training.epochs", "distillation.epochs"), ("training epochs", "distillation epochs")),
        (
            ("training.epochs", "models.cnn.training.epochs"),
            ("training.epochs", "models.cnn.training.epochs"),
        ),
        (("models.cnn.l2", "models.cnn.head.l2"), ("L2", "head L2")),
    ],
)
def test_ambiguous_names_are_longer(keys: tuple[str, str], names: tuple[str, str]) -> None:
    text = change_text(dict.fromkeys(keys, 1), dict.fromkeys(keys, 2))
    assert [clause.partition(" from")[0].partition(" 2")[0] for clause in text.split("; ")] == list(names)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_value_of_another_program_may_be_no_number(value: float) -> None:
    assert change_text({"x": 1.0}, {"x": value}).startswith("x from 1 to ")


def test_a_stage_is_named_beside_the_whole_model() -> None:
    before = {"models.cnn.dropout": 0.0, "models.cnn.stages.6.dropout": 0.3}
    after = {"models.cnn.dropout": 0.083, "models.cnn.stages.6.dropout": 0.11}
    assert change_text(before, after) == "dropout from 0 to 0.083; dropout 0.11 in stage 7 (was 0.3)"
