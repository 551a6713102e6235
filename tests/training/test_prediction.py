from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from kit.models.augmentation import VIEWS
from kit.training import prediction


class Identity:
    """An engine whose logits peak at the grey value of an image."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def epoch(self, order: NDArray[np.int32], on_steps: Callable[[int], None]) -> tuple[float, float]:
        raise NotImplementedError

    def logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.batches.append(len(images))
        return np.eye(256, dtype=np.float32)[images[:, 0, 0, 0]] * 50


@pytest.mark.parametrize("rows", [1, 9, 10, 11, 25, 30])
def test_predictions_are_in_the_order_of_the_rows(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prediction, "PREDICTION_BATCH", 10)
    images = np.repeat(np.arange(rows, dtype=np.uint8), 4).reshape(rows, 2, 2, 1)
    engine = Identity()
    probs = prediction.predict(engine, images)
    assert probs.argmax(axis=1).tolist() == list(range(rows))
    np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-6)
    # One size, so that the step is compiled once.
    assert set(engine.batches) == {min(rows, 10)}


@pytest.mark.parametrize("rows", [[], [7], [3, 1, 2], [*range(29, -1, -1)], [*range(0, 30, 2)]])
def test_only_the_chosen_rows_are_predicted(rows: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prediction, "PREDICTION_BATCH", 10)
    images = np.repeat(np.arange(30, dtype=np.uint8), 4).reshape(30, 2, 2, 1)
    probs = prediction.predict(Identity(), images, rows=np.array(rows, np.int64))
    assert probs.argmax(axis=1).tolist() == rows


def test_the_mean_over_views_weights_each_view_equally(monkeypatch: pytest.MonkeyPatch) -> None:
    changes = []

    def view(images: NDArray[np.uint8], change: dict[str, float]) -> NDArray[np.uint8]:
        changes.append(change)
        return np.full_like(images, 9)

    monkeypatch.setattr(prediction, "view", view)
    images = np.repeat(np.arange(3, dtype=np.uint8), 4).reshape(3, 2, 2, 1)
    plain = prediction.predict(Identity(), images)
    mean = prediction.predict_views(Identity(), images, plain, VIEWS)
    assert changes == list(VIEWS)
    np.testing.assert_allclose(mean[[0, 1, 2], [0, 1, 2]], 1 / 7, atol=1e-6)
    np.testing.assert_allclose(mean[:, 9], 6 / 7, atol=1e-6)


def test_every_row_is_reported_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prediction, "PREDICTION_BATCH", 10)
    reported: list[int] = []
    prediction.predict(Identity(), np.zeros((25, 2, 2, 1), np.uint8), on_rows=reported.append)
    assert reported == [10, 10, 5]


def test_huge_logits_do_not_overflow() -> None:
    class Huge(Identity):
        def logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
            return np.tile(np.array([1e4, -1e4, 1e4], np.float32), (len(images), 1))

    np.testing.assert_array_equal(
        prediction.predict(Huge(), np.zeros((2, 1, 1), np.uint8)), [[0.5, 0, 0.5]] * 2
    )
