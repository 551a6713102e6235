from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from kit.config import Cnn, Stage, load
from kit.models.cnn import build_cnn
from kit.models.families import cost
from kit.models.layers import Layers

SHAPE = (28, 28, 1)


def network(*stages: Stage, **also: Any) -> keras.Model:
    return build_cnn(Cnn(stages=stages or (Stage(filters=4),), **also), SHAPE, 10)


def kinds(model: keras.Model) -> list[str]:
    return [type(layer).__name__ for layer in model.layers[2:]]


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("none", ["Conv2D", "Activation"]),
        ("before_activation", ["Conv2D", "BatchNormalization", "Activation"]),
        ("after_activation", ["Conv2D", "Activation", "BatchNormalization"]),
    ],
)
@pytest.mark.parametrize("said_by", ["model", "stage"])
def test_batch_norm_is_at_the_configured_position(place: Any, expected: list[str], said_by: str) -> None:
    if said_by == "model":
        model = network(Stage(filters=4), batch_norm=place)
    else:
        other: Any = "none" if place != "none" else "before_activation"
        model = network(Stage(filters=4, batch_norm=place), batch_norm=other)
    assert kinds(model) == [*expected, "Flatten", "Dense"]


def test_dense_layers_have_the_models_batch_norm_and_dropout() -> None:
    model = network(head=(8,), batch_norm="before_activation", head_dropout=0.5)
    assert kinds(model)[-5:] == ["Dense", "BatchNormalization", "Activation", "Dropout", "Dense"]
    assert model.layers[-2].rate == 0.5


def test_there_is_no_bias_before_batch_norm() -> None:
    assert network(batch_norm="before_activation").layers[2].bias is None
    assert network(batch_norm="after_activation").layers[2].bias is not None


def test_a_stage_overrides_the_dropout_of_the_model() -> None:
    stages = Stage(filters=4), Stage(filters=4, dropout=0.0), Stage(filters=4, dropout=0.4)
    model = network(*stages, dropout=0.2, head=(8,))
    rates = [layer.rate for layer in model.layers if isinstance(layer, layers.Dropout)]
    assert rates == [0.2, 0.4, 0.2]


def test_dropout_is_at_the_end_of_its_stage() -> None:
    model = network(Stage(filters=4, pool="max", dropout=0.1), batch_norm="after_activation")
    assert kinds(model)[:5] == ["Conv2D", "Activation", "BatchNormalization", "MaxPooling2D", "Dropout"]


@pytest.mark.parametrize(
    ("stage", "expected"),
    [
        (Stage(filters=4), (28, 28, 4)),
        (Stage(filters=4, padding="valid"), (26, 26, 4)),
        (Stage(filters=4, kernel=5, stride=2), (14, 14, 4)),
        (Stage(filters=4, kernel=5, stride=2, padding="valid"), (12, 12, 4)),
        (Stage(filters=4, pool="max"), (14, 14, 4)),
        (Stage(filters=4, padding="valid", kernel=2, pool="average"), (13, 13, 4)),
    ],
)
def test_the_output_of_a_stage_has_the_expected_shape(stage: Stage, expected: tuple[int, ...]) -> None:
    model = network(stage)
    flatten = next(layer for layer in model.layers if isinstance(layer, layers.Flatten))
    assert tuple(flatten.input.shape[1:]) == expected


def test_pooling_is_the_configured_one() -> None:
    assert "MaxPooling2D" in kinds(network(Stage(filters=4, pool="max")))
    assert "AveragePooling2D" in kinds(network(Stage(filters=4, pool="average")))


def test_the_l2_penalty_covers_kernels_only() -> None:
    model = network(Stage(filters=4), head=(8,), batch_norm="after_activation", l2=0.01)
    kernels = [layer.kernel.numpy() for layer in model.layers if hasattr(layer, "kernel")]
    assert len(kernels) == 3
    expected = 0.01 * sum(float((kernel**2).sum()) for kernel in kernels)
    assert sum(float(loss) for loss in model.losses) == pytest.approx(expected, rel=1e-5)
    assert network(Stage(filters=4)).losses == []


def test_pixels_are_scaled_to_one() -> None:
    image = np.full((1, *SHAPE, 1), 255.0, np.float32)
    assert float(keras.ops.max(network().layers[1](image))) == 1.0


def test_logits_are_float32_in_every_precision() -> None:
    spec = Cnn(stages=(Stage(filters=4),), head=(8,), batch_norm="after_activation", dropout=0.1)
    model = build_cnn(spec, SHAPE, 7, Layers("mixed_bfloat16"))
    logits = model(np.zeros((2, *SHAPE, 1), np.float32))
    assert tuple(logits.shape) == (2, 7)
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"
    assert {layer.compute_dtype for layer in model.layers[1:-1]} == {"bfloat16"}
    assert {weight.dtype for weight in model.weights} == {"float32"}


BLOCK = ["Conv2D", "Activation", "Conv2D", "Add", "Activation"]


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("none", BLOCK),
        (
            "before_activation",
            [
                "Conv2D",
                "BatchNormalization",
                "Activation",
                "Conv2D",
                "BatchNormalization",
                "Add",
                "Activation",
            ],
        ),
        (
            "after_activation",
            [
                "Conv2D",
                "Activation",
                "BatchNormalization",
                "Conv2D",
                "Add",
                "Activation",
                "BatchNormalization",
            ],
        ),
    ],
)
def test_a_residual_block_adds_its_input(place: Any, expected: list[str]) -> None:
    model = network(Stage(filters=4), Stage(filters=4, residual=True), batch_norm=place)
    first = 2 if place == "none" else 3
    assert kinds(model)[first:-2] == expected
    add = next(layer for layer in model.layers if isinstance(layer, layers.Add))
    before = model.layers[1 + first].output
    assert any(one is before for one in add.input)


