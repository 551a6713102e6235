import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import log_softmax

from kit.ensembling.problem import Problem
from kit.ensembling.rules import log_probabilities
from kit.ensembling.stack import STRENGTHS, Block, Stack
from kit.metrics import HITS
from tests.ensembling.problems import column, noisy

COUNT, CLASSES = 4, 3


def objective(problem: Problem, rows: np.ndarray, strength: float, parameters: np.ndarray) -> float:
    """Return the penalised log loss, from the definition."""
    logs = np.stack([log_probabilities(own.oof[rows]) for own in problem.columns])
    count = len(logs)
    logits = log_softmax(np.tensordot(parameters[:count], logs, 1) + parameters[count:], axis=1)
    centre = np.concatenate([np.full(count, 1 / count), np.zeros(problem.classes)])
    penalty = strength / 2 * ((parameters - centre) ** 2).sum()
    return float(penalty - logits[np.arange(len(rows)), problem.labels[rows]].sum())


def test_every_fit_is_the_minimum_of_the_penalised_log_loss() -> None:
    problem = noisy(0, 300, COUNT, CLASSES).problem()
    full, others = Stack(problem).fits()
    fitted_on = [problem.all_rows, *(rows for rows, _ in problem.splits())]
    assert len(others) == 5
    for fit, rows in zip([full, *others], fitted_on, strict=True):
        found = minimize(
            lambda parameters: objective(problem, rows, fit.strength, parameters),  # noqa: B023 - used at once
            np.full(COUNT + CLASSES, 0.1),
            method="L-BFGS-B",
            options={"ftol": 1e-15, "gtol": 1e-8, "maxfun": 10**5},
        )
        np.testing.assert_allclose(fit.parameters, found.x, atol=2e-3)
        assert objective(problem, rows, fit.strength, fit.parameters) <= found.fun + 1e-6 * len(rows)


def test_gradient_and_hessian_are_the_derivatives_of_the_loss() -> None:
    problem = noisy(1, 200, COUNT, CLASSES).problem()
    logs = np.stack([log_probabilities(own.oof) for own in problem.columns], axis=2).astype(np.float32)
    block = Block(logs, problem.labels)
    at = np.array([0.3, 0.1, 0.4, 0.2, 0.1, -0.2, 0.0])
    sums = block.sums(at)
    assert sums.loss == pytest.approx(objective(problem, problem.all_rows, 0, at), rel=1e-6)
    assert block.losses(at[None])[0] == pytest.approx(sums.loss, rel=1e-5)
    steps = 1e-2 * np.eye(len(at))
    slopes = [(block.sums(at + step).loss - block.sums(at - step).loss) / 2e-2 for step in steps]
    np.testing.assert_allclose(sums.gradient, slopes, rtol=1e-2, atol=0.05)
    curves = [(block.sums(at + step).gradient - block.sums(at - step).gradient) / 2e-2 for step in steps]
    np.testing.assert_allclose(sums.hessian, curves, rtol=1e-2, atol=0.2)


def test_many_rows_need_less_regularisation_than_few() -> None:
    few, many = (Stack(noisy(2, rows, COUNT, CLASSES).problem()).fits()[0].strength for rows in (30, 20_000))
    assert few >= many
    assert {few, many} <= set(STRENGTHS)


def test_without_a_column_of_no_use_nothing_changes() -> None:
    drawn = noisy(3, 2000, 3, CLASSES)
    noise = column(9, np.random.default_rng(0).dirichlet(np.ones(CLASSES), 2000))
    problem = Problem.of([*drawn.columns, noise], drawn.labels, HITS)
    full, _ = Stack(problem).fits()
    at = problem.positions[3]
    assert full.parameters[at] == pytest.approx(0, abs=0.1)
    np.testing.assert_allclose(full.without_each(4)[at], full.parameters, atol=0.1)


def test_parameters_without_each_column_minimise_the_quadratic_form() -> None:
    full, _ = Stack(noisy(4, 500, COUNT, CLASSES).problem()).fits()
    for at, left in enumerate(full.without_each(COUNT)):
        assert left[at] == 0
        slope = full.hessian @ (left - full.parameters)
        np.testing.assert_allclose(np.delete(slope, at), 0, atol=1e-6 * np.abs(full.hessian).max())


@pytest.mark.parametrize("rows", [12, 30])
@pytest.mark.parametrize("folds", [2, 10])
def test_few_rows_are_fitted(rows: int, folds: int) -> None:
    full, others = Stack(noisy(5, rows, COUNT, CLASSES, folds=folds).problem()).fits()
    assert len(others) == folds
    assert all(np.isfinite(one.parameters).all() for one in (full, *others))


def test_perfect_columns_keep_finite_weights() -> None:
    drawn = noisy(6, 200, 2, CLASSES)
    perfect = np.eye(CLASSES)[drawn.labels]
    problem = Problem.of([column(8, perfect), column(9, 0.9 * perfect + 0.1 / CLASSES)], drawn.labels, HITS)
    full, _ = Stack(problem).fits()
    assert np.abs(full.parameters).max() < 20
