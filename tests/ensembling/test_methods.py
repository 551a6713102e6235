from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.config.root import FITTED_METHODS
from kit.ensembling.columns import Column, ColumnKey
from kit.ensembling.methods import METHODS, Combined, combine, fit
from kit.metrics import HITS, METRICS, Metric, log_loss
from tests.ensembling import problems
from tests.ensembling.problems import Drawn, noisy, planted


def column(seed: int, oof: list[list[float]], test: list[list[float]]) -> Column:
    return Column(
        ColumnKey("run", "cnn", seed), np.array(oof, np.float32), np.array(test), np.zeros(len(oof), np.int8)
    )


def combined(columns: list[Column], method: str = "mean") -> Combined:
    rows = len(columns[0].oof)
    return combine(columns, np.zeros(rows, int), method, HITS)


def test_mean_gives_every_column_the_same_weight() -> None:
    one, other = column(0, [[1, 0], [0.5, 0.5]], [[0, 1]]), column(1, [[0, 1], [0.75, 0.25]], [[0.5, 0.5]])
    result = combined([one, other])
    np.testing.assert_array_equal(result.oof, [[0.5, 0.5], [0.625, 0.375]])
    np.testing.assert_array_equal(result.test, [[0.25, 0.75]])
    assert result.weights == (0.5, 0.5)


@pytest.mark.parametrize("method", METHODS)
def test_an_ensemble_of_one_column_is_that_column_in_float64(method: str) -> None:
    only = column(0, [[0.1, 0.9]], [[0.3, 0.7]])
    result = combined([only], method)
    assert result.oof.dtype == result.test.dtype == np.float64
    np.testing.assert_array_equal(result.oof, only.oof)
    np.testing.assert_array_equal(result.test, only.test)
    assert result.weights == (1.0,)


def test_means_are_taken_in_float64() -> None:
    columns = [column(seed, [[1 / 3, 2 / 3]], [[0.5, 0.5]]) for seed in range(3)]
    np.testing.assert_array_equal(combined(columns).oof, columns[0].oof.astype(np.float64))


seeds = st.integers(0, 10**6)
few = settings(max_examples=6, deadline=None, database=None, derandomize=True)


def fitted(drawn: Drawn, method: str, metric: Metric = HITS) -> Combined:
    return combine(drawn.columns, drawn.labels, method, metric)


@pytest.mark.parametrize("method", METHODS)
@few
@given(seeds, st.permutations(range(5)))
def test_the_order_and_the_names_of_columns_change_no_bit(method: str, seed: int, order: list[int]) -> None:
    drawn = noisy(seed, 80, 5, shifted=True)
    moved = [replace(drawn.columns[at], key=ColumnKey("r", "m", name)) for name, at in enumerate(order)]
    one, other = fitted(drawn, method), combine(moved, drawn.labels, method, HITS)
    np.testing.assert_array_equal(one.oof, other.oof)
    np.testing.assert_array_equal(one.test, other.test)
    assert tuple(one.weights[at] for at in order) == other.weights
    assert one.intercepts == other.intercepts


@pytest.mark.parametrize("method", METHODS)
@few
@given(seeds, st.permutations(range(4)))
def test_permuted_classes_give_permuted_probabilities(method: str, seed: int, order: list[int]) -> None:
    drawn = noisy(seed, 80, 3)
    moved = [replace(own, oof=own.oof[:, order], test=own.test[:, order]) for own in drawn.columns]
    # Equal probabilities, too.
    flat = np.full((80, 4), 0.25)
    one = combine([*drawn.columns, problems.column(9, flat)], drawn.labels, method, HITS)
    other = combine([*moved, problems.column(9, flat)], np.argsort(order)[drawn.labels], method, HITS)
    # Newton's method of `stack` may stop one step earlier.
    tolerance = 1e-3 if method == "stack" else 1e-7
    np.testing.assert_allclose(other.oof, one.oof[:, order], atol=tolerance)
    np.testing.assert_allclose(other.test, one.test[:, order], atol=tolerance)
    np.testing.assert_allclose(other.weights, one.weights, atol=tolerance)


@pytest.mark.parametrize("method", FITTED_METHODS)
@few
@given(seeds, st.lists(st.integers(0, 3), min_size=1, max_size=4))
def test_copies_of_columns_change_nothing(method: str, seed: int, copied: list[int]) -> None:
    drawn = noisy(seed, 80, 4, shifted=True)
    copies = [replace(drawn.columns[at], key=ColumnKey("copy", "m", name)) for name, at in enumerate(copied)]
    one, other = fitted(drawn, method), combine([*drawn.columns, *copies], drawn.labels, method, HITS)
    np.testing.assert_array_equal(one.oof, other.oof)
    np.testing.assert_array_equal(one.test, other.test)
    for at, weight in enumerate(one.weights):
        own = other.weights[at] + sum(
            other.weights[4 + name] for name, index in enumerate(copied) if index == at
        )
        assert own == pytest.approx(weight)


@pytest.mark.parametrize("weights", [(0.5, 0.3, 0.2), (0.85, 0.15), (0.4, 0.3, 0.2, 0.1)])
@pytest.mark.parametrize("seed", range(2))
def test_planted_weights_are_recovered(seed: int, weights: tuple[float, ...]) -> None:
    np.testing.assert_allclose(fitted(planted(seed, weights, 20_000), "weighted").weights, weights, atol=0.02)


@pytest.mark.parametrize(
    ("method", "most"), [("weighted", 0.02), ("greedy", 0.02), ("best", 0), ("stack", 0.1)]
)
def test_a_column_of_noise_gets_nothing(method: str, most: float) -> None:
    drawn = planted(0, (0.6, 0.4), 5000)
    noise = problems.column(8, np.random.default_rng(1).dirichlet(np.ones(4), 5000))
    assert abs(combine([*drawn.columns, noise], drawn.labels, method, HITS).weights[2]) <= most


