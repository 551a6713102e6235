"""The optimiser of a configuration, and the moving average of the weights."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from kit.config import Training
from kit.training.muon import RELATIVE_STEP, KernelMuon


class StepRates(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]  # Keras ships no types
    """A learning rate read from a table, (steps,) float32."""

    def __init__(self, rates: NDArray[np.float32]) -> None:
        self.rates = ops.convert_to_tensor(rates)

    def __call__(self, step: Any) -> Any:
        """Return the rate of a step, counted from 0."""
        return ops.take(self.rates, ops.cast(step, "int32"))


def make_optimizer(training: Training, rates: NDArray[np.float32]) -> keras.optimizers.Optimizer:
    """Return the optimiser of `training`, with one rate per step."""
    common: dict[str, Any] = {"learning_rate": StepRates(rates)}
    if training.ema:
        common |= {"use_ema": True, "ema_momentum": training.ema}
    decay = training.weight_decay or None
    match training.optimizer:
        case "adam":
            return keras.optimizers.Adam(**common)
        case "muon":
            relative_step = training.relative_step or RELATIVE_STEP
            return KernelMuon(relative_step=relative_step / training.learning_rate, **common)
        case "adamw":
            optimizer = keras.optimizers.AdamW(weight_decay=training.weight_decay, **common)
        case "sgd":
            optimizer = keras.optimizers.SGD(
                momentum=training.momentum, nesterov=True, weight_decay=decay, **common
            )
    if decay:
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


@contextmanager
def averaged(
    optimizer: keras.optimizers.Optimizer, network: keras.Model, training: Training
) -> Iterator[None]:
    """Replace the weights by their moving average within the block, if `training` has one."""
    if not training.ema:
        yield
        return
    raw = [variable.numpy() for variable in network.trainable_variables]
    optimizer.finalize_variable_values(network.trainable_variables)
    yield
    for variable, value in zip(network.trainable_variables, raw, strict=True):
        variable.assign(value)
