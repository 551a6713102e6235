import keras
import numpy as np
import pytest

from kit.models.patches import PatchConvolution


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize(("kernel", "size"), [(1, (5, 5)), (3, (7, 6)), (4, (9, 8)), ((5, 2), (6, 11))])
def test_the_values_are_those_of_keras(
    kernel: int | tuple[int, int], size: tuple[int, int], stride: int, padding: str
) -> None:
    images = np.random.default_rng(0).normal(size=(3, *size, 2)).astype(np.float32)
    ours, theirs = (
        layer(4, kernel, strides=stride, padding=padding, data_format="channels_last")
        for layer in (PatchConvolution, keras.layers.Conv2D)
    )
    expected = theirs(images)
    ours.build(images.shape)
    ours.set_weights(theirs.get_weights())
    assert ours.compute_output_shape(images.shape) == expected.shape
    np.testing.assert_allclose(np.asarray(ours(images)), np.asarray(expected), atol=1e-5)
