"""JAX: an epoch is a scan over the state of model and optimiser."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from kit.training.engines.base import TrainingState, batch_accuracy


class JaxEngine:
    """See `Engine`."""

    def __init__(self, state: TrainingState) -> None:
        self.state, self.model, self.optimizer = state, state.model, state.optimizer
        self.images, self.targets = jax.numpy.asarray(state.images), jax.numpy.asarray(state.targets)
        self._epoch, self._logits = jax.jit(self._steps, donate_argnums=0), jax.jit(self._forward)

    def _variables(self) -> tuple[list[Any], list[Any], list[Any]]:
        return self.model.trainable_variables, self.model.non_trainable_variables, self.optimizer.variables

    def epoch(self, order: NDArray[np.int32], on_steps: Callable[[int], None]) -> tuple[float, float]:
        """See `Engine`. One report per epoch: a scan of another length would be compiled again."""
        state = [[variable.value for variable in part] for part in self._variables()]
        state, losses, accuracies = self._epoch(state, self.images, self.targets, order)
        for part, values in zip(self._variables(), state, strict=True):
            for variable, value in zip(part, values, strict=True):
                variable.assign(value)
        means = float(losses.mean()), float(accuracies.mean())
        on_steps(len(order))
        return means

    def logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `Engine`."""
        trainable, others, _ = self._variables()
        return np.asarray(
            self._logits([one.value for one in trainable], [one.value for one in others], images)
        )

    def _steps(self, state: Any, images: Any, targets: Any, order: Any) -> tuple[Any, Any, Any]:
        def objective(trainable: Any, others: Any, rows: Any) -> tuple[Any, Any]:
            logits, others, penalties = self.model.stateless_call(
                trainable, others, images[rows], training=True, return_losses=True
            )
            return self.state.loss(logits, targets[rows]) + sum(penalties), (
                others,
                batch_accuracy(logits, targets[rows]),
            )

        def step(state: Any, rows: Any) -> tuple[Any, Any]:
            trainable, others, optimizer = state
            (loss, (others, hit)), gradients = jax.value_and_grad(objective, has_aux=True)(
                trainable, others, rows
            )
            trainable, optimizer = self.optimizer.stateless_apply(optimizer, gradients, trainable)
            return [trainable, others, optimizer], (loss, hit)

        state, (losses, accuracies) = jax.lax.scan(step, state, order)
        return state, losses, accuracies

    def _forward(self, trainable: Any, others: Any, images: Any) -> Any:
        return self.model.stateless_call(trainable, others, images, training=False)[0]
