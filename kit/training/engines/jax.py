"""JAX: an epoch is a scan over the state of model and optimiser."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from kit.models.layers import Layers
from kit.models.patches import PatchConvolution
from kit.training.engines.base import TrainingState, batch_accuracy


def layers(policy: str) -> Layers:
    """Return the layers that JAX trains fastest on this machine.

    On a CPU, XLA computes the gradients of a convolution without a library.

    Args:
        policy: Keras's dtype policy.
    """
    return Layers(policy, convolution=PatchConvolution) if jax.default_backend() == "cpu" else Layers(policy)


class JaxEngine:
    """See `Engine`."""

    def __init__(self, state: TrainingState) -> None:
        self.state, self.model, self.optimizer = state, state.model, state.optimizer
        self._epoch, self._logits = jax.jit(self.steps, donate_argnums=0), jax.jit(self._forward)

    @cached_property
    def images(self) -> Any:
        """(rows, height, width, channels) uint8, on the device."""
        return jax.numpy.asarray(self.state.images)

    @cached_property
    def targets(self) -> Any:
        """(rows, classes) float32, on the device."""
        return jax.numpy.asarray(self.state.targets)

    def _variables(self) -> tuple[list[Any], list[Any], list[Any]]:
        return self.model.trainable_variables, self.model.non_trainable_variables, self.optimizer.variables

    def values(self) -> list[list[Any]]:
        """Return the values of all variables: trainable ones, others, and those of the optimiser."""
        return [[variable.value for variable in part] for part in self._variables()]

    def assign(self, state: Sequence[Sequence[Any]]) -> None:
        """Set what `values` returns."""
        for part, values in zip(self._variables(), state, strict=True):
            for variable, value in zip(part, values, strict=True):
                variable.assign(value)

    def epoch(self, order: NDArray[np.int32], on_steps: Callable[[int], None]) -> tuple[float, float]:
        """See `Engine`. One report per epoch: a scan of another length would be compiled again."""
        state, losses, accuracies = self._epoch(self.values(), self.images, self.targets, order)
        self.assign(state)
        means = float(losses.mean()), float(accuracies.mean())
        on_steps(len(order))
        return means

    def logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `Engine`."""
        trainable, others, _ = self.values()
        return np.asarray(self._logits(trainable, others, images))

    def share(self, other: "JaxEngine") -> None:
        """Use the compiled predictions and the images of an engine with the same architecture and images."""
        self.images, self._logits = other.images, other._logits

    def steps(self, state: Any, images: Any, targets: Any, order: Any) -> tuple[Any, Any, Any]:
        """Return the state after training on `order`, and loss and accuracy of each step; a pure function."""

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


class JaxProgram:
    """Trains epochs of several networks with the same architecture and settings at once (`jax.vmap`).

    Args:
        engines: of the networks.
        places: networks that the program trains, at least as many as engines. The first one of those that are
            left also fills the free places: so the numbers of a network do not depend on how many there are.
    """

    def __init__(self, engines: Sequence[JaxEngine], places: int) -> None:
        first, *others = engines
        for one in others:
            one.share(first)
        self._images, self._places = first.images, places
        self._epoch = jax.jit(jax.vmap(first.steps, in_axes=(0, None, 0, 0)), donate_argnums=0)

    def epoch(
        self, engines: Sequence[JaxEngine], orders: Sequence[NDArray[np.int32]]
    ) -> list[tuple[float, float]]:
        """Train each network on its order; return mean loss (with L2) and accuracy of each.

        Args:
            engines: some of the program's.
            orders: (steps, batch) each, of equal shape; see `Engine.epoch`.
        """
        chosen = [*range(len(engines)), *[0] * (self._places - len(engines))]
        states, targets = (
            jax.tree.map(lambda *values: jax.numpy.stack(values), *parts)
            for parts in zip(*((engines[one].values(), engines[one].targets) for one in chosen), strict=True)
        )
        order = np.stack([orders[one] for one in chosen])
        states, losses, accuracies = self._epoch(states, self._images, targets, order)
        for place, engine in enumerate(engines):
            engine.assign(jax.tree.map(lambda values: values[place], states))  # noqa: B023 - called at once
        return [
            (float(losses[place].mean()), float(accuracies[place].mean())) for place in range(len(engines))
        ]
