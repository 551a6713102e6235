"""Deterministic kernels and random numbers: the same seed gives the same result."""

from collections.abc import Sequence

import keras
import numpy as np
from numpy.typing import NDArray


def make_deterministic() -> None:
    """Make every operation of Keras's backend choose a deterministic kernel.

    `kit.training.launch.local` sets what has to be set before a backend is imported.
    """
    match keras.backend.backend():
        case "tensorflow":
            import tensorflow as tf

            tf.config.experimental.enable_op_determinism()
        case "torch":
            import torch

            torch.use_deterministic_algorithms(True, warn_only=True)


def random_state() -> list[NDArray[np.uint8]]:
    """Return the state of random numbers that no variable of a model holds.

    Only PyTorch has such numbers: Keras's dropout draws them there. One array for the CPU, one for the GPU.
    """
    if keras.backend.backend() != "torch":
        return []
    import torch

    states = [torch.get_rng_state(), *([torch.cuda.get_rng_state()] if torch.cuda.is_available() else [])]
    return [state.numpy() for state in states]


def set_random_state(states: Sequence[NDArray[np.uint8]]) -> None:
    """Set what `random_state` returned, on a machine with the same devices."""
    if keras.backend.backend() != "torch":
        return
    import torch

    for state, put in zip(states, (torch.set_rng_state, torch.cuda.set_rng_state), strict=False):
        put(torch.from_numpy(state))
