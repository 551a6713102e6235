"""What each column adds to an ensemble: the same method on the other columns, compared row by row."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from kit.ensembling.columns import Column
from kit.ensembling.methods import POOLS, Fitted, fit
from kit.ensembling.outcome import Outcome
from kit.ensembling.problem import Problem
from kit.ensembling.rules import log_probabilities, softmax
from kit.metrics import Decide, most_probable
from kit.records import Change, ColumnValue

REFITTED = 20
"""Most columns without each of which `weighted` is fitted again; with more, each has little weight."""


def column_values(
    columns: Sequence[Column], fitted: Fitted, outcome: Outcome, decide: Decide = most_probable
) -> tuple[ColumnValue, ...]:
    """Return what each of two or more columns is worth.

    The weights of the others are fitted again; those of `stack` by the quadratic form at the fit. Those
    of `greedy`, and of `weighted` with more than REFITTED columns, keep their proportions: fitting would take
    minutes. All figures are cross-fitted. If there is a copy of a column, a fitted method does not need it.

    Args:
        columns: of the ensemble, in the order of the result.
        fitted: the method on these columns.
        outcome: of the ensemble.
        decide: chooses its predicted classes.
    """
    each = _without_each(fitted, decide)
    changes = [(outcome if without is None else without).change(outcome) for without in each]
    return tuple(
        ColumnValue(
            column=column.key.column,
            weight=weight,
            change=changes[position],
            verdict=verdict(changes[position]),
        )
        for column, weight, position in zip(columns, fitted.weights(), fitted.problem.positions, strict=True)
    )


def verdict(change: Change) -> Literal["helps", "nothing", "hurts"]:
    """Return what the intervals say; see `ColumnValue.verdict`."""
    intervals = change.loss_interval, change.errors_interval
    worse, better = any(low > 0 for low, _ in intervals), any(high < 0 for _, high in intervals)
    if worse == better:
        return "nothing"
    return "helps" if worse else "hurts"


def _without_each(fitted: Fitted, decide: Decide) -> Iterator[Outcome | None]:
    """Yield the outcome without each distinct column; None if nothing changes."""
    problem, method = fitted.problem, fitted.method
    if method in POOLS:
        yield from _without_each_of_pool(fitted, decide)
    elif method == "stack":
        yield from _without_each_of_stack(fitted, decide)
    elif method == "greedy" or (method == "weighted" and len(problem.columns) > REFITTED):
        yield from _without_each_in_proportion(fitted, decide)
    else:
        for at in range(len(problem.columns)):
            if _changes(fitted, at):
                left = fit(_without(problem, at), method).oof()
                yield Outcome.of(left, problem.labels, decide)
            else:
                yield None


def _changes(fitted: Fitted, at: int) -> bool:
    """Return whether the ensemble changes without a column: it has weight, and there is no copy of it."""
    return fitted.problem.copies[at] == 1 and any(rule.weights[at] for rule in fitted.of_folds)


def _without_each_of_pool(fitted: Fitted, decide: Decide) -> Iterator[Outcome]:
    problem, rule = fitted.problem, fitted.rule
    parts = [column.oof for column in problem.columns]
    total, weight = rule.total(parts), float(rule.weights.sum())
    for part in parts:
        left = total - rule.pool.transform(part)  # one copy of it
        yield Outcome.of(rule.pool.finish(left, weight - 1, rule.intercepts), problem.labels, decide)


def _without_each_in_proportion(fitted: Fitted, decide: Decide) -> Iterator[Outcome | None]:
    problem = fitted.problem
    # A little weight for each, which remains where one column has all.
    weights = np.stack([rule.weights + 1e-9 for rule in fitted.of_folds])[problem.folds]
    total = np.zeros((len(problem.labels), problem.classes))
    for at, column in enumerate(problem.columns):
        total += weights[:, at, None] * column.oof
    sums = weights.sum(axis=1)
    for at, column in enumerate(problem.columns):
        if _changes(fitted, at):
            own = weights[:, at]
            left = (total - own[:, None] * column.oof) / (sums - own)[:, None]
            yield Outcome.of(left, problem.labels, decide)
        else:
            yield None


def _without_each_of_stack(fitted: Fitted, decide: Decide) -> Iterator[Outcome | None]:
    problem, count = fitted.problem, len(fitted.problem.columns)
    losses = np.empty((count, len(problem.labels)))
    errors = np.empty(losses.shape, bool)
    for one, (_, rows) in zip(fitted.stack[1:], problem.splits(), strict=True):
        parameters = one.without_each(count)
        logs = np.stack([log_probabilities(column.oof[rows]) for column in problem.columns])
        for at, own in enumerate(np.tensordot(parameters[:, :count], logs, 1) + parameters[:, None, count:]):
            losses[at, rows], errors[at, rows] = Outcome.of(softmax(own), problem.labels[rows], decide)
    for at in range(count):
        yield Outcome(losses[at], errors[at]) if _changes(fitted, at) else None


def _without(problem: Problem, at: int) -> Problem:
    columns = problem.columns[:at] + problem.columns[at + 1 :]
    return replace(problem, columns=columns, copies=np.delete(problem.copies, at), positions=())
