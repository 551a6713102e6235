import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from kit.metrics import METRICS
from kit.metrics.auc import influence

AUC = METRICS["auc"]
RNG = np.random.default_rng(0)


def scores(classes: int, rows: int = 500) -> tuple[np.ndarray, np.ndarray]:
    labels = RNG.integers(classes, size=rows)
    probs = RNG.dirichlet(np.ones(classes), rows).round(2)  # With ties.
    probs[np.arange(rows), labels] += 0.3
    return probs / probs.sum(axis=1, keepdims=True), labels


def test_of_two_classes_it_is_that_of_scikit_learn() -> None:
    probs, labels = scores(2)
    assert AUC.value(probs, labels) == pytest.approx(roc_auc_score(labels, probs[:, 1]), rel=1e-12)


def test_of_more_classes_it_is_the_mean_of_one_against_the_rest() -> None:
    probs, labels = scores(4)
    assert AUC.value(probs, labels) == pytest.approx(
        roc_auc_score(labels, probs, multi_class="ovr"), rel=1e-12
    )


def test_a_single_class_has_none() -> None:
    assert np.isnan(AUC.value(np.eye(2)[[0, 0]], np.array([0, 0])))


def test_the_variance_is_that_of_delong() -> None:
    """By hand, from the definition: all pairs of a positive and a negative row."""
    probs, labels = scores(2, 60)
    positive, negative = probs[labels == 1, 1], probs[labels == 0, 1]
    wins = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
    variance = wins.mean(axis=1).var() / len(positive) + wins.mean(axis=0).var() / len(negative)
    assert influence(probs, labels).var() / 60 == pytest.approx(variance, rel=1e-12)