@pytest.mark.parametrize("method", ["weighted", "greedy", "best"])
def test_a_perfect_column_gets_all(method: str) -> None:
    drawn = planted(0, (0.6, 0.4), 1000)
    perfect = problems.column(9, np.eye(4)[drawn.labels])
    weights = combine([*drawn.columns, perfect], drawn.labels, method, HITS).weights
    np.testing.assert_allclose(weights, [0, 0, 1], atol=1e-6)


@pytest.mark.parametrize("metric", ["accuracy", "log_loss", "auc"])
def test_best_is_the_column_with_the_best_metric(metric: str) -> None:
    drawn = noisy(3, 500, 4, 2)
    own = METRICS[metric]
    values = [own.loss(own.value(one.oof, drawn.labels)) for one in drawn.columns]
    assert int(np.argmax(fitted(drawn, "best", own).weights)) == int(np.argmin(values))


@pytest.mark.parametrize("method", FITTED_METHODS)
def test_a_rows_own_fold_does_not_reach_its_probabilities(method: str) -> None:
    drawn = noisy(4, 100, 4)
    own = drawn.problem().folds == 2
    changed = np.where(own, (drawn.labels + 1) % 4, drawn.labels)
    one, other = fitted(drawn, method), combine(drawn.columns, changed, method, HITS)
    # Newton's method of `stack` starts from the fit on all rows.
    np.testing.assert_allclose(one.oof[own], other.oof[own], atol=1e-4 if method == "stack" else 0)


def test_test_rows_get_the_weights_of_all_rows() -> None:
    drawn = noisy(5, 200, 3)
    result = fitted(drawn, "weighted")
    np.testing.assert_allclose(
        result.test, np.average([one.test for one in drawn.columns], axis=0, weights=result.weights)
    )


def extremes(rows: int = 40, classes: int = 3) -> dict[str, Drawn]:
    """Return problems at the limits of what is allowed."""
    random = np.random.default_rng(0)
    base = noisy(0, rows, 3, classes)
    hard = [problems.column(at, np.eye(classes)[random.integers(classes, size=rows)]) for at in range(3)]
    near = [
        replace(base.columns[0], oof=base.columns[0].oof * np.float32(1 + at * 1.2e-7)) for at in range(2)
    ]
    flat = [problems.column(9, np.full((rows, classes), 1 / classes))]
    perfect = [
        problems.column(at, (1 - at / 10) * np.eye(classes)[base.labels] + at / 10 / classes)
        for at in range(2)
    ]
    rare = np.where(np.arange(rows) == 5, 2, np.minimum(base.labels, 1))
    return {
        "two columns": base._replace(columns=base.columns[:2]),
        "two classes": noisy(1, rows, 3, 2),
        "two folds": noisy(2, rows, 3, classes, folds=2),
        "100 folds": noisy(3, 200, 3, classes, folds=100),
        "a fold per row": noisy(3, 30, 3, classes, folds=30),
        "other folds in each column": noisy(4, rows, 6, classes, shifted=True),
        "a class in one fold": base._replace(labels=rare),
        "zeros and ones": base._replace(columns=hard),
        "nearly equal": base._replace(columns=near),
        "constant": base._replace(columns=[*base.columns[:1], *flat]),
        "perfect": base._replace(columns=perfect),
        "many classes": noisy(5, 60, 3, 30),
    }


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("case", extremes())
@pytest.mark.filterwarnings("error")
def test_extreme_problems_give_probabilities(case: str, method: str) -> None:
    check(fitted(extremes()[case], method))


@pytest.mark.parametrize("method", ["greedy", "best"])
@pytest.mark.parametrize("case", ["two classes", "a fold per row", "a class in one fold", "perfect"])
@pytest.mark.filterwarnings("error")
def test_a_metric_that_some_rows_do_not_define_gives_probabilities(case: str, method: str) -> None:
    check(fitted(extremes()[case], method, METRICS["auc"]))


def check(result: Combined) -> None:
    for probs in (result.oof, result.test):
        assert probs.min() >= 0
        np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-5)
    assert np.isfinite(result.weights).all()


def over_fresh(result: Combined, drawn: Drawn) -> float:
    """Return by how much the cross-fitted log loss is above that of fresh rows."""
    return log_loss(result.oof, drawn.labels) - log_loss(result.test, drawn.fresh_labels)


@pytest.mark.slow
@pytest.mark.parametrize("shifted", [False, True], ids=["the same folds", "other folds in each column"])
def test_cross_fitted_log_loss_is_unbiased_and_the_fitted_one_is_not(shifted: bool) -> None:
    """Against 5,000 fresh rows, over 200 problems.

    `mean` fits nothing, so its difference is chance alone, and subtracting it leaves less chance.
    """
    biases: dict[str, list[tuple[float, float]]] = {method: [] for method in FITTED_METHODS}
    for seed in range(200):
        drawn = noisy(7 * seed, 800, 6, fresh=5000, shifted=shifted)
        problem = drawn.problem()
        chance = over_fresh(fitted(drawn, "mean"), drawn)
        for method, found in biases.items():
            one = fit(problem, method)
            result = one.combined()
            own, crossed = (log_loss(probs, drawn.labels) for probs in (problem.oof(one.rule), result.oof))
            found.append((over_fresh(result, drawn) - chance, own - crossed))
    for method, found in biases.items():
        (bias, optimism), error = np.mean(found, axis=0), np.std(found, axis=0, ddof=1) / np.sqrt(200)
        assert abs(bias) < 2 * error[0] < 0.004, method
        assert optimism < -3 * error[1], method
