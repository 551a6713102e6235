import numpy as np
import pytest
from sklearn.metrics import matthews_corrcoef, zero_one_loss

from kit import metrics

RNG = np.random.default_rng(0)
PREDICTED = RNG.integers(4, size=(5, 300))
ERRORS = RNG.random((5, 300)) < np.array([0.05, 0.2, 0.5, 0.7, 0.9])[:, None]
PROBS = RNG.dirichlet(np.ones(4), (5, 300)).astype(np.float32)


def test_disagreement_is_the_share_of_rows_with_another_class() -> None:
    expected = [[zero_one_loss(one, other) for other in PREDICTED] for one in PREDICTED]
    assert metrics.disagreement(PREDICTED) == pytest.approx(np.array(expected), abs=1e-12)


def test_the_error_correlation_is_that_of_numpy_and_scikit_learn() -> None:
    phi = metrics.error_correlation(ERRORS)
    expected = [[matthews_corrcoef(one, other) for other in ERRORS] for one in ERRORS]
    assert phi == pytest.approx(np.corrcoef(ERRORS), abs=1e-12)
    assert phi == pytest.approx(np.array(expected), abs=1e-12)


def test_a_column_without_errors_or_with_only_errors_has_no_correlation() -> None:
    errors = np.array([[0, 0, 0], [1, 1, 1], [1, 0, 0]], bool)
    nan = np.nan
    expected = [[nan, nan, nan], [nan, nan, nan], [nan, nan, 1]]
    assert metrics.error_correlation(errors) == pytest.approx(np.array(expected), nan_ok=True)


def test_row_disagreement_is_the_mean_distance_to_the_mean() -> None:
    exact = PROBS.astype(np.float64)
    expected = np.abs(exact - exact.mean(axis=0)).sum(axis=2).mean(axis=0) / 2
    assert metrics.row_disagreement(PROBS) == pytest.approx(expected, abs=1e-12)
    assert metrics.row_disagreement(list(PROBS)).tolist() == metrics.row_disagreement(PROBS).tolist()


def test_columns_that_are_certain_of_two_classes_disagree_by_half() -> None:
    assert metrics.row_disagreement(np.array([[[1.0, 0]], [[0, 1]]])).tolist() == [0.5]


def test_a_single_column_does_not_disagree() -> None:
    assert not metrics.row_disagreement(PROBS[:1]).any()
