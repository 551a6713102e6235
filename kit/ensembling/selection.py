"""Compare the methods of an ensemble, and choose one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kit.ensembling.columns import Column
from kit.ensembling.contribution import column_values
from kit.ensembling.methods import AUTO, METHODS, Combined, Fitted, fit
from kit.ensembling.outcome import Outcome
from kit.ensembling.problem import Problem
from kit.metrics import Decide, Metric
from kit.records import Combination, MethodReport, Score

LEVEL = 0.05
"""Probability at most that `auto` leaves `mean` although no method is better."""


@dataclass(frozen=True, eq=False)
class _Scored:
    """A method and how well it does; its probabilities are not kept."""

    fitted: Fitted
    outcome: Outcome
    decide: Decide
    score: Score
    fitted_score: Score | None


def choose(
    columns: Sequence[Column], labels: NDArray[np.integer], method: str, metric: Metric
) -> tuple[Combined, Combination | None]:
    """Combine columns, and compare all methods.

    `auto` takes `mean`, unless the log loss of another method is lower: the interval of the difference, at a
    confidence corrected for the number of methods (Bonferroni), is below 0. Of several, it takes the one with
    the lowest log loss. All is cross-fitted.

    Args:
        columns: one or more columns, in any order.
        labels: (training rows,) from 0.
        method: one of METHODS, or AUTO.
        metric: of the competition.

    Returns:
        The ensemble; and the comparison, None with a single column.
    """
    from scipy.special import ndtri

    problem = Problem.of(columns, labels, metric)
    if len(columns) == 1:
        return fit(problem, "mean").combined(), None
    scored = {name: _score(problem, name) for name in METHODS}
    level = LEVEL / (len(METHODS) - 1)
    reports = tuple(_report(name, scored, -float(ndtri(level / 2))) for name in METHODS)
    used = _best_of(reports) if method == AUTO else method
    fitted = scored[used].fitted
    return fitted.combined(), Combination(
        requested=method,
        method=used,
        methods=reports,
        confidence=1 - level,
        columns=column_values(columns, fitted, scored[used].outcome, scored[used].decide),
        folds=int(problem.folds.max()) + 1,
        same_folds=all(np.array_equal(column.held_out, columns[0].held_out) for column in columns),
    )


def _score(problem: Problem, method: str) -> _Scored:
    fitted = fit(problem, method)
    probs = fitted.oof()
    decide = problem.metric.decider(probs, problem.labels)
    return _Scored(
        fitted,
        Outcome.of(probs, problem.labels, decide),
        decide,
        Score.of(problem.metric, probs, problem.labels),
        Score.of(problem.metric, problem.oof(fitted.rule), problem.labels) if fitted.of_folds else None,
    )


def _report(name: str, scored: Mapping[str, _Scored], z: float) -> MethodReport:
    own, mean = scored[name], scored["mean"].outcome
    return MethodReport(
        method=name,
        score=own.score,
        fitted_score=own.fitted_score,
        over_mean=own.outcome.change(mean),
        over_best=own.outcome.change(scored["best"].outcome),
        corrected_interval=own.outcome.loss_interval(mean, z),
    )


def _best_of(reports: Sequence[MethodReport]) -> str:
    better = [one for one in reports if one.corrected_interval[1] < 0]
    return min(better, key=lambda one: one.score.log_loss).method if better else "mean"
