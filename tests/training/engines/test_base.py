import keras
import numpy as np
import pytest

from kit.training.engines.base import TrainingState, batch_accuracy


def test_the_loss_is_the_cross_entropy() -> None:
    logits = np.log([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4]]).astype(np.float32)
    targets = np.array([[1, 0, 0], [0.25, 0, 0.75]], np.float32)
    state = TrainingState(None, None, np.zeros((2, 1, 1, 1), np.uint8), targets)
    expected = -(np.log(0.7) + 0.25 * np.log(0.3) + 0.75 * np.log(0.4)) / 2
    assert float(state.loss(keras.ops.convert_to_tensor(logits), targets)) == pytest.approx(expected)


def test_batch_accuracy_is_the_share_of_correct_rows() -> None:
    logits = np.array([[2, 1, 0], [0, 1, 2], [0, 3, 2], [1, 0, 0]], np.float32)
    targets = np.array([[1, 0, 0], [0.3, 0.2, 0.5], [0, 0, 1], [0.9, 0.1, 0]], np.float32)
    assert float(batch_accuracy(logits, targets)) == 0.75
