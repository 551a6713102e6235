from typing import get_args

import numpy as np
import pytest
from scipy.special import softmax

from kit.config import MetricName
from kit.metrics import HITS, LOSS, METRICS, Metric

RNG = np.random.default_rng(0)
LABELS = RNG.integers(4, size=600)
PROBS = RNG.dirichlet(np.ones(4), 600)
PROBS[np.arange(600), LABELS] += 0.4
PROBS /= PROBS.sum(axis=1, keepdims=True)
OTHER = RNG.permutation(PROBS)
ALL = pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)


@ALL
def test_the_interval_is_around_the_value(metric: Metric) -> None:
    low, high = metric.interval(PROBS, LABELS)
    assert low < metric.value(PROBS, LABELS) < high
    assert high - low < 0.25


@ALL
def test_fewer_test_rows_make_the_expected_score_less_certain(metric: Metric) -> None:
    widths = [high - low for low, high in (metric.expected(PROBS, LABELS, rows) for rows in (100, 10_000))]
    interval = metric.interval(PROBS, LABELS)
    assert widths[0] > 1.5 * widths[1]
    assert widths[1] == pytest.approx(interval.high - interval.low, rel=0.15)


@ALL
def test_the_difference_from_predictions_of_other_rows_is_certain(metric: Metric) -> None:
    mean, low, high = metric.difference(PROBS, OTHER, LABELS)
    assert mean == pytest.approx(metric.value(PROBS, LABELS) - metric.value(OTHER, LABELS))
    assert low < mean < high
    assert low > 0 if metric.greater_is_better else high < 0


@ALL
def test_equal_predictions_have_no_difference(metric: Metric) -> None:
    assert metric.difference(PROBS, PROBS.copy(), LABELS) == (0, 0, 0)


@ALL
def test_the_mean_of_the_row_losses_is_the_loss_of_the_value(metric: Metric) -> None:
    losses = metric.row_losses(PROBS, LABELS)
    assert (losses is None) == (metric.name not in {"accuracy", "micro_f1", "log_loss"})
    if losses is not None:
        assert losses.mean() == pytest.approx(metric.loss(metric.value(PROBS, LABELS)))


@ALL
def test_a_better_value_has_a_lower_loss_that_leads_back_to_it(metric: Metric) -> None:
    better, worse = metric.value(PROBS, LABELS), metric.value(OTHER, LABELS)
    assert metric.loss(better) < metric.loss(worse)
    assert metric.from_loss(metric.loss(better)) == pytest.approx(better)


@ALL
def test_the_interval_covers_the_value_of_the_population(metric: Metric) -> None:
    """Draw 60 samples of 300 rows from 20,000: about 57 of their intervals hold the value of all rows."""
    rng = np.random.default_rng(1)
    labels = rng.integers(3, size=20_000)
    probs = rng.dirichlet(np.ones(3), 20_000)
    probs[np.arange(20_000), labels] += 0.5
    probs /= probs.sum(axis=1, keepdims=True)
    truth, covered = metric.value(probs, labels), 0
    for _ in range(60):
        rows = rng.integers(20_000, size=300)
        low, high = metric.interval(probs[rows], labels[rows])
        covered += low <= truth <= high
    assert 52 <= covered <= 60


@ALL
def test_the_expected_score_holds_the_score_of_other_rows(metric: Metric) -> None:
    """Draw 60 pairs of 400 and 250 rows: about 57 scores of the second are in the range of the first."""
    rng = np.random.default_rng(2)
    shares = np.array([0.6, 0.3, 0.1])
    labels = rng.choice(3, 20_000, p=shares)
    seen = 1.5 * labels + rng.normal(size=20_000)
    probs = softmax(np.log(shares) - (seen[:, None] - 1.5 * np.arange(3)) ** 2 / 2, axis=1)
    covered = 0
    for _ in range(60):
        rows, others = rng.integers(20_000, size=400), rng.integers(20_000, size=250)
        low, high = metric.expected(probs[rows], labels[rows], 250)
        covered += low <= metric.value(probs[others], labels[others]) <= high
    assert 52 <= covered <= 60


@pytest.mark.parametrize(
    ("metric", "value", "text"),
    [(HITS, 0.99643, "99.643"), (LOSS, 0.027543, "0.02754"), (HITS, None, "-"), (LOSS, float("nan"), "-")],
)
def test_values_are_formatted_as_people_read_them(metric: Metric, value: float | None, text: str) -> None:
    assert metric.format(value) == text


def test_differences_carry_their_sign() -> None:
    assert HITS.format_difference(0.00012) == "+0.012"
    assert LOSS.format_difference(-0.00137) == "-0.00137"
    assert LOSS.format_difference(None) == "-"


def test_no_value_is_minus_zero() -> None:
    assert (HITS.format(-1e-9), LOSS.format(-1e-9)) == ("0.000", "0.00000")
    assert (HITS.format_difference(-1e-9), LOSS.format_difference(-1e-9)) == ("+0.000", "+0.00000")


def test_every_metric_has_a_known_need() -> None:
    assert {one.needs for one in METRICS.values()} == {"labels", "probabilities"}


def test_the_configuration_offers_every_metric() -> None:
    assert set(get_args(MetricName)) == set(METRICS)
