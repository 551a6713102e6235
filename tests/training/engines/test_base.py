import time

import keras
import numpy as np
import pytest

from kit.training.engines.base import Pace, TrainingState, batch_accuracy


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


def sizes(pace: Pace, steps: int, seconds_per_step: list[float], clock: list[float]) -> list[int]:
    """Return the lengths of the parts of an epoch whose steps take so long."""
    lengths = []
    for first, stop in pace.parts(steps):
        clock[0] += sum(seconds_per_step[first:stop])
        lengths.append(stop - first)
    return lengths


def test_parts_grow_to_a_second_although_the_first_step_compiles(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    pace = Pace()
    first = sizes(pace, 300, [5.0, *[0.015625] * 299], clock)
    assert first == [1, 1, 8, 64, 64, 64, 64, 34]
    assert sizes(pace, 300, [0.015625] * 300, clock) == [64, 64, 64, 64, 44]


def test_every_step_is_in_one_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "perf_counter", lambda: 0.0)
    parts = list(Pace().parts(1000))
    assert [first for first, _ in parts] == [0, *(stop for _, stop in parts[:-1])]
    assert parts[-1][1] == 1000
