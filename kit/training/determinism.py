"""Deterministic kernels: the same seed gives the same result."""

import keras


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
