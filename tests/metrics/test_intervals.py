import numpy as np
import pytest
from scipy.stats import norm
from statsmodels.stats.proportion import proportion_confint

from kit import metrics


# The four proportions of table I in Newcombe (1998), method 3.
@pytest.mark.parametrize(
    ("right", "rows", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0000, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_published_intervals(right: int, rows: int, low: float, high: float) -> None:
    assert metrics.wilson(rows - right, rows) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(("errors", "rows"), [(145, 42_000), (0, 7), (3, 11), (2400, 2400)])
def test_wilson_is_that_of_statsmodels(errors: int, rows: int) -> None:
    alpha = 2 * norm.sf(metrics.Z95)
    expected = proportion_confint(rows - errors, rows, alpha, method="wilson")
    assert metrics.wilson(errors, rows) == pytest.approx(expected, rel=1e-12)


def test_wilson_keeps_a_width_without_errors_and_stays_within_bounds() -> None:
    low, high = metrics.wilson(0, 100)
    assert high == pytest.approx(1)
    assert low == pytest.approx(100 / (100 + 1.96**2))
    assert metrics.wilson(100, 100) == pytest.approx((0, 1 - low))


@pytest.mark.parametrize(("errors", "rows"), [(0, 0), (-1, 10), (11, 10)])
def test_wilson_refuses_impossible_counts(errors: int, rows: int) -> None:
    with pytest.raises(ValueError, match=f"received {errors} errors in {rows} rows"):
        metrics.wilson(errors, rows)


@pytest.mark.parametrize(("test_rows", "half"), [(28_000, 0.00083), (7_000, 0.00138)])
def test_expected_score_at_the_competition_size(test_rows: int, half: float) -> None:
    low, high = metrics.expected_score(0.997, 42_000, test_rows)
    assert (high - low) / 2 == pytest.approx(half, abs=5e-6)
    assert (high + low) / 2 == pytest.approx(0.997)


def test_expected_score_stays_between_0_and_1() -> None:
    assert metrics.expected_score(0.99, 100, 10)[1] == 1
    assert metrics.expected_score(0.01, 100, 10)[0] == 0


@pytest.mark.parametrize(("accuracy", "interval"), [(1.0, (0.970, 1.0)), (0.0, (0.0, 0.030))])
def test_expected_score_has_a_width_without_errors_too(
    accuracy: float, interval: tuple[float, float]
) -> None:
    assert metrics.expected_score(accuracy, 200, 50) == pytest.approx(interval, abs=5e-4)


def test_expected_score_covers_the_score_of_other_rows_in_95_of_100_cases() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.binomial(2000, 0.9, 2000) / 2000, rng.binomial(500, 0.9, 2000) / 500
    low, high = np.transpose([metrics.expected_score(accuracy, 2000, 500) for accuracy in first])
    covered = (low <= second) & (second <= high)
    assert np.mean(covered) == pytest.approx(0.95, abs=0.015)


def test_mean_sd_is_the_sample_deviation() -> None:
    assert metrics.mean_sd([2, 4, 4, 4, 5, 5, 7, 9]) == pytest.approx((5, (32 / 7) ** 0.5))


def test_one_value_has_no_deviation_and_none_no_mean() -> None:
    assert metrics.mean_sd([0.5]) == (0.5, None)
    with pytest.raises(ValueError, match="received none"):
        metrics.mean_sd([])


@pytest.mark.parametrize("level", [0.95, 1 - 0.05 / 3])
def test_student_interval_is_that_of_scipy(level: float) -> None:
    from scipy import stats

    values = [0.3, -0.1, 0.25, 0.2, 0.05]
    low, high = stats.ttest_1samp(values, 0).confidence_interval(level)
    assert metrics.student_interval(values, level) == pytest.approx((np.mean(values), low, high))


def test_equal_values_have_an_interval_without_width_and_one_value_none() -> None:
    assert metrics.student_interval([-0.5] * 3) == (-0.5, -0.5, -0.5)
    with pytest.raises(ValueError, match="received one"):
        metrics.student_interval([0.5])


def test_share_intervals_hold_every_class_of_other_rows_in_95_percent_of_draws() -> None:
    rng, shares = np.random.default_rng(0), 1 / np.arange(1, 27) ** 1.2
    inside = 0
    for _ in range(400):
        here, there = (
            rng.multinomial(2000, shares / shares.sum()),
            rng.multinomial(600, shares / shares.sum()),
        )
        intervals = metrics.share_intervals(here, 600)
        inside += all(low <= share <= high for (low, high), share in zip(intervals, there / 600, strict=True))
    assert 370 <= inside <= 392


def test_the_share_interval_of_a_class_without_rows_has_a_width() -> None:
    low, high = metrics.share_intervals(np.array([1000, 0]), 500)[1]
    assert low == 0
    assert 1 / 500 < high < 10 / 500


def test_share_intervals_are_normal_for_large_classes() -> None:
    """Four classes: the quantile of 1 - 0.05 / 4 is 2.4977."""
    low, high = metrics.share_intervals(np.full(4, 25_000), 50_000)[0]
    half = 2.4977 * np.sqrt(0.25 * 0.75 * (1 / 100_000 + 1 / 50_000))
    assert (low, high) == pytest.approx((0.25 - half, 0.25 + half), abs=1e-4)
