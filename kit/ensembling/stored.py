"""Apply the rule of ensemble.json to predictions of new images."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from kit.ensembling.calibration import scaled
from kit.ensembling.methods import POOLS
from kit.ensembling.rules import LINEAR, LOGITS, Probabilities, Rule
from kit.metrics.classification import EPSILON
from kit.records import EnsembleRecord

Columns = Mapping[str, NDArray[np.floating]]
"""(rows, classes) by the column's key in `EnsembleRecord.weights`."""


def used_columns(record: EnsembleRecord) -> list[str]:
    """Return the keys of the columns that the rule needs: those with a weight other than 0."""
    return [key for key, weight in record.weights.items() if weight]


def apply(
    record: EnsembleRecord, columns: Columns, test: Callable[[str], NDArray[np.floating]]
) -> Probabilities:
    """Return the combination of the predictions of new images, (rows, classes) float64.

    Args:
        record: ensemble.json.
        columns: the predictions of `used_columns`, not calibrated.
        test: returns the test predictions of a column, (test rows, classes), not calibrated. `rank` needs
            them: a new image has the rank that it would have among the test images.
    """
    keys = used_columns(record)
    weights = np.array([record.weights[key] for key in keys])
    parts = [_calibrated(columns[key], record, key) for key in keys]
    if record.method == "rank":
        return _by_rank(weights, parts, [_calibrated(test(key), record, key) for key in keys])
    if record.method == "stack" and record.intercepts:
        return Rule(LOGITS, weights, np.array(record.intercepts)).apply(parts)
    pool = POOLS.get(record.method, LINEAR)
    # `vote` counts columns: the stored weights have the sum 1.
    return Rule(pool, weights * len(keys), np.zeros(parts[0].shape[1])).apply(parts)


def _calibrated(probs: NDArray[np.floating], record: EnsembleRecord, key: str) -> NDArray[np.floating]:
    temperature = record.temperatures.get(key, 1.0)
    return probs if temperature == 1 else scaled(probs, temperature)


def _by_rank(
    weights: NDArray[np.float64], parts: list[NDArray[np.floating]], tests: list[NDArray[np.floating]]
) -> Probabilities:
    """Return what `kit.ensembling.rules.RANKS` gives a row of these probabilities among the test rows."""
    ranks, quantiles = np.zeros(parts[0].shape), np.zeros(tests[0].shape)
    for weight, part, test in zip(weights / weights.sum(), parts, tests, strict=True):
        ordered = np.sort(test.astype(np.float64), axis=0)
        quantiles += weight * ordered
        for at, own in enumerate(part.T):
            below, upto = (np.searchsorted(ordered[:, at], own, side) for side in ("left", "right"))
            ranks[:, at] += weight * (below + upto - 1) / 2
    places = np.arange(len(quantiles))
    probs = [np.interp(own, places, values) for own, values in zip(ranks.T, quantiles.T, strict=True)]
    kept = np.maximum(np.stack(probs, axis=1), EPSILON)
    return np.asarray(kept / kept.sum(axis=1, keepdims=True))
