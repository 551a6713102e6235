from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from kit.metrics import HITS, Metric
from kit.metrics import LOSS as LOG_LOSS
from kit.records import Comparison, StudyReport
from kit.reports.study.summary import change_of, conclusion, confirmed_gain, counts, search_gain, time_spent
from tests.studies import NORM, RATE, add, comparison, confirmation, small_study, summarised

optuna.logging.set_verbosity(optuna.logging.ERROR)
RATES = "learning rate from 0.001 to 0.0011"


def reported(status: str, *comparisons: Comparison, metric: Metric = LOG_LOSS, **changes: Any) -> StudyReport:
    """Return the report of the small study with a confirmation."""
    if comparisons:
        changes["comparisons"] = comparisons
    return summarised(small_study(), confirmation(status, **changes), metric=metric)


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        ("confirmed", "Trial 1 is better than default, and confirmed."),
        (
            "none better",
            "Nothing better than default was found: no gain of the search holds on other folds and seeds.",
        ),
        ("no candidate", "Nothing better than default was found: no trial improved the log loss."),
        (
            "no time",
            "Nothing is confirmed: there was no time for the confirmation, which takes about 1m 30s.",
        ),
    ],
)
def test_the_conclusion_says_what_was_found(status: str, sentence: str) -> None:
    assert conclusion(reported(status)) == sentence


def test_a_gain_that_more_time_would_confirm_is_not_called_nothing() -> None:
    text = "trial 1 looks better than default, but the interval of its gain includes 0."
    assert conclusion(reported("none better", more_seconds=600.0)) == f"Nothing is confirmed yet: {text}"


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        ("running", "Nothing is confirmed yet: the study is still running."),
        ("interrupted", "Nothing is confirmed yet: the study was interrupted before its confirmation ended."),
        ("complete", "Nothing was confirmed."),
    ],
)
def test_without_a_confirmation_the_conclusion_says_why(status: str, sentence: str) -> None:
    assert conclusion(summarised(small_study()).model_copy(update={"status": status})) == sentence


def test_a_study_that_is_interrupted_later_keeps_what_was_confirmed() -> None:
    report = reported("confirmed").model_copy(update={"status": "interrupted"})
    assert (
        conclusion(report) == "Trial 1 is better than default, and confirmed. The last call was interrupted."
    )


def test_trainings_of_an_interrupted_confirmation_are_counted() -> None:
    study = small_study()
    study.set_user_attr("confirm/baseline/1/0", {"loss": 0.1})
    report = summarised(study).model_copy(update={"status": "interrupted"})
    assert conclusion(report).endswith("before its confirmation ended (trainings stored: 1).")


def test_the_gain_of_the_search_is_optimistic() -> None:
    study = small_study()
    add(study, None, TrialState.PRUNED)
    add(study, None, TrialState.FAIL)
    add(study, 0.03, repeat_of=1)
    text = "trial 1, log loss 0.03000, gain +0.01000 (+25.0 %), optimistic: the best of 3"
    assert search_gain(summarised(study)) == text


def test_a_baseline_that_is_best_is_not_optimistic() -> None:
    study = optuna.create_study()
    add(study, 0.04, baseline=True)
    assert search_gain(summarised(study)) == "trial 0, log loss 0.04000: the baseline itself"


def test_a_confirmed_gain_has_its_interval_and_its_probability() -> None:
    assert confirmed_gain(reported("confirmed")) == (
        "trial 1, log loss 0.03000 against 0.04000: gain +0.01000 (+25.0 %), 95 % interval +12.5 to +37.5 %; "
        "better with probability 98.7 %"
    )


def test_a_gain_of_an_earlier_version_has_no_probability() -> None:
    text = confirmed_gain(reported("confirmed", comparison("confirmed", probability=None)))
    assert text.endswith("95 % interval +12.5 to +37.5 %")


def test_a_gain_that_is_not_confirmed_says_how_long_it_would_take() -> None:
    assert confirmed_gain(reported("none better", more_seconds=6000.0)) == (
        "trial 1, gain +25.0 % (95 % interval -12.5 to +37.5 %), better with probability 80 %; "
        "a gain of this size would be confirmed in about 1h 40m more"
    )


