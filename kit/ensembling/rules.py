"""How columns are combined once the weights are known.

Every rule is a weighted sum over columns of transformed probabilities, and a last step that makes
probabilities of it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kit.metrics.classification import EPSILON

Probabilities = NDArray[np.float64]


class Pool(NamedTuple):
    """A family of rules.

    Attributes:
        transform: takes (rows, classes) probabilities of one column; returns any array.
        finish: takes the weighted sum of these arrays, the sum of the weights, and the intercepts (classes,);
            returns (rows, classes) float64.
    """

    transform: Callable[[NDArray[np.floating]], NDArray[np.float64]]
    finish: Callable[[NDArray[np.float64], float, NDArray[np.float64]], Probabilities]


@dataclass(frozen=True, eq=False)
class Rule:
    """A pool with its weights.

    Attributes:
        pool: the family.
        weights: (columns,) float64.
        intercepts: (classes,) float64, added to the log-probabilities of `LOGITS`; zeros in other pools.
    """

    pool: Pool
    weights: NDArray[np.float64]
    intercepts: NDArray[np.float64]

    def apply(self, parts: Sequence[NDArray[np.floating]]) -> Probabilities:
        """Return the combination, (rows, classes), of each column's probabilities of the same rows."""
        return self.pool.finish(self.total(parts), float(self.weights.sum()), self.intercepts)

    def total(self, parts: Sequence[NDArray[np.floating]]) -> NDArray[np.float64]:
        """Return the weighted sum of the transformed probabilities."""
        total: NDArray[np.float64] | float = 0.0
        for weight, part in zip(self.weights.tolist(), parts, strict=True):
            if weight:
                total = total + weight * self.pool.transform(part)
        return np.asarray(total)


def softmax(logits: NDArray[np.float64]) -> Probabilities:
    """Return (rows, classes) probabilities of logits."""
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def log_probabilities(probs: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the logarithm, of EPSILON where a probability is smaller."""
    return np.asarray(np.log(np.maximum(probs, EPSILON, dtype=np.float64)))


def _as_float64(probs: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.asarray(probs, np.float64)


def _votes(probs: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return (2, rows, classes): one vote per row, and the probabilities, which break ties.

    Classes with equal probabilities share the vote.
    """
    votes = probs == probs.max(axis=1, keepdims=True)
    return np.stack([votes / votes.sum(axis=1, keepdims=True), probs])


def _ranks(probs: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return (2, rows, classes): the rank of each row in each class, from 0, and the sorted probabilities."""
    both = np.empty((2, *probs.shape))
    for at, own in enumerate(np.ascontiguousarray(probs.T)):
        # scipy.stats.rankdata gives the same, and takes four times as long.
        order = np.argsort(own)
        values = own[order]
        starts = np.flatnonzero(np.diff(values, prepend=-1))
        lengths = np.diff(starts, append=len(values))
        both[0, order, at] = np.repeat(starts + (lengths - 1) / 2, lengths)
        both[1, :, at] = values
    return both


def _values_of_ranks(
    total: NDArray[np.float64],
    weight: float,
    intercepts: NDArray[np.float64],  # noqa: ARG001 - a Pool's signature
) -> Probabilities:
    """Return the mean probability that has a row's mean rank, class by class, normalised per row."""
    ranks, values = total / weight
    positions = np.arange(len(ranks))
    probs = [np.interp(own, positions, quantiles) for own, quantiles in zip(ranks.T, values.T, strict=True)]
    kept = np.maximum(np.stack(probs, axis=1), EPSILON)
    return np.asarray(kept / kept.sum(axis=1, keepdims=True))


LINEAR = Pool(_as_float64, lambda total, weight, _: total / weight)
"""Weighted mean of the probabilities."""
GEOMETRIC = Pool(log_probabilities, lambda total, weight, _: softmax(total / weight))
"""Weighted mean of the log-probabilities, normalised per row."""
LOGITS = Pool(log_probabilities, lambda total, _, intercepts: softmax(total + intercepts))
"""Weighted sum of the log-probabilities, plus the intercepts, as logits."""
VOTES = Pool(_votes, lambda total, weight, _: (total[0] + total[1] / weight) / (weight + 1))
"""Share of votes. The mean probability counts as one more vote: it can only break ties."""
RANKS = Pool(_ranks, _values_of_ranks)
"""Mean of ranks. Each class ranks the rows; the mean rank of a row becomes the probability of that rank,
averaged over the columns (quantile normalisation, B. M. Bolstad et al., 2003, Bioinformatics 19, 185-193).
So the probabilities of a column count only by their order, and the result has the usual scale."""
