"""Training loops, one per Keras backend."""

import keras

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
