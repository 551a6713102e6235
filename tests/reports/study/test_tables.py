from typing import Any

import optuna
import pytest

from kit.metrics import HITS
from kit.records import Comparison, Screened, StudyReport
from kit.reports.study.tables import (
    best_table,
    confirmation_table,
    parameter_table,
    replicate_table,
    screening_table,
)
from kit.reports.study.wording import param_text, short_names
from tests.studies import NORM, RATE, add, comparison, confirmation, small_study, summarised

optuna.logging.set_verbosity(optuna.logging.ERROR)


def compared(*comparisons: Comparison) -> StudyReport:
    """Return the report of the small study with these comparisons."""
    return summarised(small_study(), confirmation("none better", comparisons=comparisons))


def test_each_comparison_has_its_row() -> None:
    stopped = comparison(
        trial=2,
        replicates=[(7, 0), (7, 1)],
        losses=[0.03, 0.05],
        baseline_losses=[0.03, 0.03],
        mean=0.01,
        low=-0.01,
        high=0.03,
        probability=0.2,
        status="stopped",
    )
    assert confirmation_table(compared(stopped, comparison("confirmed"))) == {
        "Compared": ["trial 2", "trial 1"],
        "Result": ["stopped early", "better"],
        "Gain %": ["-33.3", "+25.0"],
        "95 % interval": ["-100.0 to +33.3 %", "+12.5 to +37.5 %"],
        "P(better)": ["20 %", "98.7 %"],
        "Gain": ["-0.01000", "+0.01000"],
        "Log loss": ["0.04000", "0.03000"],
        "Baseline": ["0.03000", "0.04000"],
        "Replicates": ["2", "3"],
    }


def test_intervals_of_different_confidence_have_it_beside_them() -> None:
    table = confirmation_table(compared(comparison(), comparison(error_rate=0.01)))
    assert table["Interval"] == ["-12.5 to +37.5 %"] * 2
    assert table["Confidence"] == ["95 %", "98 %"]


def test_comparisons_of_an_earlier_version_have_no_probability() -> None:
    assert "P(better)" not in confirmation_table(compared(comparison(probability=None)))


def test_a_failed_comparison_leaves_dashes() -> None:
    unknown = dict.fromkeys(("mean", "low", "high", "probability"))
    failed = comparison(losses=(0.03, None, 0.02), status="failed", **unknown)
    row = [column[0] for column in confirmation_table(compared(failed)).values()]
    assert row == ["trial 1", "failed", "-", "-", "-", "-", "0.04000", "3"]


def test_gains_in_accuracy_have_their_own_unit_and_a_share_of_the_errors() -> None:
    report = summarised(small_study(), confirmation("confirmed"), metric=HITS)
    table = confirmation_table(report)
    assert (table["Accuracy %"], table["Gain"], table["Gain %"]) == (["97.000"], ["+1.000"], ["+25.0"])


def test_replicates_are_those_of_each_comparison() -> None:
    other = comparison(trial=2, replicates=[(7, 1)], losses=[None], baseline_losses=[0.05])
    assert replicate_table(compared(comparison(), other)) == {
        "Compared": ["trial 1", "trial 1", "trial 1", "trial 2"],
        "Seed": ["1", "1", "2", "7"],
        "Fold": ["0", "1", "0", "1"],
        "Log loss": ["0.03000", "0.02000", "0.04000", "-"],
        "Baseline": ["0.04000", "0.03000", "0.05000", "0.05000"],
        "Gain": ["+0.01000", "+0.01000", "+0.01000", "-"],
    }


def test_candidates_have_the_values_of_their_rounds() -> None:
    screened = (
        Screened(trial=1, losses=(0.032, 0.034), mean=0.032),
        Screened(trial=2, losses=(None,), mean=None),
        Screened(trial=3, losses=(), mean=0.035),
    )
    study = small_study()
    add(study, 0.033)
    report = summarised(study, confirmation("none better", screened=screened))
    assert screening_table(report) == {
        "Candidate": ["trial 1", "trial 2", "trial 3"],
        "Search": ["0.03000", "0.03300", "-"],
        "Round 1": ["0.03200", "failed", "-"],
        "Round 2": ["0.03400", "-", "-"],
        "Mean": ["0.03200", "-", "0.03500"],
    }


def test_without_a_confirmation_its_tables_are_empty() -> None:
    report = summarised(small_study())
    assert [screening_table(report), confirmation_table(report), replicate_table(report)] == [{}, {}, {}]


def test_candidates_that_are_not_among_the_best_five_are_in_the_table_of_parameters_alone() -> None:
    study = small_study()
    for position in range(6):
        add(study, 0.031 + position / 1000)
    report = summarised(
        study, confirmation("confirmed", comparisons=(comparison("confirmed", trial=7),), winner=7)
    )
    assert best_table(report)["Trial"] == ["1", "2", "3", "4", "5"]
    headings = list(parameter_table(report, {RATE: RATE, NORM: NORM}))
    assert [heading for heading in headings if heading.startswith("Trial ")] == [
        f"Trial {number}" for number in (7, 1, 2, 3, 4, 5)
    ]


def test_the_prefix_of_the_only_model_is_omitted() -> None:
    assert short_names([NORM, RATE]) == ("models.cnn.", {NORM: "batch_norm", RATE: RATE})


@pytest.mark.parametrize(
    "keys", [["models.cnn.l2", "models.lenet.l2"], ["models.cnn.training.epochs", "training.epochs"]]
)
def test_ambiguous_names_stay_long(keys: list[str]) -> None:
    assert short_names(keys) == ("", {key: key for key in keys})


@pytest.mark.parametrize(
    ("value", "text"),
    [("none", "none"), (0.123456, "0.1235"), (1e-5, "1e-05"), (64, "64"), (True, "true"), (None, "null")],
)
def test_values_of_parameters(value: Any, text: str) -> None:
    assert param_text(value) == text
