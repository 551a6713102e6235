"""Random changes of the pixels of training images: brightness, contrast, saturation, and a grey square."""

from typing import Any

from keras import ops

from kit.config import Augmentation

GREY = 128.0
"""Value of the pixels that cut-out hides."""
LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in grey (ITU-R BT.601)."""


def recoloured(images: Any, ranges: Augmentation, unit: Any) -> Any:
    """Return images with changed brightness, contrast and saturation, limited to 0 to 255.

    Args:
        images: (batch, height, width, channels) float32, 0 to 255.
        ranges: range of each parameter.
        unit: (3, batch) float32, uniform from -1 to 1.
    """
    # By number: a tensor of unknown size cannot be unpacked.
    brightness, contrast, saturation = (ops.reshape(unit[place], (-1, 1, 1, 1)) for place in range(3))
    if ranges.brightness:
        images = images * (1.0 + ranges.brightness * brightness)
    if ranges.contrast:
        mean = ops.mean(images, axis=(1, 2, 3), keepdims=True)
        images = mean + (images - mean) * (1.0 + ranges.contrast * contrast)
    if ranges.saturation and images.shape[-1] == len(LUMA):
        grey = ops.sum(ops.multiply(images, LUMA), axis=-1, keepdims=True)
        images = grey + (images - grey) * (1.0 + ranges.saturation * saturation)
    return ops.clip(images, 0.0, 255.0)


def with_hole(images: Any, side: float, unit: Any) -> Any:
    """Return images with a grey square around a random pixel; the part outside the image is lost.

    T. DeVries and G. W. Taylor (2017), Improved regularization of convolutional neural networks with cutout.

    Args:
        images: (batch, height, width, channels) float32, 0 to 255.
        side: of the square, as a fraction of height and width.
        unit: (2, batch) float32, uniform from -1 to 1.
    """
    height, width = images.shape[1:3]
    down = _inside(height, side, unit[0])
    across = _inside(width, side, unit[1])
    hole = ops.logical_and(ops.reshape(down, (-1, height, 1, 1)), ops.reshape(across, (-1, 1, width, 1)))
    return ops.where(hole, GREY, images)


def _inside(size: int, side: float, unit: Any) -> Any:
    """Return which pixels of an axis are in the square, (batch, size) bool."""
    length = round(side * size)
    first = ops.floor((unit + 1.0) / 2.0 * size) - length // 2
    distance = ops.arange(size, dtype="float32") - ops.expand_dims(first, -1)
    return ops.logical_and(distance >= 0, distance < length)
