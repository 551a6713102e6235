"""Ensemble methods: combine columns into one matrix. Methods fit weights on OOF probabilities only.

A method that fits weights on labels is scored by cross-fitting: the probabilities of a fold's rows are
combined with weights that were fitted on the other folds. Test rows get the weights of all rows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from kit.config.root import FITTED_METHODS
from kit.ensembling.columns import Column
from kit.ensembling.greedy import fit_greedy
from kit.ensembling.problem import Problem, Rows
from kit.ensembling.rules import GEOMETRIC, LINEAR, LOGITS, RANKS, VOTES, Pool, Probabilities, Rule
from kit.ensembling.stack import Stack, StackFit
from kit.ensembling.weighted import fit_weights
from kit.metrics import LOSS, Metric

POOLS: dict[str, Pool] = {"mean": LINEAR, "geometric": GEOMETRIC, "rank": RANKS, "vote": VOTES}
"""Methods that fit nothing, by name: all columns have the same weight."""
METHODS = (*POOLS, *FITTED_METHODS)
AUTO = "auto"
"""`mean`, unless another method is clearly better; see `kit.ensembling.selection`."""


@dataclass(frozen=True, eq=False)
class Combined:
    """The columns of an ensemble as one matrix.

    Attributes:
        oof: (training rows, classes) float64; of a fitted method, each row with weights that were fitted
            without its fold.
        test: (test rows, classes) float64.
        weights: one per column, in the order of the columns; their sum is 1, but for `stack`, whose weights
            of log-probabilities may have any sum and sign.
        intercepts: (classes,) of `stack`; empty for other methods.
    """

    oof: NDArray[np.float64]
    test: NDArray[np.float64]
    weights: tuple[float, ...]
    intercepts: tuple[float, ...] = ()


@dataclass(frozen=True, eq=False)
class Fitted:
    """A method with its weights.

    Attributes:
        method: one of METHODS; `mean` if there is one distinct column.
        problem: the columns.
        rule: fitted on all rows.
        of_folds: for each fold, the rule that was fitted without its rows; empty if nothing was fitted.
        stack: the fits of `stack` on all rows and without each fold; empty for other methods.
    """

    method: str
    problem: Problem
    rule: Rule
    of_folds: tuple[Rule, ...] = ()
    stack: tuple[StackFit, ...] = ()

    def oof(self) -> Probabilities:
        """Return (training rows, classes): each row by the rule that was fitted without it."""
        if not self.of_folds:
            return self.problem.oof(self.rule)
        probs = np.empty((len(self.problem.labels), self.problem.classes))
        for rule, (_, rows) in zip(self.of_folds, self.problem.splits(), strict=True):
            probs[rows] = self.problem.oof(rule, rows)
        return probs

    def weights(self) -> tuple[float, ...]:
        """Return the weight of each given column; see `Combined`."""
        total = 1.0 if self.rule.pool is LOGITS else self.rule.weights.sum()
        return self.problem.spread(self.rule.weights / total)

    def combined(self) -> Combined:
        """Return the ensemble."""
        intercepts = tuple(self.rule.intercepts.tolist()) if self.rule.pool is LOGITS else ()
        return Combined(self.oof(), self.problem.test(self.rule), self.weights(), intercepts)


def combine(columns: Sequence[Column], labels: NDArray[np.integer], method: str, metric: Metric) -> Combined:
    """Combine columns; the order of the columns does not matter.

    Args:
        columns: one or more columns.
        labels: (training rows,) from 0.
        method: one of METHODS.
        metric: of the competition; `greedy` and `best` optimise it.
    """
    return fit(Problem.of(columns, labels, metric), method).combined()


def fit(problem: Problem, method: str) -> Fitted:
    """Fit a method on all rows and, if it fits weights, without each fold.

    With one distinct column, every method returns that column.
    """
    # Matrices are small here: threads of BLAS would spend most of the time in waiting for each other.
    with threadpool_limits(1, user_api="blas"):
        return _fit(problem, method)


def _fit(problem: Problem, method: str) -> Fitted:
    if len(problem.columns) == 1:
        method = "mean"
    if method in POOLS:
        return Fitted(method, problem, Rule(POOLS[method], problem.copies, np.zeros(problem.classes)))
    if method == "stack":
        full, others = Stack(problem).fits()
        return Fitted(
            method,
            problem,
            _of_stack(problem, full.parameters),
            tuple(_of_stack(problem, one.parameters) for one in others),
            (full, *others),
        )
    fitter = _FITTERS[method]
    rules = [
        Rule(LINEAR, fitter(problem, rows), np.zeros(problem.classes))
        for rows in (problem.all_rows, *(rows for rows, _ in problem.splits()))
    ]
    return Fitted(method, problem, rules[0], tuple(rules[1:]))


def _of_stack(problem: Problem, parameters: NDArray[np.float64]) -> Rule:
    count = len(problem.columns)
    return Rule(LOGITS, parameters[:count], parameters[count:])


def _fit_weighted(problem: Problem, rows: Rows) -> NDArray[np.float64]:
    return fit_weights(problem.of_label[rows])


def _fit_best(problem: Problem, rows: Rows) -> NDArray[np.float64]:
    """Return weight 1 for the column with the best metric, ties by log loss."""
    labels, weights = problem.labels[rows], np.zeros(len(problem.columns))

    def score(index: int) -> tuple[float, float]:
        probs = problem.columns[index].oof[rows]
        loss = problem.metric.loss(problem.metric.value(probs, labels))
        return (loss if np.isfinite(loss) else np.inf), LOSS.value(probs, labels)

    weights[min(range(len(problem.columns)), key=score)] = 1
    return weights


_FITTERS: dict[str, Callable[[Problem, Rows], NDArray[np.float64]]] = {
    "weighted": _fit_weighted,
    "greedy": fit_greedy,
    "best": _fit_best,
}
