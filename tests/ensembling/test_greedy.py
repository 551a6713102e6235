from dataclasses import replace

import numpy as np
import pytest

from kit.ensembling.greedy import fit_greedy
from kit.ensembling.problem import Problem
from kit.metrics import HITS, METRICS, Metric, accuracy, log_loss
from tests.ensembling.problems import column, labels_of, noisy, planted

RANDOM = np.random.default_rng(0)


def weights_of(problem: Problem) -> tuple[float, ...]:
    return problem.spread(fit_greedy(problem, problem.all_rows))


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
@pytest.mark.parametrize("classes", [2, 3])
def test_weights_are_proportions_with_every_metric(metric: Metric, classes: int) -> None:
    weights = weights_of(noisy(0, 150, 4, classes).problem(metric))
    assert min(weights) >= 0
    assert sum(weights) == pytest.approx(1)


def test_it_improves_on_the_best_column() -> None:
    drawn = noisy(1, 2000, 6)
    problem = drawn.problem()
    probs = np.average(
        [own.oof for own in problem.columns], axis=0, weights=fit_greedy(problem, problem.all_rows)
    )
    assert accuracy(probs, drawn.labels) > max(accuracy(own.oof, drawn.labels) for own in drawn.columns)
    assert log_loss(probs, drawn.labels) < min(log_loss(own.oof, drawn.labels) for own in drawn.columns)


@pytest.mark.parametrize("count", [2, 4])
@pytest.mark.parametrize("seed", range(3))
def test_a_column_of_noise_gets_nothing(seed: int, count: int) -> None:
    drawn = planted(seed, [1 / count] * count, 5000)
    noise = column(99, np.random.default_rng(seed + 50).dirichlet(np.ones(4), 5000))
    assert weights_of(Problem.of([noise, *drawn.columns], drawn.labels, HITS))[0] < 0.02


def test_a_perfect_column_gets_all() -> None:
    drawn = noisy(2, 500, 4)
    perfect = column(99, np.eye(4)[drawn.labels])
    assert weights_of(Problem.of([*drawn.columns, perfect], drawn.labels, HITS)) == (0, 0, 0, 0, 1)


def test_ties_of_the_metric_are_broken_by_log_loss() -> None:
    """All columns predict the same classes; the true probabilities win."""
    truth = RANDOM.dirichlet((0.5,) * 4, 3000)
    labels = labels_of(RANDOM, truth)
    blurred = 0.5 * truth + 0.125
    weights = weights_of(Problem.of([column(0, blurred), column(1, truth)], labels, HITS))
    assert weights[1] > 0.9


def test_equal_probabilities_count_as_an_error_of_the_label() -> None:
    """A tie is decided by the order of the classes, which must not matter."""
    truth = RANDOM.dirichlet((0.5,) * 3, 300)
    labels, uniform = labels_of(RANDOM, truth), np.full((300, 3), 1 / 3)
    weights = weights_of(Problem.of([column(0, truth), column(1, uniform)], labels, HITS))
    order = [2, 0, 1]
    permuted = [column(0, truth[:, order]), column(1, uniform)]
    places = np.argsort(order)[labels]
    assert weights_of(Problem.of(permuted, places, HITS)) == weights
    assert weights[0] > 0.9


def test_a_metric_that_is_not_defined_leaves_the_log_loss() -> None:
    drawn = noisy(3, 60, 3, 2)
    problem = replace(drawn.problem(METRICS["auc"]), labels=np.zeros(60, int))
    assert sum(weights_of(problem)) == pytest.approx(1)
