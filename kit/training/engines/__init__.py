"""Training loops, one per Keras backend, and the layers that each trains fastest."""

import keras

from kit.models.layers import Layers
from kit.training.engines.base import Engine, TrainingState


def make_engine(state: TrainingState) -> Engine:
    """Return the engine for the current Keras backend."""
    match keras.backend.backend():
        case "tensorflow":
            from kit.training.engines.tensorflow import TensorFlowEngine

            return TensorFlowEngine(state)
        case "jax":
            from kit.training.engines.jax import JaxEngine

            return JaxEngine(state)
        case _:
            from kit.training.engines.torch import TorchEngine

            return TorchEngine(state)


def engine_layers(policy: str) -> Layers:
    """Return the layers of a network in training, for the current Keras backend.

    Args:
        policy: Keras's dtype policy.
    """
    match keras.backend.backend():
        case "tensorflow":
            from kit.training.engines.tensorflow import ByteDropout, FusedBatchNormalization

            return Layers(policy, FusedBatchNormalization, ByteDropout)
        case "jax":
            from kit.training.engines.jax import layers

            return layers(policy)
        case _:
            return Layers(policy)
