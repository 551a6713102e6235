import pytest

from kit.reports.study.comparisons import (
    confidence,
    decisive,
    interval_text,
    looks_no_better,
    probability,
    relative_interval,
    result,
    span,
)
from tests.studies import comparison, confirmation

FAILED = {"losses": (0.03, None, 0.04), "mean": None, "low": None, "high": None, "status": "failed"}


def test_the_interval_of_the_gain_is_relative_to_the_baseline() -> None:
    assert relative_interval(comparison("confirmed")) == pytest.approx((0.125, 0.375))
    assert span(comparison()) == "-12.5 to +37.5 %"


def test_an_interval_comes_with_its_own_confidence() -> None:
    assert interval_text(comparison(error_rate=1 / 30)) == "93.3 % interval -12.5 to +37.5 %"


def test_without_a_mean_there_is_no_interval() -> None:
    failed = comparison(**FAILED)
    assert (relative_interval(failed), span(failed), interval_text(failed)) == (None, "-", "")


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (0.025, "95 %"),
        (1 / 30, "93.3 %"),
        (0.05 / 6, "98.3 %"),
        (0.00375, "99.25 %"),
        (0.05, "90 %"),
        (1.5e-5, "99.997 %"),
        (0.0, "100 %"),
    ],
)
def test_confidence_is_never_rounded_to_certainty(rate: float, text: str) -> None:
    assert confidence(comparison(error_rate=rate)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.987, "98.7 %"),
        (0.8, "80 %"),
        (0.9989, "99.89 %"),
        (0.99999, "> 99.9 %"),
        (1.0, "> 99.9 %"),
        (0.00001, "< 0.1 %"),
        (0.0, "< 0.1 %"),
        (None, "-"),
    ],
)
def test_a_probability_is_never_certainty(value: float | None, text: str) -> None:
    assert probability(comparison(probability=value)) == text


def test_results_are_told_apart() -> None:
    found = [
        comparison("confirmed"),
        comparison(),
        comparison(status="stopped"),
        comparison(**FAILED),
        comparison(mean=None, low=None, high=None),
    ]
    assert [result(one) for one in found] == [
        "better",
        "not confirmed",
        "stopped early",
        "failed",
        "unfinished",
    ]


def test_a_trial_that_was_stopped_or_has_no_gain_looks_no_better() -> None:
    assert looks_no_better(comparison(status="stopped"))
    assert looks_no_better(comparison(mean=0.001))
    assert not looks_no_better(comparison())
    assert not looks_no_better(comparison(**FAILED))


def test_the_winner_is_decisive() -> None:
    two = (comparison("confirmed", trial=3), comparison(trial=4, mean=-0.02))
    found = decisive(confirmation("confirmed", comparisons=two, winner=3))
    assert found
    assert found.trial == 3


@pytest.mark.parametrize(("more", "trial"), [(600.0, 4), (None, 3)])
def test_else_the_last_is_decisive_if_more_time_would_confirm_it_else_the_greatest_gain(
    more: float | None, trial: int
) -> None:
    two = (comparison(trial=3, mean=-0.02), comparison(trial=4, mean=-0.01))
    found = decisive(confirmation("none better", comparisons=two, more_seconds=more))
    assert found
    assert found.trial == trial


def test_a_failed_comparison_is_decisive_only_without_another() -> None:
    failed = comparison(trial=3, **FAILED)
    assert decisive(confirmation("none better", comparisons=(failed,))) == failed
    assert decisive(confirmation("none better", comparisons=(failed, comparison()))) == comparison()


def test_without_comparisons_none_is_decisive() -> None:
    assert decisive(confirmation("no time")) is None
