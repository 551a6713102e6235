"""Which class is predicted, by metric."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.metrics import cohen_kappa_score, f1_score

from kit.metrics import METRICS, Metric, most_probable

KAPPA, BALANCED = METRICS["quadratic_weighted_kappa"], METRICS["balanced_accuracy"]
SEEDS = pytest.mark.parametrize("seed", range(5))


def grades(seed: int, rows: int = 3000) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return exact posterior probabilities of five ordered classes of unequal shares, and the labels."""
    rng = np.random.default_rng(seed)
    shares = np.array([0.5, 0.1, 0.2, 0.08, 0.12])
    labels = rng.choice(5, rows, p=shares)
    seen = labels + rng.normal(size=rows)
    return softmax(np.log(shares) - (seen[:, None] - np.arange(5)) ** 2 / 2, axis=1), labels


def kinds(seed: int, rows: int = 3000) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return exact posterior probabilities of four classes in no order, of unequal shares, and the labels."""
    rng = np.random.default_rng(seed)
    shares = np.array([0.7, 0.2, 0.07, 0.03])
    labels = rng.choice(4, rows, p=shares)
    seen = 2 * np.eye(4)[labels] + rng.normal(size=(rows, 4))
    return softmax(np.log(shares) + 2 * seen, axis=1), labels


@pytest.mark.parametrize("name", ["accuracy", "micro_f1", "log_loss", "auc", "macro_f1"])
def test_most_metrics_predict_the_most_probable_class(name: str) -> None:
    probs, labels = grades(0)
    assert METRICS[name].decisions(probs, labels).tolist() == probs.argmax(axis=1).tolist()
    assert METRICS[name].rule == ""


@pytest.mark.parametrize("metric", [KAPPA, BALANCED])
def test_another_rule_is_stated(metric: Metric) -> None:
    assert metric.rule.startswith("the class ")


def test_balanced_accuracy_divides_by_the_shares_of_the_training_rows() -> None:
    decide = BALANCED.decider(np.full((10, 2), 0.5), np.array([0] * 8 + [1] * 2))
    assert decide(np.array([[0.81, 0.19], [0.79, 0.21], [0.8, 0.2]])).tolist() == [0, 1, 0]


def test_balanced_accuracy_does_not_predict_a_class_without_training_rows() -> None:
    decide = BALANCED.decider(np.full((2, 3), 1 / 3), np.array([0, 2]))
    assert decide(np.array([[0.1, 0.9, 0.0], [0.0, 0.8, 0.2]])).tolist() == [0, 2]


@SEEDS
def test_the_rule_of_balanced_accuracy_is_better_than_the_most_probable_class(seed: int) -> None:
    probs, labels = kinds(seed)
    plain = np.mean([(probs.argmax(axis=1) == one)[labels == one].mean() for one in range(4)])
    assert BALANCED.value(probs, labels) > plain + 0.05


@SEEDS
def test_the_rule_of_kappa_is_better_than_the_most_probable_class(seed: int) -> None:
    probs, labels = grades(seed)
    plain = cohen_kappa_score(labels, probs.argmax(axis=1), weights="quadratic")
    assert KAPPA.value(probs, labels) > plain + 0.005


@SEEDS
def test_the_rule_of_kappa_is_better_than_the_expected_class(seed: int) -> None:
    probs, labels = grades(seed)
    expected = np.rint(probs @ np.arange(5)).astype(int)
    assert KAPPA.value(probs, labels) > cohen_kappa_score(labels, expected, weights="quadratic") + 0.003


def test_kappa_predicts_classes_with_mean_and_spread_of_the_labels() -> None:
    probs, labels = grades(0)
    predicted = KAPPA.decisions(probs, labels)
    assert predicted.mean() == pytest.approx(labels.mean(), abs=0.05)
    assert predicted.std() == pytest.approx(labels.std(), rel=0.03)


def test_kappa_applies_the_scale_of_the_training_rows_to_other_rows() -> None:
    probs, labels = grades(0)
    decide = KAPPA.decider(probs, labels)
    assert decide(probs[:7]).tolist() == KAPPA.decisions(probs, labels)[:7].tolist()


def test_kappa_of_predictions_without_information_is_0() -> None:
    probs, labels = np.full((50, 5), 0.2), np.arange(50) % 5
    assert KAPPA.decisions(probs, labels).tolist() == [2] * 50
    assert KAPPA.value(probs, labels) == 0


def test_kappa_stays_within_the_classes() -> None:
    predicted = KAPPA.decider(np.eye(3)[[1, 1, 1, 0, 2]], np.array([0, 0, 1, 2, 2]))(np.eye(3))
    assert predicted.tolist() == [0, 1, 2]


@SEEDS
def test_no_share_corrects_macro_f1_in_general(seed: int) -> None:
    """With separable classes, the most probable class is better than one corrected by its share."""
    probs, labels = kinds(seed)
    corrected = most_probable(probs / np.bincount(labels))
    assert METRICS["macro_f1"].value(probs, labels) > f1_score(labels, corrected, average="macro")
