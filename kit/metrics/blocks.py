"""A metric in blocks of rows, to separate the variance between rows from that between trainings."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from kit.lazy import LazyModule

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kit.metrics.metric import Labels, Metric, Probabilities
else:
    np = LazyModule("numpy")

BLOCKS = 20
"""More blocks estimate the variance little better, and a study stores a number per block and training."""


def deal_blocks(units: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return (rows,) int64: the block of each row, from 0 to BLOCKS - 1, the same for the same rows.

    Args:
        units: (rows,) rows with the same number get the same block: copies of an image, or a group.
    """
    _, index = np.unique(units, return_inverse=True)
    count = int(index.max()) + 1
    return (np.random.default_rng(0).permutation(count) % BLOCKS)[index]


def block_losses(
    metric: Metric, probs: Probabilities, labels: Labels, blocks: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return (BLOCKS,) float64: the pseudo-values of the metric's loss, whose mean is the loss.

    A pseudo-value is what one block adds to the loss, also of a metric that is no mean over rows: J. W. Tukey
    (1958), Bias and confidence in not-quite large samples, Ann. Math. Stat. 29, 614. A block without rows, or
    without which the metric has no value, gets the loss.

    Args:
        metric: the metric.
        probs: (rows, classes) probabilities.
        labels: (rows,) from 0 to classes - 1.
        blocks: (rows,) as `deal_blocks` returns them.
    """
    loss = metric.loss(metric.value(probs, labels))
    others = np.full(BLOCKS, loss)
    for block in range(BLOCKS):
        kept = blocks != block
        if kept.any():
            value = metric.value(probs[kept], labels[kept])
            others[block] = metric.loss(value) if math.isfinite(value) else loss
    pseudo = BLOCKS * loss - (BLOCKS - 1) * others
    return np.asarray(pseudo + (loss - pseudo.mean()), np.float64)
