"""One switch for the same result from the same seed."""

import keras


def make_deterministic() -> None:
    """Make every operation of Keras's backend choose a reproducible kernel.

    What has to be set before a backend is imported, `kit.training.launch.local` sets.
    """
    match keras.backend.backend():
        case "tensorflow":
            import tensorflow as tf

            tf.config.experimental.enable_op_determinism()
        case "torch":
            import torch

            torch.use_deterministic_algorithms(True, warn_only=True)
