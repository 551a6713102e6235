import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as exact_mcnemar

from kit import metrics


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


@pytest.mark.parametrize("seed", range(5))
def test_mcnemar_is_that_of_statsmodels(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.random((2, 80)) < rng.random((2, 1))
    table = [[np.sum(a & b), np.sum(a & ~b)], [np.sum(~a & b), np.sum(~a & ~b)]]
    assert metrics.mcnemar(a, b).p == pytest.approx(exact_mcnemar(table, exact=True).pvalue, rel=1e-9)


@pytest.mark.parametrize(("only_a", "only_b"), [(4, 0), (0, 9), (7, 3), (60, 85), (1500, 1400)])
def test_the_discordant_interval_combines_exact_intervals_of_both_counts(only_a: int, only_b: int) -> None:
    low_a, low_b = (stats.chi2.ppf(0.025, 2 * count) / 2 if count else 0 for count in (only_a, only_b))
    high_a, high_b = (stats.chi2.ppf(0.975, 2 * count + 2) / 2 for count in (only_a, only_b))
    below = ((only_a - low_a) ** 2 + (high_b - only_b) ** 2) ** 0.5
    above = ((high_a - only_a) ** 2 + (only_b - low_b) ** 2) ** 0.5
    expected = only_a - only_b - below, only_a - only_b + above
    assert metrics.discordant_interval(only_a, only_b) == pytest.approx(expected, rel=1e-9)


def test_the_discordant_interval_of_many_rows_is_normal() -> None:
    half = 1.96 * 145_000**0.5
    found = metrics.discordant_interval(60_000, 85_000)
    assert found == pytest.approx((-25_000 - half, -25_000 + half), rel=1e-3)


@pytest.mark.parametrize(("a", "b"), [(3, 1), (10, 10), (50, 10), (100, 80)])
def test_the_discordant_interval_holds_the_true_difference(a: int, b: int) -> None:
    random = np.random.default_rng(0)
    drawn = zip(random.poisson(a, 2000).tolist(), random.poisson(b, 2000).tolist(), strict=True)
    held = [low <= a - b <= high for low, high in (metrics.discordant_interval(*pair) for pair in drawn)]
    assert 0.94 < np.mean(held) <= 1


def test_without_disagreements_the_discordant_interval_has_no_width() -> None:
    assert metrics.discordant_interval(0, 0) == (0, 0)


def test_the_discordant_interval_excludes_0_where_mcnemar_is_significant() -> None:
    for only_a, only_b in np.ndindex(60, 60):
        low, high = metrics.discordant_interval(only_a, only_b)
        a = np.arange(only_a + only_b) < only_a
        p = metrics.mcnemar(a, ~a).p
        if not 0.05 <= p < 0.06:
            assert (low > 0 or high < 0) == (p < 0.05), (only_a, only_b)


def test_the_discordant_interval_changes_sign_with_the_classifiers() -> None:
    low, high = metrics.discordant_interval(12, 5)
    assert metrics.discordant_interval(5, 12) == pytest.approx((-high, -low), rel=1e-12)


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


def test_bootstrap_is_about_that_of_scipy() -> None:
    a, b = np.random.default_rng(0).exponential(size=(2, 300))
    expected = stats.bootstrap((a - b,), np.mean, n_resamples=2000, method="percentile", rng=1)
    low, high = expected.confidence_interval
    assert metrics.paired_bootstrap(a, b)[1:] == pytest.approx((low, high), abs=0.08 * (high - low))


def test_bootstrap_draws_rows_in_pairs() -> None:
    a = np.random.default_rng(0).exponential(size=200)
    result = metrics.paired_bootstrap(a + 0.25, a)
    assert result == pytest.approx((0.25, 0.25, 0.25))


def test_all_columns_are_resampled_as_in_the_paired_bootstrap() -> None:
    losses = np.random.default_rng(0).random((300, 3))
    means = metrics.bootstrap_means(losses)
    assert means.shape == (2000, 3)
    expected = metrics.paired_bootstrap(losses[:, 2], losses[:, 0])
    found = np.percentile(means[:, 2] - means[:, 0], [2.5, 97.5])
    assert found == pytest.approx([expected.low, expected.high])
