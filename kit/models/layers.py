"""The layers that a network is built from where backends and precisions differ."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras


@dataclass(frozen=True)
class Layers:
    """Layer types and their precision; the defaults are plain Keras in float32, which any backend can load.

    Attributes:
        policy: Keras's dtype policy of every layer but the last.
        batch_norm: creates a batch normalisation, called as `keras.layers.BatchNormalization` is.
        dropout: creates a dropout layer, called as `keras.layers.Dropout` is.
        convolution: creates a convolution, called as `keras.layers.Conv2D` is.
    """

    policy: str = "float32"
    batch_norm: Callable[..., Any] = keras.layers.BatchNormalization
    dropout: Callable[..., Any] = keras.layers.Dropout
    convolution: Callable[..., Any] = keras.layers.Conv2D


PLAIN = Layers()
