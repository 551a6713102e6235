import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, cohen_kappa_score, f1_score

from kit.metrics import METRICS
from kit.metrics.confusion import ConfusionMetric

RNG = np.random.default_rng(0)
LABELS = RNG.integers(5, size=300)
PROBS = RNG.dirichlet(np.ones(5), 300)
PROBS[np.arange(300), LABELS] += 0.3
PREDICTED = {name: one.decisions(PROBS, LABELS) for name, one in METRICS.items()}
REFERENCES = {
    "macro_f1": f1_score(LABELS, PREDICTED["macro_f1"], average="macro"),
    "quadratic_weighted_kappa": cohen_kappa_score(
        LABELS, PREDICTED["quadratic_weighted_kappa"], weights="quadratic"
    ),
    "balanced_accuracy": balanced_accuracy_score(LABELS, PREDICTED["balanced_accuracy"]),
}


@pytest.mark.parametrize(("name", "expected"), REFERENCES.items())
def test_the_value_is_that_of_scikit_learn(name: str, expected: float) -> None:
    assert METRICS[name].value(PROBS, LABELS) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("name", "expected"), REFERENCES.items())
def test_the_bootstrap_uses_the_same_formula(name: str, expected: float) -> None:
    metric = METRICS[name]
    assert isinstance(metric, ConfusionMetric)
    counts = np.zeros((5, 5))
    np.add.at(counts, (LABELS, PREDICTED[name]), 1)
    assert metric.of_confusion(counts) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", REFERENCES)
def test_a_class_without_rows_and_predictions_does_no_harm(name: str) -> None:
    probs = np.eye(3)[[0, 1, 1, 0]]
    assert METRICS[name].value(probs, np.array([0, 1, 1, 0])) == pytest.approx(1)


def test_kappa_is_1_where_one_class_is_all_there_is() -> None:
    assert METRICS["quadratic_weighted_kappa"].value(np.eye(2)[[1, 1]], np.array([1, 1])) == 1
