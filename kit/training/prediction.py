"""Class probabilities of a network: plain, and with test-time augmentation."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kit.models.augmentation import view

# Rows per prediction step: larger ones gain nothing on a CPU, smaller ones are slower on a GPU.
PREDICTION_BATCH = 1000


OnRows = Callable[[int], None]


class Predictor(Protocol):
    """What predicts: an engine, or a stored network."""

    def logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return (batch, classes) for (batch, height, width, channels)."""


def _ignore(rows: int) -> None:
    del rows


def predict(
    engine: Predictor,
    images: NDArray[np.uint8],
    change: Mapping[str, float] | None = None,
    on_rows: OnRows = _ignore,
    *,
    rows: NDArray[np.integer] | None = None,
) -> NDArray[np.float32]:
    """Return class probabilities (rows, classes) of (rows, height, width, channels), after `change` if given.

    Args:
        engine: predicts logits.
        images: any number, with the height, width and channels of the network.
        change: see `kit.models.augmentation.view`.
        on_rows: called with the number of rows of each step, after it.
        rows: the images to predict; None: all. A copy of half a million images would take 0.4 GB.
    """
    count = len(images) if rows is None else len(rows)
    if not count:
        return engine.logits(np.zeros((1, *images.shape[1:]), np.uint8))[:0]
    batch = min(PREDICTION_BATCH, count)
    parts = []
    for start in range(0, count, batch):
        # Every batch has the same size (the last one overlaps the one before): one compiled step serves all.
        first = min(start, count - batch)
        chosen = slice(first, first + batch)
        part = images[chosen if rows is None else rows[chosen]]
        parts.append(engine.logits(view(part, change) if change else part)[start - first :])
        on_rows(first + batch - start)
    logits = np.concatenate(parts).astype(np.float64)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)


def predict_views(
    engine: Predictor,
    images: NDArray[np.uint8],
    plain: NDArray[np.float32],
    changes: Sequence[Mapping[str, float]],
    on_rows: OnRows = _ignore,
    *,
    rows: NDArray[np.integer] | None = None,
) -> NDArray[np.float32]:
    """Return the mean over the views of test-time augmentation, (rows, classes).

    Args:
        engine: predicts logits.
        images: (rows, height, width, channels); may be empty.
        plain: (rows, classes), the predictions of the unchanged images, which are the first view.
        changes: the other views.
        on_rows: see `predict`.
        rows: see `predict`.
    """
    if not len(plain):
        return plain
    views = [plain, *(predict(engine, images, change, on_rows, rows=rows) for change in changes)]
    return np.asarray(np.mean(views, axis=0, dtype=np.float64), np.float32)
