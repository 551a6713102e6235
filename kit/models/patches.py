"""Convolution as one matrix product, for backends that compute the gradient of a convolution slowly."""

from typing import Any

import keras
from keras import ops


class PatchConvolution(keras.layers.Conv2D):  # type: ignore[misc]  # Keras ships no types
    """`keras.layers.Conv2D` for channels last, computed as patches times kernel (im2col).

    K. Chellapilla, S. Puri and P. Simard (2006), High performance convolutional neural networks for document
    processing. Variables are the same, values are equal up to rounding.
    """

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """Return (batch, height, width, filters) for (batch, height, width, channels)."""
        tall, wide, channels, filters = kernel.shape
        down, above_below = _taps(inputs.shape[1], tall, self.strides[0], same=self.padding == "same")
        across, left_right = _taps(inputs.shape[2], wide, self.strides[1], same=self.padding == "same")
        framed = ops.pad(inputs, ((0, 0), above_below, left_right, (0, 0)))
        patches = ops.concatenate([framed[:, rows, columns] for rows in down for columns in across], axis=-1)
        return ops.matmul(patches, ops.reshape(kernel, (tall * wide * channels, filters)))


def _taps(size: int, taps: int, stride: int, *, same: bool) -> tuple[list[slice], tuple[int, int]]:
    """Return the pixels that each weight meets along one axis, and the number of zeros before and after."""
    places = -(-size // stride) if same else (size - taps) // stride + 1
    zeros = max((places - 1) * stride + taps - size, 0) if same else 0
    last = (places - 1) * stride + 1
    return [slice(tap, tap + last, stride) for tap in range(taps)], (zeros // 2, zeros - zeros // 2)
