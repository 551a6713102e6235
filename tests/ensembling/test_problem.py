from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from kit.ensembling.columns import ColumnKey
from kit.ensembling.problem import MOST_FOLDS, Problem, cross_folds
from kit.metrics import HITS, LOSS
from tests.ensembling.problems import column, noisy

DRAWN = noisy(0, 60, 3)
ONE, TWO, THREE = DRAWN.columns


def held_out(folds: int, shift: int = 0) -> NDArray[np.int8]:
    return column(0, ONE.oof.astype(np.float64), folds=folds, shift=shift).held_out


def test_the_order_of_columns_does_not_matter() -> None:
    one, other = (Problem.of(given, DRAWN.labels, HITS) for given in ([ONE, TWO, THREE], [THREE, ONE, TWO]))
    assert one.columns == other.columns
    assert one.spread(np.array([1.0, 2.0, 3.0])) == tuple(
        other.spread(np.array([1.0, 2.0, 3.0]))[at] for at in (1, 2, 0)
    )


def test_the_keys_of_columns_do_not_matter() -> None:
    renamed = [
        replace(own, key=ColumnKey("other", name, 0)) for own, name in zip(DRAWN.columns, "cba", strict=True)
    ]
    found = Problem.of(renamed, DRAWN.labels, HITS)
    assert found.positions == DRAWN.problem().positions


def test_copies_are_one_column_and_share_its_weight() -> None:
    problem = Problem.of([ONE, TWO, replace(ONE, key=ColumnKey("z", "z", 1))], DRAWN.labels, HITS)
    assert len(problem.columns) == 2
    at_one, at_two = problem.positions[:2]
    weights = np.zeros(2)
    weights[at_one], weights[at_two] = 0.6, 0.4
    assert problem.spread(weights) == (0.3, 0.4, 0.3)


def test_copies_are_found_next_to_a_column_with_the_same_probabilities_of_the_labels() -> None:
    moved = np.roll(np.arange(4), 1)
    oof = ONE.oof.copy()
    for row, label in enumerate(DRAWN.labels):
        rest = [one for one in moved if one != label]
        oof[row, sorted(rest)] = ONE.oof[row, rest]
    given = [ONE, replace(ONE, oof=oof), replace(ONE, key=ColumnKey("z", "z", 9))]
    for order in ([0, 1, 2], [1, 2, 0], [0, 2, 1]):
        assert len(Problem.of([given[at] for at in order], DRAWN.labels, HITS).columns) == 2


def test_columns_that_differ_on_test_rows_alone_are_different() -> None:
    assert len(Problem.of([ONE, replace(ONE, test=TWO.test)], DRAWN.labels, HITS).columns) == 2


def test_cross_fitting_takes_the_folds_of_most_columns() -> None:
    np.testing.assert_array_equal(cross_folds([held_out(5), held_out(3), held_out(5)]), held_out(5))


def test_copies_of_a_column_do_not_change_the_folds() -> None:
    given = [ONE, replace(TWO, held_out=held_out(5, 1)), replace(THREE, held_out=held_out(4))]
    before = Problem.of(given, DRAWN.labels, HITS).folds
    for copied in given:
        np.testing.assert_array_equal(Problem.of([*given, copied], DRAWN.labels, HITS).folds, before)


@pytest.mark.parametrize("folds", [2, 10, 15, 60])
def test_many_folds_are_merged_whole(folds: int) -> None:
    own = held_out(folds)
    merged = cross_folds([own])
    assert merged.max() + 1 == min(folds, MOST_FOLDS)
    assert all(len(np.unique(merged[own == fold])) == 1 for fold in range(folds))


def test_each_row_is_scored_once_and_not_fitted_on() -> None:
    problem = DRAWN.problem()
    splits = list(problem.splits())
    np.testing.assert_array_equal(np.sort(np.concatenate([rows for _, rows in splits])), problem.all_rows)
    assert all(len(np.union1d(*split)) == 60 and not np.intersect1d(*split).size for split in splits)


def test_rows_that_all_columns_predict_correctly_are_not_decisive() -> None:
    right = [own.oof.argmax(axis=1) == DRAWN.labels for own in DRAWN.columns]
    np.testing.assert_array_equal(DRAWN.problem().is_decisive, ~np.all(right, axis=0))
    assert DRAWN.problem(LOSS).is_decisive.all()


def test_a_row_with_equal_probabilities_is_decisive() -> None:
    tied = replace(ONE, oof=np.full_like(ONE.oof, 0.25))
    assert Problem.of([tied, TWO], DRAWN.labels, HITS).is_decisive.all()