def test_more_time_is_not_proposed_for_a_trial_that_looks_no_better() -> None:
    stopped = comparison(mean=0.001, low=-0.003, high=0.005, probability=0.3, status="stopped")
    assert confirmed_gain(reported("none better", stopped)) == (
        "trial 1, gain -2.5 % (95 % interval -12.5 to +7.5 %), better with probability 30 %; "
        "it looks no better, so more time on it would not help"
    )


def test_nothing_is_said_about_time_that_is_unknown() -> None:
    text = confirmed_gain(reported("none better", comparison(probability=None)))
    assert text == "trial 1, gain +25.0 % (95 % interval -12.5 to +37.5 %)"


def test_a_failed_comparison_says_why() -> None:
    failed = comparison(losses=(0.03, None, 0.02), mean=None, low=None, high=None, status="failed")
    report = reported("none better", failed, failed={"1": "its loss is nan"})
    assert confirmed_gain(report) == "trial 1: its loss is nan"


def test_a_comparison_of_too_few_replicates_says_so() -> None:
    few = comparison(mean=None, low=None, high=None, probability=None)
    assert confirmed_gain(reported("none better", few)) == "trial 1: too few replicates to know its gain"


def test_candidates_without_time_are_counted() -> None:
    text = confirmed_gain(reported("no candidate", left_out=2))
    assert text == "no candidate; there was no time for 2 more"


def test_a_gain_in_accuracy_has_its_own_unit_too() -> None:
    assert confirmed_gain(reported("confirmed", metric=HITS)) == (
        "trial 1, accuracy 97.000 against 96.000 %: gain +1.000 (+25.0 %), 95 % interval +12.5 to +37.5 %; "
        "better with probability 98.7 %"
    )
    text = confirmed_gain(reported("none better", metric=HITS))
    assert text.startswith("trial 1, gain +1.000, +25.0 % (95 % interval ")


def test_the_change_of_the_winner_comes_with_its_confirmed_effect() -> None:
    won = comparison("confirmed", mean=-0.002)
    assert change_of(reported("confirmed", won)) == f"trial 1, {RATES}: log loss -5.0 %"


def test_an_effect_that_is_not_confirmed_says_so() -> None:
    assert change_of(reported("none better")) == f"trial 1, {RATES}: log loss -25.0 %, not confirmed"
    text = f"trial 1, {RATES}: log loss -25.0 % in the search, not confirmed"
    assert change_of(summarised(small_study())) == text


def test_an_effect_on_accuracy_is_in_percentage_points() -> None:
    text = f"trial 1, {RATES}: accuracy +1.000 percentage points"
    assert change_of(reported("confirmed", metric=HITS)) == text


def test_the_change_is_that_of_the_winner_even_if_it_is_not_among_the_best_in_the_search() -> None:
    study = small_study()
    for position in range(6):
        add(study, 0.02 + position / 1000)
    add(study, 0.035, params={RATE: 1e-3, NORM: "after_activation"})
    won = comparison("confirmed", trial=8)
    report = summarised(study, confirmation("confirmed", comparisons=(won,), winner=8))
    text = "trial 8, batch norm after the activation (was none): log loss -25.0 %"
    assert change_of(report) == text


def test_a_baseline_that_is_best_changes_nothing() -> None:
    study = optuna.create_study()
    add(study, 0.04, baseline=True)
    assert change_of(summarised(study)) == ""
    assert change_of(summarised(optuna.create_study())) == ""


def test_trials_of_an_interrupted_study_are_not_running() -> None:
    study = small_study()
    add(study, None, TrialState.RUNNING)
    report = summarised(study).model_copy(update={"status": "interrupted"})
    assert counts(report) == "3 trials of default: 2 complete, 1 not finished"


def test_time_saved_by_pruning_is_shown() -> None:
    study = small_study()
    add(study, None, TrialState.PRUNED, seconds=5.0)
    assert time_spent(summarised(study)) == "1m 35s in trials, about 40.0 s saved by pruning"


@pytest.mark.parametrize(("status", "more"), [("confirmed", "; confirmation 1m 40s"), ("no time", "")])
def test_the_time_of_a_confirmation_is_shown_if_it_trained(status: str, more: str) -> None:
    assert time_spent(reported(status)) == f"1m 30s in trials{more}"
