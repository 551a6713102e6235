from dataclasses import replace

import numpy as np
import pytest

from kit.ensembling.columns import Column, ColumnKey
from kit.ensembling.contribution import REFITTED, column_values, verdict
from kit.ensembling.methods import METHODS, combine, fit
from kit.ensembling.outcome import Outcome
from kit.ensembling.problem import Problem
from kit.metrics import HITS
from kit.records import Change, ColumnValue
from tests.ensembling import problems
from tests.ensembling.problems import Drawn, noisy


def values_of(drawn: Drawn, method: str) -> tuple[ColumnValue, ...]:
    fitted = fit(drawn.problem(), method)
    return column_values(drawn.columns, fitted, Outcome.of(fitted.oof(), drawn.labels))


def without(drawn: Drawn, at: int) -> list[Column]:
    return [own for index, own in enumerate(drawn.columns) if index != at]


def with_noise(rows: int) -> Drawn:
    drawn = noisy(0, rows, 3)
    noise = problems.column(3, np.random.default_rng(9).dirichlet(np.ones(4), rows))
    return drawn._replace(columns=[*drawn.columns, noise])


@pytest.mark.parametrize("method", ["mean", "geometric", "rank", "vote", "weighted", "best"])
def test_a_column_is_worth_what_the_method_loses_without_it(method: str) -> None:
    drawn = noisy(1, 300, 4)
    whole = Outcome.of(combine(drawn.columns, drawn.labels, method, HITS).oof, drawn.labels)
    for at, value in enumerate(values_of(drawn, method)):
        rest = combine(without(drawn, at), drawn.labels, method, HITS)
        change = Outcome.of(rest.oof, drawn.labels).change(whole)
        assert value.change.loss == pytest.approx(change.loss, abs=1e-6)
        assert value.change.loss_interval == pytest.approx(change.loss_interval, abs=1e-6)
        assert value.change.errors == change.errors


def test_without_each_column_of_stack_is_near_to_fitting_again() -> None:
    drawn = noisy(2, 3000, 4)
    whole = combine(drawn.columns, drawn.labels, "stack", HITS)
    for at, value in enumerate(values_of(drawn, "stack")):
        rest = combine(without(drawn, at), drawn.labels, "stack", HITS)
        change = Outcome.of(rest.oof, drawn.labels).change(Outcome.of(whole.oof, drawn.labels))
        assert value.change.loss == pytest.approx(change.loss, rel=0.2)


@pytest.mark.parametrize(("method", "count"), [("greedy", 4), ("weighted", REFITTED + 1)])
def test_the_other_columns_keep_their_proportions(method: str, count: int) -> None:
    drawn = noisy(3, 300, count)
    fitted = fit(drawn.problem(), method)
    values = column_values(drawn.columns, fitted, Outcome.of(fitted.oof(), drawn.labels))
    at = int(np.argmax([value.weight for value in values]))
    position = fitted.problem.positions[at]
    rules = []
    for rule in fitted.of_folds:
        weights = rule.weights.copy()
        weights[position] = 0
        rules.append(replace(rule, weights=weights))
    left = Outcome.of(replace(fitted, of_folds=tuple(rules)).oof(), drawn.labels)
    change = left.change(Outcome.of(fitted.oof(), drawn.labels))
    assert values[at].change.loss == pytest.approx(change.loss, rel=1e-4)
    assert values[at].change.errors == change.errors


@pytest.mark.parametrize("method", ["greedy", "weighted", "best", "stack"])
def test_without_the_only_column_that_counts_the_others_remain(method: str) -> None:
    drawn = noisy(4, 200, 2)
    perfect = problems.column(9, np.eye(4)[drawn.labels])
    value = values_of(drawn._replace(columns=[*drawn.columns, perfect]), method)[2]
    assert value.verdict == "helps"
    assert 0 < value.change.errors <= 200
    assert np.isfinite(value.change.loss)


@pytest.mark.parametrize("method", ["weighted", "greedy", "best", "stack"])
def test_one_of_two_copies_is_worth_nothing(method: str) -> None:
    drawn = noisy(5, 300, 3)
    copy = replace(drawn.columns[0], key=ColumnKey("copy", "m", 0))
    first, *_, last = values_of(drawn._replace(columns=[*drawn.columns, copy]), method)
    for value in (first, last):
        assert (value.change.loss, value.change.errors, value.verdict) == (0, 0, "nothing")


@pytest.mark.parametrize("method", METHODS)
def test_two_copies_alone_are_worth_nothing(method: str) -> None:
    drawn = noisy(6, 100, 1)
    copy = replace(drawn.columns[0], key=ColumnKey("copy", "m", 0))
    values = values_of(drawn._replace(columns=[*drawn.columns, copy]), method)
    assert [value.verdict for value in values] == ["nothing", "nothing"]
    assert [value.weight for value in values] == [0.5, 0.5]


def test_noise_hurts_the_mean_and_does_nothing_to_fitted_weights() -> None:
    drawn = with_noise(3000)
    assert values_of(drawn, "mean")[3].verdict == "hurts"
    assert values_of(drawn, "weighted")[3].verdict == "nothing"
    assert values_of(drawn, "greedy")[3].verdict == "nothing"


def test_good_columns_help() -> None:
    assert [value.verdict for value in values_of(noisy(7, 3000, 3), "weighted")[:2]] == ["helps", "helps"]


@pytest.mark.parametrize(
    ("loss", "errors", "expected"),
    [
        ((0.1, 0.2), (1, 5), "helps"),
        ((0.1, 0.2), (-1, 5), "helps"),
        ((-0.1, 0.2), (-5, -1), "hurts"),
        ((-0.1, 0.2), (0, 0), "nothing"),
        ((0.1, 0.2), (-5, -1), "nothing"),
    ],
)
def test_an_interval_that_excludes_0_decides_unless_the_other_contradicts(
    loss: tuple[float, float], errors: tuple[float, float], expected: str
) -> None:
    assert verdict(Change(loss=0, loss_interval=loss, errors=0, errors_interval=errors)) == expected


def test_values_are_in_the_order_of_the_columns() -> None:
    drawn = noisy(8, 200, 4)
    moved = drawn._replace(columns=drawn.columns[::-1])
    assert values_of(moved, "weighted") == values_of(drawn, "weighted")[::-1]
    assert Problem.of(moved.columns, moved.labels, HITS).positions == drawn.problem().positions[::-1]
