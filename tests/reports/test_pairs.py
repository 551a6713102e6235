import numpy as np
import pytest
from numpy.typing import NDArray
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from kit import metrics
from kit.metrics import HITS, LOSS, METRICS
from kit.reports.pairs import compare_pairs

Array = NDArray[np.float64]
LABELS = np.random.default_rng(0).integers(3, size=400)


def predictions(accuracy: float, seed: int) -> Array:
    """Return (400, 3) probabilities with about this accuracy."""
    rng = np.random.default_rng(seed)
    probs = rng.dirichlet((1, 1, 1), len(LABELS))
    right = rng.random(len(LABELS)) < accuracy
    probs[right] += np.eye(3)[LABELS[right]]
    return np.asarray(probs / probs.sum(axis=1, keepdims=True))


GOOD, SAME, BAD = predictions(0.9, 1), predictions(0.9, 2), predictions(0.6, 3)


def test_p_values_agree_with_statsmodels() -> None:
    pairs = compare_pairs(["a", "b", "c"], [GOOD, SAME, BAD], LABELS, HITS)
    assert [(one.a, one.b) for one in pairs] == [("a", "b"), ("a", "c"), ("b", "c")]
    for one in pairs:
        table = [[0, one.lost], [one.gained, 0]]
        assert one.p == pytest.approx(mcnemar(table, exact=True).pvalue)
    corrected = multipletests([one.p for one in pairs], method="holm")[1]
    assert [one.p_corrected for one in pairs] == pytest.approx(list(corrected))


@pytest.mark.parametrize("metric", list(METRICS.values()), ids=list(METRICS))
def test_the_verdict_is_about_the_second(metric: metrics.Metric) -> None:
    [pair] = compare_pairs(["good", "bad"], [GOOD, BAD], LABELS, metric)
    [turned] = compare_pairs(["bad", "good"], [BAD, GOOD], LABELS, metric)
    assert (pair.verdict, turned.verdict) == ("worse", "better")
    assert pair.difference == pytest.approx(metric.value(BAD, LABELS) - metric.value(GOOD, LABELS))
    assert turned.difference == pytest.approx(-(pair.difference or 0.0))


def test_intervals_are_those_of_the_paired_bootstrap() -> None:
    [pair] = compare_pairs(["good", "bad"], [GOOD, BAD], LABELS, HITS)
    assert (pair.difference, *pair.interval) == pytest.approx(HITS.difference(BAD, GOOD, LABELS))
    assert (pair.loss_difference, *pair.loss_interval) == pytest.approx(LOSS.difference(BAD, GOOD, LABELS))


def test_the_same_predictions_do_not_differ() -> None:
    [pair] = compare_pairs(["a", "b"], [GOOD, GOOD], LABELS, HITS, [10.0, 25.0])
    assert (pair.verdict, pair.p, pair.p_corrected) == ("no difference", 1.0, 1.0)
    assert (pair.difference, pair.interval, pair.loss_interval) == (0.0, (0.0, 0.0), (0.0, 0.0))
    assert (pair.gained, pair.lost, pair.rows, pair.seconds_difference) == (0, 0, 400, 15.0)


def test_a_single_column_has_no_pair() -> None:
    assert compare_pairs(["a"], [GOOD], LABELS, HITS) == ()
