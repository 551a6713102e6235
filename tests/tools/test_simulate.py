from itertools import groupby
from math import sqrt

import numpy as np
import pytest
from click.testing import CliRunner

from tools.simulate import ALPHA, PAIR, SETTINGS, Problem, Setting, main, outcomes, pairs, power

# Two standard errors of a share of 400 above ALPHA.
MOST = ALPHA + 2 * sqrt(ALPHA * (1 - ALPHA) / 400)


def test_networks_of_a_problem_differ_and_give_probabilities() -> None:
    problem, rng = Problem(Setting(50, 5, 1, 1), 0), np.random.default_rng(0)
    first, second = problem.network(rng), problem.network(rng)
    assert first.sum(axis=1) == pytest.approx(np.ones(50), rel=1e-5)
    assert np.abs(first - second).max() > 0.01


# By hand: of 6 rows, McNemar needs 6 on one side (p = 2 / 64).
@pytest.mark.parametrize(("discordant", "difference", "rate"), [(6, 0, 2 / 64), (6, 6, 1.0), (5, 0, 0.0)])
def test_power_is_the_share_of_significant_splits(discordant: int, difference: int, rate: float) -> None:
    assert power(discordant, difference) == pytest.approx(rate)


@pytest.mark.slow
@pytest.mark.parametrize("setting", SETTINGS[:2], ids=["2,000 rows", "5,000 rows"])
def test_bands_contain_the_true_score_in_85_percent_of_repeats(setting: Setting) -> None:
    found = sorted(outcomes(setting, repeats=40, networks=320), key=lambda one: one[:3])
    coverage = {
        key: np.mean([one.inside for one in group]) for key, group in groupby(found, key=lambda one: one[:3])
    }
    assert len(coverage) == 4 * 5
    assert {key: share for key, share in coverage.items() if share < 0.85} == {}


@pytest.mark.slow
def test_equal_networks_are_rarely_called_different_and_better_ones_often() -> None:
    found = list(pairs(PAIR, 400, draws=1))
    assert np.mean([one.p < ALPHA for one in found]) <= MOST
    assert np.mean([one.better_p < ALPHA for one in found]) > 0.5


@pytest.mark.slow
def test_log_losses_of_equal_networks_are_rarely_called_different() -> None:
    found = list(pairs(Setting(10_000, 12, 2.1, 1.4), 400, draws=400))
    assert np.mean([one.loss_differs for one in found]) <= MOST


def test_compare_prints_rates_and_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PAIR", "UNEQUAL"):
        monkeypatch.setattr(f"tools.simulate.{name}", Setting(2000, 5, 2, 1.5))
    printed = CliRunner().invoke(main, ["compare", "--count", "3"], catch_exceptions=False).output
    assert printed.startswith("3 pairs")
    assert "| 100 |" in printed


def test_growth_prints_a_row_per_metric_target_and_number_of_units(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.simulate.SETTINGS", (Setting(100, 5, 2, 1.5),))
    printed = CliRunner().invoke(main, ["growth", "--repeats", "2"], catch_exceptions=False).output
    assert printed.count("\n") == 2 + 4 * 5
