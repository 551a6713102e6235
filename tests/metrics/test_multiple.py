import numpy as np
import pytest
from scipy.stats import norm
from statsmodels.stats.multitest import multipletests

from kit import metrics
from kit.metrics import Difference


@pytest.mark.parametrize("number", [1, 2, 5, 40])
@pytest.mark.parametrize("digits", [1, 8])
def test_holm_is_that_of_statsmodels(number: int, digits: int) -> None:
    p = (np.random.default_rng(number).random(number) ** 3).round(digits).tolist()
    assert metrics.holm(p) == pytest.approx(multipletests(p, method="holm")[1], rel=1e-12)


def test_holm_multiplies_the_smallest_by_the_number_of_tests() -> None:
    assert metrics.holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])


def test_no_tests_need_no_correction() -> None:
    assert metrics.holm([]) == []


@pytest.mark.parametrize("mean", [-0.3, -1e-4, 0.02, 0.1, 5])
def test_the_p_value_of_a_normal_interval_is_that_of_its_z(mean: float) -> None:
    difference = Difference(mean, mean - 1.96 * 0.05, mean + 1.96 * 0.05)
    assert metrics.normal_p(difference) == pytest.approx(2 * norm.sf(abs(mean) / 0.05), rel=1e-9)


def test_an_interval_that_ends_at_0_has_a_p_value_of_5_percent() -> None:
    assert metrics.normal_p(Difference(0.2, 0, 0.4)) == pytest.approx(0.05, abs=1e-5)


@pytest.mark.parametrize(
    ("difference", "p"),
    [((0, -1, 1), 1), ((0, 0, 0), 1), ((0.25, 0.25, 0.25), 0), ((-0.25, -0.25, -0.25), 0)],
)
def test_no_difference_and_no_width_are_exact(difference: tuple[float, float, float], p: float) -> None:
    assert metrics.normal_p(Difference(*difference)) == p


def test_a_difference_without_a_value_is_no_evidence() -> None:
    assert metrics.normal_p(Difference(np.nan, np.nan, np.nan)) == 1
