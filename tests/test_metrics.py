import numpy as np
import pytest

from kit import metrics

HALF_RIGHT = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]], np.float32)
LABELS = np.array([0, 1, 1, 0], np.uint8)


def test_accuracy_counts_the_most_probable_class() -> None:
    assert metrics.accuracy(HALF_RIGHT, LABELS) == 0.5


def test_of_equally_probable_classes_the_first_counts() -> None:
    assert metrics.accuracy(np.array([[0.5, 0.5], [0.5, 0.5]]), np.array([0, 1])) == 0.5


def test_log_loss_is_the_mean_of_minus_ln() -> None:
    expected = -(np.log(0.9) + np.log(0.8) + np.log(0.4) + np.log(0.3)) / 4
    assert metrics.log_loss(HALF_RIGHT, LABELS) == pytest.approx(expected, rel=1e-6)


def test_log_loss_is_that_of_scikit_learn() -> None:
    from sklearn.metrics import log_loss

    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.full(10, 0.05), 500).astype(np.float32)
    labels = rng.integers(10, size=500)
    assert metrics.log_loss(probs, labels) == pytest.approx(log_loss(labels, probs), rel=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_row_wrong_with_certainty_costs_a_bounded_loss_in_either_precision(dtype: str) -> None:
    probs = np.array([[1.0, 0.0]], dtype)
    assert metrics.log_loss(probs, np.array([1])) == pytest.approx(15.9424, abs=1e-4)
    assert metrics.log_loss(probs, np.array([0])) == pytest.approx(0, abs=1e-6)


def test_log_loss_is_summed_in_float64() -> None:
    probs = np.full((1_000_000, 2), [0.9, 0.1], np.float32)
    exact = -np.log(np.float64(np.float32(0.9)))
    assert metrics.log_loss(probs, np.zeros(1_000_000, np.uint8)) == pytest.approx(exact, rel=1e-12)


# The four proportions of table I in Newcombe (1998), method 3.
@pytest.mark.parametrize(
    ("right", "rows", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0000, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_published_intervals(right: int, rows: int, low: float, high: float) -> None:
    assert metrics.wilson(rows - right, rows) == pytest.approx((low, high), abs=5e-5)


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


def test_expected_score_covers_the_score_of_other_rows_in_95_of_100_cases() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.binomial(2000, 0.9, 2000) / 2000, rng.binomial(500, 0.9, 2000) / 500
    low, high = np.transpose([metrics.expected_score(accuracy, 2000, 500) for accuracy in first])
    covered = (low <= second) & (second <= high)
    assert np.mean(covered) == pytest.approx(0.95, abs=0.015)


# By hand: twice the lower tail of a fair coin, as in 2 x (1 + 6) / 64.
@pytest.mark.parametrize(
    ("only_a", "only_b", "p"), [(1, 5, 14 / 64), (5, 1, 14 / 64), (0, 10, 2 / 1024), (3, 3, 1.0), (0, 0, 1.0)]
)
def test_mcnemar_is_the_exact_binomial_test_of_the_disagreements(only_a: int, only_b: int, p: float) -> None:
    a = np.array([True] * only_a + [False] * only_b + [True] * 7 + [False] * 4)
    b = np.array([False] * only_a + [True] * only_b + [True] * 7 + [False] * 4)
    result = metrics.mcnemar(a, b)
    assert result[:2] == (only_a, only_b)
    assert result.p == pytest.approx(p, rel=1e-12)


def test_mcnemar_holds_for_many_disagreements() -> None:
    from scipy.stats import binomtest

    a = np.arange(40_000) < 20_300
    assert metrics.mcnemar(a, ~a).p == pytest.approx(binomtest(20_300, 40_000).pvalue, rel=1e-9)


def test_bootstrap_is_repeatable_and_depends_on_its_seed() -> None:
    a, b = np.random.default_rng(0).exponential(size=(2, 300))
    assert metrics.paired_bootstrap(a, b, seed=1) == metrics.paired_bootstrap(a, b, seed=1)
    assert metrics.paired_bootstrap(a, b, seed=1) != metrics.paired_bootstrap(a, b, seed=2)


def test_bootstrap_agrees_with_the_normal_approximation() -> None:
    a, b = np.random.default_rng(0).normal(size=(2, 2000))
    result = metrics.paired_bootstrap(a, b)
    half = 1.96 * np.std(a - b) / np.sqrt(2000)
    assert result.mean == pytest.approx(np.mean(a - b))
    assert (result.low, result.high) == pytest.approx(
        (result.mean - half, result.mean + half), abs=0.08 * half
    )


def test_bootstrap_draws_rows_in_pairs() -> None:
    a = np.random.default_rng(0).exponential(size=200)
    result = metrics.paired_bootstrap(a + 0.25, a)
    assert result == pytest.approx((0.25, 0.25, 0.25))


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
