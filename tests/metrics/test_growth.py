from itertools import combinations
from math import sqrt

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

from kit import metrics
from kit.metrics.classification import LogLoss
from kit.metrics.growth import GrowthEstimate, growth
from kit.metrics.metric import Metric


class Brier(LogLoss):
    """Brier score: its expected value is exactly a + b / k."""

    def value(self, probs: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
        return float(np.mean(np.sum((probs - np.eye(probs.shape[1])[labels]) ** 2, axis=1)))

    def row_losses(self, probs: NDArray[np.floating], labels: NDArray[np.integer]) -> NDArray[np.float64]:
        return np.asarray(np.sum((probs - np.eye(probs.shape[1])[labels]) ** 2, axis=1))


def units(
    count: int, rows: int = 300, classes: int = 4
) -> tuple[list[NDArray[np.float64]], NDArray[np.int64]]:
    """Return networks that are right in three rows of four, and the labels."""
    rng = np.random.default_rng(count)
    labels = rng.integers(classes, size=rows)
    logits = rng.normal(size=(rows, classes)) + 2 * np.eye(classes)[labels]
    powers = np.exp(logits + rng.normal(size=(count, rows, classes)))
    return list(powers / powers.sum(axis=2, keepdims=True)), labels


def numbers(estimate: GrowthEstimate) -> NDArray[np.float64]:
    """Return every number of an estimate."""
    assert estimate.errors_saved_band is not None
    saved = [estimate.errors_saved, *estimate.errors_saved_band]
    return np.concatenate([np.ravel(estimate.points), np.ravel(estimate.forecasts), saved])


@pytest.mark.parametrize("name", ["accuracy", "log_loss", "macro_f1"])
def test_points_are_quantiles_over_the_subsets(name: str) -> None:
    (some, labels), metric = units(4), metrics.METRICS[name]
    for point, size in zip(growth(some, labels, metric).points, (1, 2, 3, 4), strict=True):
        scores = [metric.value(np.mean(subset, axis=0), labels) for subset in combinations(some, size)]
        assert (point.units, point.subsets) == (size, len(scores))
        expected = np.quantile(scores, [0.5, 0.05, 0.95])
        assert (point.median, point.low, point.high) == pytest.approx(expected, rel=1e-12)


def test_forecast_of_the_brier_score_is_exact() -> None:
    some, labels = units(5)
    one, two = (
        np.mean([Brier().value(np.mean(subset, axis=0), labels) for subset in combinations(some, size)])
        for size in (1, 2)
    )
    # a + b / k through these two: a = 2 L(2) - L(1), b = 2 (L(1) - L(2)).
    expected = [2 * two - one + 2 * (one - two) / size for size in (10, 20)]
    forecasts = growth(some, labels, Brier()).forecasts
    assert [one.value for one in forecasts] == pytest.approx(expected, rel=1e-12)


def test_band_of_two_units_adds_units_rows_and_law() -> None:
    some, labels = units(2)
    forecast = growth(some, labels, metrics.LOSS).forecasts[0]
    first, second, both = (metrics.row_losses(one, labels) for one in (*some, (some[0] + some[1]) / 2))
    rows = 1.5 * both - (first + second) / 4
    assert forecast.value == pytest.approx(rows.mean(), rel=1e-12)
    # b / sqrt(k) through the same two points.
    slope = (both.mean() - (first + second).mean() / 2) / (1 / sqrt(2) - 1)
    law = both.mean() + slope * (1 / 2 - 1 / sqrt(2)) - rows.mean()
    se = np.hypot((first - second).mean() / 2, sqrt(np.mean(rows**2) / len(rows)))
    assert (forecast.high - forecast.low) / 2 == pytest.approx(np.hypot(norm.ppf(0.95) * se, law), rel=1e-9)


@pytest.mark.parametrize(
    ("count", "name"),
    [(2, "accuracy"), (2, "log_loss"), (3, "auc"), (8, "accuracy"), (8, "log_loss"), (12, "log_loss")],
)
def test_order_of_units_rows_and_classes_does_not_matter(count: int, name: str) -> None:
    (some, labels), metric = units(count), metrics.METRICS[name]
    original = numbers(growth(some, labels, metric))
    assert numbers(growth(some[::-1], labels, metric)).tolist() == original.tolist()
    rng = np.random.default_rng(0)
    rows, classes = rng.permutation(len(labels)), rng.permutation(4)
    moved = [one[rows][:, classes] for one in some]
    again = numbers(growth(moved, np.argsort(classes)[labels[rows]], metric))
    assert again == pytest.approx(original, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("metric", metrics.METRICS.values(), ids=metrics.METRICS)
@pytest.mark.parametrize("count", [2, 3])
def test_every_metric_has_a_forecast_within_its_band(metric: Metric, count: int) -> None:
    estimate = growth(*units(count), metric)
    assert [one.units for one in estimate.forecasts] == [2 * count, 4 * count]
    assert all(one.low < one.value < one.high for one in estimate.forecasts)
    assert estimate.missing is None


def test_errors_saved_do_not_depend_on_the_metric() -> None:
    some, labels = units(3)
    by_hits, by_auc = (growth(some, labels, metrics.METRICS[name]) for name in ("accuracy", "auc"))
    assert by_hits[2:4] == by_auc[2:4]


def test_errors_saved_are_twice_the_difference_of_the_forecasts() -> None:
    """With a + b / k, 2 S units in place of S save b / 2 S, and 4 S in place of 2 S half of that."""
    some, labels = units(4)
    estimate = growth(some, labels, metrics.HITS)
    twice, four_times = (one.value for one in estimate.forecasts)
    assert estimate.errors_saved == pytest.approx(2 * len(labels) * (four_times - twice))


def test_random_subsets_are_distinct_and_limited() -> None:
    some, labels = units(8)
    counts = [one.subsets for one in growth(some, labels, metrics.LOSS, subsets=30).points]
    assert counts == [8, 28, 30, 30, 30, 28, 8, 1]
    assert growth(some, labels, metrics.LOSS, seed=1) != growth(some, labels, metrics.LOSS, seed=2)


def test_many_units_are_scored_at_ten_sizes() -> None:
    sizes = [one.units for one in growth(*units(40, rows=50), metrics.HITS).points]
    assert len(sizes) <= 10
    assert (sizes[0], sizes[-1]) == (1, 40)


def test_equal_units_save_nothing() -> None:
    (one, *_), labels = units(3)
    estimate = growth([one] * 3, labels, metrics.LOSS)
    assert numbers(estimate)[-3:] == pytest.approx([0, 0, 0], abs=1e-9)
    assert estimate.forecasts[0][1:] == pytest.approx([metrics.log_loss(one, labels)] * 3)


def test_units_without_errors_stay_without() -> None:
    labels = np.arange(6) % 3
    estimate = growth([np.eye(3)[labels]] * 2, labels, metrics.HITS)
    assert estimate.points[-1].median == 1
    assert estimate.forecasts[0].value == pytest.approx(1)
    assert estimate.errors_saved == pytest.approx(0)


def test_a_single_unit_has_a_point_and_the_reason_why_no_forecast() -> None:
    estimate = growth(*units(1), metrics.HITS)
    assert len(estimate.points) == 1
    assert (estimate.forecasts, estimate.missing) == ((), "a forecast needs at least two")


def test_a_metric_without_a_value_gives_the_reason() -> None:
    some, labels = units(3)
    estimate = growth(some, np.zeros_like(labels), metrics.METRICS["auc"])
    assert estimate == GrowthEstimate((), missing="AUC is not defined on these rows")


def test_no_units_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one unit"):
        growth([], np.zeros(3, np.int64), metrics.HITS)
