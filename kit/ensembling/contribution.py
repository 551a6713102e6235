"""What each column adds to an ensemble: the same method on the other columns, compared row by row."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from kit.ensembling.columns import Column
from kit.ensembling.methods import Fitted, fit
from kit.ensembling.outcome import Outcome
from kit.ensembling.problem import Problem
from kit.ensembling.rules import LINEAR, Rule, log_probabilities, softmax
from kit.records import Change, ColumnValue


def column_values(
    columns: Sequence[Column], fitted: Fitted, method: str, outcome: Outcome
) -> tuple[ColumnValue, ...]:
    """Return what each of two or more columns is worth.

    The weights of the other columns are fitted again; those of `greedy` keep their proportions. All figures
    are cross-fitted.

    Args:
        columns: of the ensemble, in the order of the result.
        fitted: the method on these columns.
        method: its name.
        outcome: of the ensemble.
    """
    changes = [
        (outcome if without is None else without).change(outcome) for without in _without_each(fitted, method)
    ]
    return tuple(
        ColumnValue(
            column=column.key.column,
            weight=weight,
            change=changes[position],
            verdict=_verdict(changes[position]),
        )
        for column, weight, position in zip(columns, fitted.weights(), fitted.problem.positions, strict=True)
    )


def _verdict(change: Change) -> Literal["helps", "nothing", "hurts"]:
    (least, most), (fewest, mostly) = change.loss_interval, change.errors_interval
    if fewest > 0 or (least > 0 and change.errors >= 0):
        return "helps"
    return "hurts" if mostly < 0 or (most < 0 and change.errors <= 0) else "nothing"


def _without_each(fitted: Fitted, method: str) -> Iterator[Outcome | None]:
    """Yield the outcome without each distinct column; None if nothing changes."""
    if not fitted.of_folds:
        yield from _without_each_of_pool(fitted)
    elif fitted.stack:
        yield from _without_each_of_stack(fitted)
    else:
        problem = fitted.problem
        for at in range(len(problem.columns)):
            if problem.copies[at] > 1 or not any(rule.weights[at] for rule in fitted.of_folds):
                yield None  # The others have all the weight.
            elif method == "greedy":
                rules = tuple(_without_weight(rule, at) for rule in fitted.of_folds)
                yield Outcome.of(replace(fitted, of_folds=rules).oof(), problem.labels)
            else:
                yield Outcome.of(fit(_without(problem, at), method).oof(), problem.labels)


def _without_each_of_pool(fitted: Fitted) -> Iterator[Outcome]:
    problem, rule = fitted.problem, fitted.rule
    parts = [column.oof for column in problem.columns]
    total, weight = rule.total(parts), float(rule.weights.sum())
    for part in parts:
        left = total - rule.pool.transform(part)  # one copy of it
        yield Outcome.of(rule.pool.finish(left, weight - 1, rule.intercepts), problem.labels)


def _without_each_of_stack(fitted: Fitted) -> Iterator[Outcome]:
    problem, count = fitted.problem, len(fitted.problem.columns)
    losses, errors = np.empty((2, count, len(problem.labels)))
    for one, (_, rows) in zip(fitted.stack[1:], problem.splits(), strict=True):
        parameters = one.without_each(count)
        logits = np.zeros((count, len(rows), problem.classes)) + parameters[:, None, count:]
        for column, weights in zip(problem.columns, parameters[:, :count].T, strict=True):
            logits += weights[:, None, None] * log_probabilities(column.oof[rows])
        for at, own in enumerate(logits):
            losses[at, rows], errors[at, rows] = Outcome.of(softmax(own), problem.labels[rows])
    for at in range(count):
        changes = problem.copies[at] == 1
        yield Outcome(losses[at], errors[at]) if changes else Outcome.of(fitted.oof(), problem.labels)


def _without(problem: Problem, at: int) -> Problem:
    columns = problem.columns[:at] + problem.columns[at + 1 :]
    return replace(problem, columns=columns, copies=np.delete(problem.copies, at), positions=())


def _without_weight(rule: Rule, at: int) -> Rule:
    weights = rule.weights.copy()
    weights[at] = 0
    if not weights.any():
        weights = np.ones(len(weights))
        weights[at] = 0
    return Rule(LINEAR, weights, rule.intercepts)
