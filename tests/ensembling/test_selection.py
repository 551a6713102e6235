import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.ensembling.methods import METHODS, combine
from kit.ensembling.selection import choose
from kit.metrics import HITS, METRICS, count_errors, log_loss
from kit.records import Combination
from tests.ensembling import problems
from tests.ensembling.problems import Drawn, equally_good, noisy


def chosen(drawn: Drawn, method: str = "auto", metric: str = "accuracy") -> Combination:
    combination = choose(drawn.columns, drawn.labels, method, METRICS[metric])[1]
    assert combination is not None
    return combination


def with_noise(rows: int) -> Drawn:
    """Return two good columns and two of noise, whose mean is poor."""
    drawn, random = noisy(0, rows, 2), np.random.default_rng(5)
    noise = [problems.column(9 + at, random.dirichlet(np.ones(4), rows)) for at in range(2)]
    return drawn._replace(columns=[*drawn.columns, *noise])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("method", METHODS)
def test_the_named_method_is_used(method: str) -> None:
    drawn = noisy(1, 200, 3)
    combined, combination = choose(drawn.columns, drawn.labels, method, HITS)
    alone = combine(drawn.columns, drawn.labels, method, HITS)
    np.testing.assert_array_equal(combined.oof, alone.oof)
    np.testing.assert_array_equal(combined.test, alone.test)
    assert combination is not None
    assert combination.method == combination.requested == method
    assert tuple(value.weight for value in combination.columns) == combined.weights


def test_every_method_is_scored_by_its_cross_fitted_probabilities() -> None:
    drawn = noisy(2, 200, 3)
    for report in chosen(drawn).methods:
        probs = combine(drawn.columns, drawn.labels, report.method, HITS).oof
        assert report.score.log_loss == pytest.approx(log_loss(probs, drawn.labels))
        assert report.score.errors == count_errors(probs, drawn.labels)


def test_fitted_methods_have_a_fitted_score_too() -> None:
    fitted = {one.method for one in chosen(noisy(3, 200, 3)).methods if one.fitted_score}
    assert fitted == {"weighted", "greedy", "stack", "best"}


def test_changes_are_differences_of_the_scores() -> None:
    combination = chosen(noisy(4, 200, 3))
    score = {one.method: one.score for one in combination.methods}
    for one in combination.methods:
        assert one.over_mean.loss == pytest.approx(one.score.log_loss - score["mean"].log_loss)
        assert one.over_best.errors == one.score.errors - score["best"].errors


def test_the_corrected_interval_is_wider_by_the_quantile_of_bonferroni() -> None:
    combination = chosen(noisy(5, 200, 3))
    assert combination.confidence == pytest.approx(1 - 0.05 / 7)
    for one in combination.methods[1:]:
        (low, high), (least, most) = one.over_mean.loss_interval, one.corrected_interval
        assert (most - least) / (high - low) == pytest.approx(2.6901 / 1.96, rel=1e-4)


def test_auto_takes_the_method_of_the_lowest_log_loss_if_it_is_clearly_better() -> None:
    combination = chosen(with_noise(2000))
    best = min(combination.methods, key=lambda one: one.score.log_loss)
    assert combination.method == best.method != "mean"
    assert combination.used.corrected_interval[1] < 0


def test_auto_keeps_the_mean_of_few_rows() -> None:
    assert chosen(noisy(6, 30, 3)).method == "mean"


def test_one_column_is_not_compared() -> None:
    drawn = noisy(7, 50, 1)
    combined, combination = choose(drawn.columns, drawn.labels, "auto", HITS)
    assert combination is None
    np.testing.assert_array_equal(combined.oof, drawn.columns[0].oof)


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=2, deadline=None, database=None, derandomize=True)
@given(st.integers(0, 10**6), st.permutations(range(4)))
def test_the_order_of_columns_changes_no_figure(method: str, seed: int, order: list[int]) -> None:
    drawn = noisy(seed, 60, 4, shifted=True)
    one, other = (
        chosen(drawn, method),
        chosen(drawn._replace(columns=[drawn.columns[at] for at in order]), method),
    )
    assert other.methods == one.methods
    assert other.columns == tuple(one.columns[at] for at in order)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("metric", METRICS)
def test_every_method_is_compared_with_every_metric(metric: str) -> None:
    assert tuple(one.method for one in chosen(noisy(8, 60, 3, 2), "auto", metric).methods) == METHODS


def test_the_number_of_folds_and_whether_columns_share_them() -> None:
    assert (chosen(noisy(9, 60, 3, folds=4)).folds, chosen(noisy(9, 60, 3)).same_folds) == (4, True)
    assert not chosen(noisy(9, 60, 3, shifted=True)).same_folds


@pytest.mark.slow
@pytest.mark.parametrize("count", [4, 6])
def test_auto_keeps_the_mean_of_equally_good_independent_columns(count: int) -> None:
    """In at least 95 % of 200 simulations."""
    kept = [chosen(equally_good(11 * seed, 1000, count)).method == "mean" for seed in range(200)]
    assert np.mean(kept) >= 0.95
