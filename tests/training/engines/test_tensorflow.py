from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from kit.training.engines.tensorflow import ByteDropout, FusedBatchNormalization

SHAPES = [(6, 5, 4, 3), (6, 3)]


def batch(shape: tuple[int, ...]) -> NDArray[np.float32]:
    return np.random.default_rng(0).normal(3, 2, shape).astype(np.float32)


def both(shape: tuple[int, ...], **also: Any) -> tuple[Any, Any]:
    """Return Keras's batch norm and the fused one, with the same uncommon weights."""
    made = []
    for kind in (keras.layers.BatchNormalization, FusedBatchNormalization):
        norm = kind(momentum=0.9, **also)
        norm.build((None, *shape[1:]))
        weights = np.random.default_rng(1).uniform(0.5, 2, (4, 3))
        norm.set_weights(list(weights))
        made.append(norm)
    return made[0], made[1]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("training", [True, False])
def test_fused_batch_norm_computes_the_same_as_keras(shape: tuple[int, ...], training: bool) -> None:
    kerases, fused = both(shape)
    expected = kerases(batch(shape), training=training)
    np.testing.assert_allclose(fused(batch(shape), training=training), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_fused_batch_norm_has_the_moving_statistics_of_keras(shape: tuple[int, ...]) -> None:
    kerases, fused = both(shape)
    for norm in (kerases, fused):
        norm(batch(shape), training=True)
    for name in ("moving_mean", "moving_variance"):
        before = both(shape)[0]
        after = getattr(fused, name).numpy()
        np.testing.assert_allclose(after, getattr(kerases, name).numpy(), rtol=1e-5)
        assert not np.allclose(after, getattr(before, name).numpy())


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("training", [True, False])
def test_fused_batch_norm_has_the_gradients_of_keras(shape: tuple[int, ...], training: bool) -> None:
    gradients = []
    for norm in both(shape):
        inputs = tf.constant(batch(shape))
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            loss = tf.reduce_sum(tf.sin(norm(inputs, training=training)))
        gradients.append(tape.gradient(loss, [inputs, norm.gamma.value, norm.beta.value]))
    for expected, gradient in zip(*gradients, strict=True):
        np.testing.assert_allclose(gradient, expected, rtol=1e-3, atol=1e-5)


def test_fused_batch_norm_computes_in_bfloat16_with_float32_variables() -> None:
    _, fused = both(SHAPES[0], dtype="mixed_bfloat16")
    expected = both(SHAPES[0])[0](batch(SHAPES[0]), training=True)
    result = fused(tf.cast(batch(SHAPES[0]), tf.bfloat16), training=True)
    assert result.dtype == tf.bfloat16
    np.testing.assert_allclose(tf.cast(result, tf.float32), expected, atol=0.05)
    assert {weight.dtype for weight in fused.weights} == {"float32"}


def ones(rate: float, size: int = 100_001, **also: Any) -> NDArray[np.float32]:
    keras.utils.set_random_seed(0)
    return np.asarray(ByteDropout(rate)(np.ones((size,), np.float32), **also))


@pytest.mark.parametrize("rate", [0.05, 0.25, 0.5, 0.9])
def test_dropout_has_its_rate_and_keeps_the_mean(rate: float) -> None:
    result = ones(rate, training=True)
    assert result.shape == (100_001,)
    # The rate is a multiple of 1/256; four standard errors of a share.
    assert (result == 0).mean() == pytest.approx(round(rate * 256) / 256, abs=4 * 0.5 / np.sqrt(100_000))
    assert result.mean() == pytest.approx(1, abs=0.04)
    assert len(np.unique(result)) == 2


def test_dropout_is_independent_between_values() -> None:
    dropped = ones(0.5, training=True) == 0
    for distance in (1, 2, 3, 4):
        correlation = np.corrcoef(dropped[:-distance], dropped[distance:])[0, 1]
        assert abs(correlation) < 4 / np.sqrt(100_000)


def test_each_call_of_dropout_draws_new_values() -> None:
    layer, inputs = ByteDropout(0.5), np.ones((64, 3, 3, 2), np.float32)
    first, second = np.asarray(layer(inputs, training=True)), np.asarray(layer(inputs, training=True))
    assert first.shape == inputs.shape
    assert (first != second).mean() == pytest.approx(0.5, abs=0.1)


def test_dropout_is_reproducible_by_the_global_seed() -> None:
    np.testing.assert_array_equal(ones(0.5, training=True), ones(0.5, training=True))


def test_dropout_is_the_identity_at_evaluation() -> None:
    assert (ones(0.5, training=False) == 1).all()


@pytest.mark.parametrize("rate", [0.0, 0.001])
def test_a_rate_below_half_a_256th_drops_nothing(rate: float) -> None:
    assert (ones(rate, training=True) == 1).all()


def test_a_rate_close_to_one_keeps_something() -> None:
    assert 0 < (ones(0.999, training=True) > 0).mean() < 0.01


def test_dropout_keeps_bfloat16() -> None:
    result = ByteDropout(0.5, dtype="mixed_bfloat16")(tf.ones((8,), tf.bfloat16), training=True)
    assert result.dtype == tf.bfloat16
