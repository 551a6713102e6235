import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from kit.metrics import METRICS, wilson
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


def test_a_perfect_auc_is_not_certain() -> None:
    labels = np.array([0] * 30 + [1] * 10)
    probs = np.eye(2)[labels]
    assert AUC.interval(probs, labels) == wilson(0, 10)
    assert AUC.expected(probs, labels, 40) == wilson(0, 5)
    assert AUC.interval(1 - probs, labels) == wilson(10, 10)


def test_near_1_the_lower_side_of_the_interval_is_longer() -> None:
    probs, labels = scores(2)
    value, (low, high) = AUC.value(probs, labels), AUC.interval(probs, labels)
    variance = influence(probs, labels).var() / 500
    half = 1.96 * variance**0.5 / (value * (1 - value))
    assert value - low > high - value
    assert np.log([low / (1 - low), high / (1 - high)]) == pytest.approx(
        np.log(value / (1 - value)) + np.array([-half, half])
    )


@pytest.mark.parametrize(("separation", "share"), [(1.5, 0.1), (1.5, 0.5), (4.0, 0.5)])
def test_the_expected_interval_covers_other_rows(separation: float, share: float) -> None:
    rng = np.random.default_rng(0)

    def draw(rows: int) -> tuple[np.ndarray, np.ndarray]:
        labels = (rng.random(rows) < share).astype(int)
        positive = 1 / (1 + np.exp(-rng.normal(size=rows) - separation * labels))
        return np.stack([1 - positive, positive], axis=1), labels

    covered = 0
    for _ in range(100):
        low, high = AUC.expected(*draw(400), 200)
        covered += low <= AUC.value(*draw(200)) <= high
    assert covered >= 90
