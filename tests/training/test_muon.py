from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from kit.config import Training
from kit.training.muon import orthogonal
from kit.training.optimizers import make_optimizer

RATE, RELATIVE_STEP = 0.01, 0.05


def after(
    start: NDArray[np.float32], *gradients: NDArray[np.float32], name: Any = "muon", **changes: float
) -> NDArray[np.float32]:
    """Return a weight after one step per gradient, at the peak of the schedule."""
    weight = keras.Variable(start)
    training = Training(optimizer=name, learning_rate=RATE, relative_step=RELATIVE_STEP, **changes)
    optimizer = make_optimizer(training, np.full(len(gradients), RATE, np.float32))
    optimizer.build([weight])
    for gradient in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [weight])
    return np.asarray(keras.ops.convert_to_numpy(weight))


def random(*shape: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


KERNEL, GRADIENT = random(3, 3, 8, 16), random(3, 3, 8, 16, seed=1)


def moved(*gradients: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the change of the kernel as a matrix, without the change of its norm."""
    new = after(KERNEL, *gradients).reshape(-1, 16)
    old = KERNEL.reshape(-1, 16)
    # Rescaled, so that the change is at right angles to the old kernel.
    unit = old / np.linalg.norm(old)
    return np.asarray(new * (np.linalg.norm(old) / (new * unit).sum()) - old)


def test_a_kernel_keeps_its_norm() -> None:
    assert np.linalg.norm(after(KERNEL, GRADIENT, GRADIENT)) == pytest.approx(
        np.linalg.norm(KERNEL), rel=1e-5
    )


@pytest.mark.parametrize("factor", [1.0, 1e-4, 1e4])
def test_the_relative_step_does_not_depend_on_the_scale_of_the_gradient(factor: float) -> None:
    # Nearly at right angles to the kernel, since both are random.
    length = np.linalg.norm(moved(factor * GRADIENT)) / np.linalg.norm(KERNEL)
    assert length == pytest.approx(RELATIVE_STEP, rel=0.02)


def test_a_step_goes_down_the_gradient() -> None:
    assert (moved(GRADIENT) * GRADIENT.reshape(-1, 16)).sum() < 0


@pytest.mark.parametrize("shape", [(72, 16), (16, 72), (16, 16)], ids=["tall", "wide", "square"])
def test_orthogonal_makes_singular_values_about_equal(shape: tuple[int, int]) -> None:
    # Mostly in one direction, as gradients are.
    steep = random(*shape) + 5 * random(shape[0], 1, seed=1) * random(1, shape[1], seed=2)
    left, values, right = np.linalg.svd(steep, full_matrices=False)
    step = np.asarray(keras.ops.convert_to_numpy(orthogonal(keras.ops.convert_to_tensor(steep))))
    inside = left.T @ step @ right.T
    assert values[0] / np.median(values) > 8
    assert np.diag(inside).min() > 0.65
    assert np.diag(inside).max() < 1.2
    assert np.abs(inside - np.diag(np.diag(inside))).max() < 1e-3


def test_the_default_step_is_0_012_of_the_norm_of_the_kernel() -> None:
    optimizer = make_optimizer(Training(optimizer="muon", learning_rate=0.003), np.full(1, 0.003, np.float32))
    assert optimizer.relative_step * 0.003 == pytest.approx(0.012)


def test_momentum_moves_a_kernel_without_a_gradient() -> None:
    still = np.zeros_like(GRADIENT)
    assert not np.allclose(after(KERNEL, GRADIENT, still), after(KERNEL, GRADIENT), atol=1e-4)


@pytest.mark.parametrize("shape", [(16,), (72, 10), (5, 5, 1, 8)], ids=["bias", "dense", "first kernel"])
def test_adam_updates_everything_but_inner_kernels(shape: tuple[int, ...]) -> None:
    start, gradients = random(*shape), [random(*shape, seed=seed) for seed in (1, 2)]
    expected = after(start, *gradients, name="adam")
    np.testing.assert_allclose(after(start, *gradients), expected, rtol=1e-4, atol=1e-6)
