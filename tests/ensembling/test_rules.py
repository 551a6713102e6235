import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import rankdata

from kit.ensembling.rules import GEOMETRIC, LINEAR, LOGITS, RANKS, VOTES, Pool, Rule

RANDOM = np.random.default_rng(0)
ROWS, CLASSES = 40, 3
PARTS = [RANDOM.dirichlet(np.ones(CLASSES), ROWS).round(2) for _ in range(4)]  # with ties and zeros
WEIGHTS = np.array([1.0, 2.0, 0.5, 0.0])


def rule(pool: Pool, weights: np.ndarray = WEIGHTS) -> Rule:
    return Rule(pool, weights, np.zeros(CLASSES))


def test_linear_is_the_weighted_mean() -> None:
    np.testing.assert_allclose(rule(LINEAR).apply(PARTS), np.average(PARTS, axis=0, weights=WEIGHTS))


def test_geometric_is_the_normalised_weighted_geometric_mean() -> None:
    logs = np.average(np.log(np.maximum(PARTS, 2.0**-23)), axis=0, weights=WEIGHTS)
    np.testing.assert_allclose(
        rule(GEOMETRIC).apply(PARTS), np.exp(logs - logsumexp(logs, axis=1, keepdims=True))
    )


def test_logits_are_weighted_log_probabilities_and_intercepts() -> None:
    intercepts = np.array([0.5, 0.0, -1.0])
    logits = np.tensordot(WEIGHTS, np.log(np.maximum(PARTS, 2.0**-23)), 1) + intercepts
    found = Rule(LOGITS, WEIGHTS, intercepts).apply(PARTS)
    np.testing.assert_allclose(found, np.exp(logits - logsumexp(logits, axis=1, keepdims=True)))


def test_most_votes_win() -> None:
    parts = [np.array([[0.4, 0.35, 0.25]]), np.array([[0.4, 0.35, 0.25]]), np.array([[0.0, 1.0, 0.0]])]
    np.testing.assert_allclose(
        rule(VOTES, np.ones(3)).apply(parts), [[(2 + 0.8 / 3) / 4, (1 + 1.7 / 3) / 4, 0.5 / 3 / 4]]
    )


def test_the_mean_probability_breaks_a_tie_of_votes() -> None:
    parts = [np.array([[0.6, 0.4, 0.0]]), np.array([[0.1, 0.9, 0.0]])]
    assert rule(VOTES, np.ones(2)).apply(parts).argmax() == 1


def test_classes_with_equal_probabilities_share_a_vote() -> None:
    parts = [np.array([[0.5, 0.5, 0.0]]), np.array([[0.5, 0.5, 0.0]])]
    np.testing.assert_allclose(rule(VOTES, np.ones(2)).apply(parts), [[0.5, 0.5, 0.0]])


def test_ranks_are_those_of_scipy() -> None:
    ranks = np.mean([rankdata(part, axis=0) for part in PARTS[:3]], axis=0) - 1
    values = np.mean([np.sort(part, axis=0) for part in PARTS[:3]], axis=0)
    expected = np.stack(
        [np.interp(own, np.arange(ROWS), known) for own, known in zip(ranks.T, values.T, strict=True)], axis=1
    )
    expected = np.maximum(expected, 2.0**-23)
    found = rule(RANKS, np.ones(3)).apply(PARTS[:3])
    np.testing.assert_allclose(found, expected / expected.sum(axis=1, keepdims=True))


def test_ranks_do_not_depend_on_the_scale_of_a_column() -> None:
    own = RANDOM.dirichlet(np.ones(2), ROWS)
    sharper = np.stack([1 - own[:, 1] ** 3, own[:, 1] ** 3], axis=1)
    other = RANDOM.dirichlet(np.ones(2), ROWS)
    ranks = [RANKS.transform(part)[0] for part in (own, sharper, other)]
    np.testing.assert_array_equal(ranks[0], ranks[1])
    assert not np.array_equal(ranks[0], ranks[2])


@pytest.mark.parametrize("pool", [LINEAR, GEOMETRIC, VOTES, RANKS])
def test_every_pool_gives_probabilities_of_zeros_and_ones(pool: Pool) -> None:
    parts = [np.eye(3)[[0, 1, 2, 0]], np.eye(3)[[1, 1, 0, 0]]]
    found = rule(pool, np.ones(2)).apply(parts)
    assert found.min() >= 0
    np.testing.assert_allclose(found.sum(axis=1), 1)
