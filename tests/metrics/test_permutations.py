"""No figure depends on the order of rows, columns or classes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import softmax

from kit import metrics
from kit.metrics import METRICS

PROPERTY = settings(deadline=None, database=None, max_examples=40)
SEEDS = st.integers(0, 2**32 - 1)


class Case:
    """Predictions of 3 columns, with equal rows, and permutations of their rows, columns and classes."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        rows, classes = int(rng.integers(20, 80)), int(rng.integers(2, 6))
        logits = rng.normal(size=(3, rows, classes)) * rng.choice([0.3, 1, 3])
        logits[:, rows // 2 :] = logits[:, : rows - rows // 2]
        self.columns: NDArray[np.float64] = softmax(logits, axis=2)
        self.probs = self.columns[0]
        self.labels = rng.integers(classes, size=rows)
        self.rows, self.classes, self.order = (rng.permutation(size) for size in (rows, classes, 3))

    @property
    def renamed(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Probabilities and labels after the permutation of classes."""
        return self.probs[:, self.classes], np.argsort(self.classes)[self.labels]


CASES = SEEDS.map(Case)


@pytest.mark.parametrize("name", METRICS)
@PROPERTY
@given(case=CASES)
def test_a_metric_does_not_depend_on_the_order_of_rows(name: str, case: Case) -> None:
    expected = METRICS[name].value(case.probs, case.labels)
    permuted = METRICS[name].value(case.probs[case.rows], case.labels[case.rows])
    assert permuted == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("name", sorted(METRICS.keys() - {"quadratic_weighted_kappa"}))
@PROPERTY
@given(case=CASES)
def test_a_metric_of_unordered_classes_does_not_depend_on_their_order(name: str, case: Case) -> None:
    expected = METRICS[name].value(case.probs, case.labels)
    assert METRICS[name].value(*case.renamed) == pytest.approx(expected, rel=1e-12, abs=1e-12)


@PROPERTY
@given(case=CASES)
def test_label_errors_follow_rows(case: Case) -> None:
    before = metrics.find_label_errors(case.probs, case.labels, draws=1)
    after = metrics.find_label_errors(case.probs[case.rows], case.labels[case.rows], draws=1)
    assert after.expected == pytest.approx(before.expected, rel=1e-12, abs=1e-12)
    assert after.suspicion.tolist() == before.suspicion[case.rows].tolist()
    assert after.suggested.tolist() == before.suggested[case.rows].tolist()


@PROPERTY
@given(case=CASES)
def test_label_errors_follow_classes(case: Case) -> None:
    before = metrics.find_label_errors(case.probs, case.labels, draws=1)
    after = metrics.find_label_errors(*case.renamed, draws=1)
    assert after.expected == pytest.approx(before.expected, rel=1e-12, abs=1e-12)
    assert after.order.tolist() == before.order.tolist()
    assert case.classes[after.suggested].tolist() == before.suggested.tolist()


@PROPERTY
@given(case=CASES)
def test_reliability_does_not_depend_on_the_order_of_rows_and_classes(case: Case) -> None:
    expected = metrics.reliability_bins(case.probs, case.labels)
    for probs, labels in ((case.probs[case.rows], case.labels[case.rows]), case.renamed):
        bins = metrics.reliability_bins(probs, labels)
        assert [(one.rows, one.accuracy) for one in bins] == [(one.rows, one.accuracy) for one in expected]
        assert [one.confidence for one in bins] == pytest.approx([one.confidence for one in expected], 1e-12)
        value = metrics.ece(probs, labels, draws=1).value
        assert value == pytest.approx(metrics.ece(case.probs, case.labels, draws=1).value, abs=1e-12)


@PROPERTY
@given(case=CASES)
def test_diversity_follows_columns_and_not_the_order_of_rows(case: Case) -> None:
    predicted = case.columns.argmax(axis=2)
    errors, cells = predicted != case.labels, np.ix_(case.order, case.order)
    permuted = np.ix_(case.order, case.rows)
    disagreement = metrics.disagreement(predicted)
    assert metrics.disagreement(predicted[permuted]).tolist() == disagreement[cells].tolist()
    correlation = metrics.error_correlation(errors)[cells]
    assert metrics.error_correlation(errors[permuted]) == pytest.approx(correlation, abs=1e-12, nan_ok=True)


@PROPERTY
@given(case=CASES)
def test_row_disagreement_follows_rows_and_not_the_order_of_columns_and_classes(case: Case) -> None:
    expected = metrics.row_disagreement(case.columns)[case.rows]
    permuted = case.columns[np.ix_(case.order, case.rows, case.classes)]
    assert metrics.row_disagreement(permuted) == pytest.approx(expected, abs=1e-12)


@settings(deadline=None, database=None)
@given(st.lists(st.tuples(st.floats(0, 1) | st.sampled_from((0.0, 0.01, 0.02)), st.integers()), max_size=12))
def test_corrected_p_values_follow_the_tests(pairs: list[tuple[float, int]]) -> None:
    order = sorted(range(len(pairs)), key=lambda place: pairs[place][1])
    p = [one for one, _ in pairs]
    corrected = metrics.holm(p)
    assert metrics.holm([p[place] for place in order]) == [corrected[place] for place in order]
    assert all(before <= after <= 1 for before, after in zip(p, corrected, strict=True))
