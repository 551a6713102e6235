from typing import Any

import keras
import numpy as np
import pytest

from kit.config import Training
from kit.training.optimizers import averaged, make_optimizer


def small_network(training: Training) -> tuple[keras.Model, keras.optimizers.Optimizer]:
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.set_weights([np.array([[1.0]])])
    optimizer = make_optimizer(training, np.full(10, 0.1, np.float32))
    optimizer.build(model.trainable_variables)
    return model, optimizer


def step(model: keras.Model, optimizer: keras.optimizers.Optimizer, gradient: float) -> float:
    optimizer.apply([keras.ops.convert_to_tensor([[gradient]])], model.trainable_variables)
    return float(model.get_weights()[0][0, 0])


def test_the_average_replaces_the_weights_within_the_block() -> None:
    training = Training(optimizer="sgd", momentum=0.0, ema=0.75)
    model, optimizer = small_network(training)
    raw = [step(model, optimizer, 1.0) for _ in range(3)]
    assert raw == pytest.approx([0.9, 0.8, 0.7])
    average = 0.75 * (0.75 * 0.9 + 0.25 * 0.8) + 0.25 * 0.7
    with averaged(optimizer, model, training):
        assert model.get_weights()[0][0, 0] == pytest.approx(average)
    assert model.get_weights()[0][0, 0] == pytest.approx(0.7)


def test_without_an_average_the_weights_stay() -> None:
    training = Training(optimizer="sgd")
    model, optimizer = small_network(training)
    with averaged(optimizer, model, training):
        assert model.get_weights()[0][0, 0] == 1.0


def test_each_step_uses_its_own_rate() -> None:
    model, _ = small_network(Training())
    optimizer = make_optimizer(
        Training(optimizer="sgd", momentum=0.0), np.array([0.1, 0.02, 0.3], np.float32)
    )
    optimizer.build(model.trainable_variables)
    weights = [step(model, optimizer, 1.0) for _ in range(3)]
    assert weights == pytest.approx([0.9, 0.88, 0.58])


@pytest.mark.parametrize(
    ("name", "kind"),
    [("adam", "Adam"), ("adamw", "AdamW"), ("sgd", "SGD"), ("muon", "KernelMuon")],
)
def test_the_optimizer_is_the_configured_one(name: Any, kind: str) -> None:
    optimizer = make_optimizer(Training(optimizer=name), np.ones(1, np.float32))
    assert type(optimizer).__name__ == kind
    assert not getattr(optimizer, "weight_decay", None)


@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_weight_decay_leaves_out_biases_and_batch_norm(name: Any) -> None:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2), keras.layers.BatchNormalization()])
    model.set_weights([np.ones_like(weight) for weight in model.get_weights()])
    optimizer = make_optimizer(Training(optimizer=name, weight_decay=0.5), np.full(1, 0.1, np.float32))
    optimizer.build(model.trainable_variables)
    still = [keras.ops.zeros_like(variable) for variable in model.trainable_variables]
    optimizer.apply(still, model.trainable_variables)
    changed = {variable.name for variable in model.trainable_variables if not np.all(variable.numpy() == 1)}
    assert changed == {"kernel"}
    np.testing.assert_allclose(model.layers[0].kernel.numpy(), 0.95, rtol=1e-6)
