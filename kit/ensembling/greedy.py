"""Ensemble selection: add columns one by one, with replacement, each time the one that helps most.

Source: R. Caruana, A. Niculescu-Mizil, G. Crew and A. Ksikes (2004), Ensemble selection from libraries of
models, ICML: selection with replacement, sorted initialisation, bagging. A difference: their bags are
random subsets of the models; here they are random halves of the rows. A subset of few columns may hold only
poor ones, and copies of a column would change it. And a restriction: every addition lowers the log loss, and
columns that raise it are left out at the end. Without it, a column of noise gets more weight, because
accuracy depends on so few rows.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from kit.ensembling.problem import Problem, Rows
from kit.metrics import HITS

BAGS = 8
"""Selections that are averaged, each on a random half of the rows."""
ADDED = 40
"""Most columns that are added in each; the best prefix is kept."""
START = 10
"""Most columns, those of the lowest log loss, that a selection starts with."""
CANDIDATES = 8
"""Columns that are tried at each step: those whose addition lowers the log loss fastest (its derivative).

Trying all of 100 columns would be twelve times the work.
"""


def fit_greedy(problem: Problem, rows: Rows) -> NDArray[np.float64]:
    """Return (columns,) weights with sum 1 that optimise the metric of the weighted mean, ties by log loss.

    Args:
        problem: the columns.
        rows: to fit on.
    """
    with ThreadPoolExecutor(2) as pool:
        each = list(pool.map(lambda bag: _bag(problem, rows, bag), range(BAGS)))
    return np.asarray(np.mean(each, axis=0))


def _bag(problem: Problem, rows: Rows, seed: int) -> NDArray[np.float64]:
    half = np.random.default_rng(seed).choice(rows, (len(rows) + 1) // 2, replace=False)
    counts = _Selection(problem, np.sort(half)).best()
    return np.asarray(counts / counts.sum())


@dataclass(frozen=True, eq=False)
class _Total:
    """Sums of the added columns.

    Attributes:
        of_label: (rows,) probabilities of the labels.
        probs: (classes, rows that the metric needs) probabilities.
        size: number of columns.
    """

    of_label: NDArray[np.float64]
    probs: NDArray[np.float32]
    size: int

    @property
    def log_loss(self) -> float:
        """Log loss of the mean."""
        return -float(np.log(self.of_label / self.size).mean())


class _Selection:
    """One selection on some rows."""

    def __init__(self, problem: Problem, rows: Rows) -> None:
        self._columns, self._metric = problem.columns, problem.metric
        self._of_label = problem.of_label[rows]
        self._needed = rows[problem.is_decisive[rows]]
        self._labels, self._at = problem.labels[self._needed], np.arange(len(self._needed))
        self._parts: dict[int, NDArray[np.float32]] = {}

    def best(self) -> NDArray[np.float64]:
        """Return (columns,) how often each column was added, until the metric was best.

        Columns are left out afterwards if that lowers the log loss: the start may hold some.
        """
        counts = np.zeros(len(self._columns))
        found, kept = (np.inf, np.inf), counts
        for index, score in self._additions():
            counts[index] += 1
            if score < found:
                found, kept = score, counts.copy()
        return self._pruned(kept)

    def _pruned(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        loss = self._log_loss(counts)
        while np.count_nonzero(counts) > 1:
            added = np.flatnonzero(counts).tolist()
            fewer = [np.where(np.arange(len(counts)) == index, 0, counts) for index in added]
            losses = [self._log_loss(one) for one in fewer]
            if min(losses) >= loss:
                break
            loss, counts = min(losses), fewer[int(np.argmin(losses))]
        return counts

    def _log_loss(self, counts: NDArray[np.float64]) -> float:
        """Return the log loss of the mean of columns that were added so many times."""
        return -float(np.log(self._of_label @ counts / counts.sum()).mean())

    def _additions(self) -> Iterator[tuple[int, tuple[float, float]]]:
        """Yield each added column, and metric and log loss of the ensemble that it makes."""
        order = np.argsort(-np.log(self._of_label).mean(axis=0), kind="stable")[:START].tolist()
        prefixes = list(accumulate(order, self._plus, initial=self._empty()))[1:]
        size = min(range(len(prefixes)), key=lambda at: prefixes[at].log_loss) + 1
        for index, total in zip(order[:size], prefixes[:size], strict=True):
            yield index, self._score(total)
        total = prefixes[size - 1]
        for _ in range(ADDED):
            gains = (1 / total.of_label) @ self._of_label
            tried = np.sort(np.argsort(-gains, kind="stable")[:CANDIDATES]).tolist()
            added = [(index, self._plus(total, index)) for index in tried]
            better = [(self._score(one), index) for index, one in added if one.log_loss < total.log_loss]
            if not better:
                break
            score, index = min(better)
            total = self._plus(total, index)
            yield index, score

    def _empty(self) -> _Total:
        classes = self._columns[0].oof.shape[1]
        return _Total(np.zeros(len(self._of_label)), np.zeros((classes, len(self._needed)), np.float32), 0)

    def _plus(self, total: _Total, index: int) -> _Total:
        if index not in self._parts:
            self._parts[index] = np.ascontiguousarray(self._columns[index].oof[self._needed].T)
        return _Total(
            total.of_label + self._of_label[:, index], total.probs + self._parts[index], total.size + 1
        )

    def _score(self, total: _Total) -> tuple[float, float]:
        """Return the metric as a loss, infinite where it is not defined, and the log loss."""
        if self._metric is HITS:
            # A tie is an error, whichever the order of the classes. Ten times as fast as argmax.
            of_label = total.probs[self._labels, self._at]
            return float(np.sum((total.probs >= of_label).sum(axis=0, dtype=np.int16) > 1)), total.log_loss
        loss = self._metric.loss(self._metric.value(total.probs.T / total.size, self._labels))
        return (loss if np.isfinite(loss) else np.inf), total.log_loss