@pytest.mark.parametrize("change", [{"filters": 8}, {"stride": 2}])
def test_a_shortcut_is_projected_where_the_shape_changes(change: dict[str, int]) -> None:
    model = network(Stage(filters=4), Stage.model_validate({"filters": 4, "residual": True} | change))
    kernels = [layer.kernel.shape[:2] for layer in model.layers if isinstance(layer, layers.Conv2D)]
    assert kernels == [(3, 3), (3, 3), (3, 3), (1, 1)]


def test_a_residual_block_is_the_identity_of_positive_values_without_its_convolutions() -> None:
    model = network(Stage(filters=4), Stage(filters=4, residual=True))
    for layer in model.layers[4:]:
        if isinstance(layer, layers.Conv2D):
            layer.kernel.assign(np.zeros(layer.kernel.shape))
    add = next(place for place, layer in enumerate(model.layers) if isinstance(layer, layers.Add))
    parts = keras.Model(model.inputs, [model.layers[3].output, model.layers[add + 1].output])
    before, after = parts(np.random.default_rng(0).random((2, *SHAPE), np.float32) * 255)
    np.testing.assert_array_equal(before, after)


def test_average_pooling_gives_one_value_per_channel_then_dropout() -> None:
    model = network(Stage(filters=4), pooling="average", head_dropout=0.5, batch_norm="none")
    assert kinds(model)[-3:] == ["GlobalAveragePooling2D", "Dropout", "Dense"]
    assert model.layers[-1].kernel.shape == (4, 10)


@pytest.mark.parametrize("place", ["none", "before_activation", "after_activation"])
def test_the_cost_of_residual_stages_is_that_of_keras(place: Any) -> None:
    stages = Stage(filters=6), Stage(filters=6, residual=True, repeat=2), Stage(filters=9, kernel=5, stride=2)
    last = Stage(filters=7, residual=True, stride=2, repeat=2, pool="max")
    assert_cost_is_that_of_keras(
        Cnn(stages=(*stages, last), pooling="average", head=(5,), batch_norm=place, width=1.5)
    )


def test_a_repeated_stage_strides_first_and_drops_last() -> None:
    model = network(Stage(filters=4, stride=2, repeat=3, pool="max", dropout=0.1))
    strides = [layer.strides for layer in model.layers if isinstance(layer, layers.Conv2D)]
    assert strides == [(2, 2), (1, 1), (1, 1)]
    assert kinds(model)[4:] == ["Conv2D", "Activation", "MaxPooling2D", "Dropout", "Flatten", "Dense"]


def test_a_repeated_stage_costs_as_much_as_separate_stages() -> None:
    repeated = Cnn(stages=(Stage(filters=8, stride=2, repeat=2),), head=(9,), batch_norm="after_activation")
    written = Cnn(
        stages=(Stage(filters=8, stride=2), Stage(filters=8)), head=(9,), batch_norm="after_activation"
    )
    assert cost(repeated, SHAPE, 10) == cost(written, SHAPE, 10)
    assert_cost_is_that_of_keras(repeated)


def test_width_widens_filters_and_dense_layers() -> None:
    narrow = Cnn(stages=(Stage(filters=8), Stage(filters=5)), head=(9,), width=0.5)
    assert cost(narrow, SHAPE, 10) == cost(
        Cnn(stages=(Stage(filters=4), Stage(filters=2)), head=(4,)), SHAPE, 10
    )
    assert_cost_is_that_of_keras(narrow)


def test_costs_are_those_counted_by_hand() -> None:
    spec = Cnn(stages=(Stage(filters=8, kernel=5, pool="max"), Stage(filters=4, stride=2)), head=(6,))
    parameters = (25 * 8 + 8) + (9 * 8 * 4 + 4) + (7 * 7 * 4 * 6 + 6) + (6 * 10 + 10)
    multiply_adds = 28 * 28 * 25 * 8 + 7 * 7 * 9 * 8 * 4 + 7 * 7 * 4 * 6 + 6 * 10
    assert cost(spec, SHAPE, 10) == (parameters, multiply_adds)


@pytest.mark.parametrize("place", ["none", "before_activation", "after_activation"])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_parameters_are_those_that_keras_counts(place: Any, padding: Any) -> None:
    stages = (
        Stage(filters=6, kernel=4, stride=3, padding=padding),
        Stage(filters=5, pool="average", batch_norm="after_activation"),
    )
    assert_cost_is_that_of_keras(Cnn(stages=stages, head=(9, 7), batch_norm=place))


@pytest.mark.parametrize("name", ["default", "quick", "lenet-plain", "lenet-regularized"])
def test_the_cost_of_a_shipped_network_is_that_of_keras(name: str) -> None:
    for spec in load(name).models.values():
        assert isinstance(spec, Cnn)
        assert_cost_is_that_of_keras(spec)


def assert_cost_is_that_of_keras(spec: Cnn) -> None:
    model = build_cnn(spec, SHAPE, 10)
    multiply_adds = sum(
        int(np.prod(layer.kernel.shape)) * int(np.prod(layer.output.shape[1:-1]))
        for layer in model.layers
        if isinstance(layer, layers.Conv2D | layers.Dense)
    )
    trainable = sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)
    assert cost(spec, SHAPE, 10) == (trainable, multiply_adds)
