import re
from io import StringIO
from pathlib import Path

import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial
from rich.console import Console

from kit.metrics import HITS
from kit.records import StudyReport
from kit.reports.study.terminal import render_study
from tests.studies import RATE, add, comparison, confirmation, small_study, summarised

optuna.logging.set_verbosity(optuna.logging.ERROR)
PAGE = Path("runs/tune-example/report.html")


def rendered(report: StudyReport, width: int = 80) -> str:
    out = StringIO()
    render_study(report, Console(file=out, width=width), PAGE)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def test_a_study_with_a_confirmed_winner() -> None:
    assert rendered(summarised(small_study(), confirmation("confirmed"))) == (
        "example   2 trials of default: 2 complete\n"
        "\n"
        "Trial        Log loss      Gain  Gain %  Accuracy %    Time\n"
        "───────────────────────────────────────────────────────────\n"
        "1             0.03000  +0.01000   +25.0      99.500  30.0 s\n"
        "0, baseline   0.04000  +0.00000    +0.0      99.000  1m 00s\n"
        "\n"
        "Compared  Result  Gain %     95 % interval  P(better)      Gain  Replicates\n"
        "───────────────────────────────────────────────────────────────────────────\n"
        "trial 1   better   +25.0  +12.5 to +37.5 %     98.7 %  +0.01000           3\n"
        "\n"
        "Parameter               Baseline  Trial 1\n"
        "─────────────────────────────────────────\n"
        "batch_norm                  none     none\n"
        "training.learning_rate     0.001   0.0011\n"
        "Names omit the prefix models.cnn.\n"
        "No importance: importance needs 5 complete trials, there are 2.\n"
        "\n"
        "The best of many trials looks better than it is: part of its gain in the search\n"
        "is luck with the folds and the seed of the search. Trust the gain in the\n"
        "confirmation, on folds and seeds that the search did not use.\n"
        "\n"
        "Baseline         log loss 0.04000, accuracy 99.000 %\n"
        "Search           trial 1, log loss 0.03000, gain +0.01000 (+25.0 %), optimistic:\n"
        "                 the best of 2\n"
        "Time             1m 30s in trials; confirmation 1m 40s\n"
        "Explore          optuna-dashboard sqlite:///example.db\n"
        "\n"
        "Trial 1 is better than default, and confirmed.\n"
        "Confirmation     trial 1, log loss 0.03000 against 0.04000: gain +0.01000\n"
        "                 (+25.0 %), 95 % interval +12.5 to +37.5 %; better with\n"
        "                 probability 98.7 %\n"
        "Change           trial 1, learning rate from 0.001 to 0.0011: log loss -25.0 %\n"
        "Train it         kit cv -c tuned-example\n"
        "Page             runs/tune-example/report.html"
    )


@pytest.mark.parametrize("width", [60, 80])
def test_the_answer_is_in_the_last_lines(width: int) -> None:
    confirmed = confirmation("confirmed", left_out=2)
    report = summarised(small_study(), confirmed).model_copy(update={"sample": True})
    answer = rendered(report, width).rpartition("\n\n")[2].splitlines()
    assert answer[0] == "Trial 1 is better than default, and confirmed."
    assert len(answer) <= 12


def test_users_of_make_get_the_make_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIT_CALLER", "make")
    text = rendered(summarised(small_study(), confirmation("confirmed")))
    assert "Train it         make cv CONFIG=tuned-example\n" in text


def test_failures_are_listed_once_per_reason() -> None:
    study = small_study()
    for _ in range(2):
        add(study, None, TrialState.FAIL, failed="out of [memory]")
    add(study, None, TrialState.FAIL)
    add(study, None, TrialState.RUNNING, again_of=[4])
    confirmed = confirmation("none better", failed={"baseline": "its loss is nan"})
    text = rendered(summarised(study, confirmed).model_copy(update={"status": "running"}))
    assert "5 trials of default: 2 complete, 2 failed, 1 running; 1 more lost or\nstopped, and queued" in text
    assert re.search(r"\nout of \[memory\] +2, 3\n", text)
    assert re.search(r"\nits process was killed; queued again as trial 5 +4\n", text)
    assert re.search(r"\nits loss is nan, in the confirmation +baseline\n", text)


def test_a_training_that_failed_in_the_confirmation_leaves_dashes() -> None:
    unknown = dict.fromkeys(("mean", "low", "high", "probability"))
    failed = comparison(losses=(0.03, None, 0.02), status="failed", **unknown)
    confirmed = confirmation("none better", comparisons=(failed,))
    assert re.search(
        r"\ntrial 1 +failed +- +- +- +- +0.04000 +3\n", rendered(summarised(small_study(), confirmed))
    )


def long_study() -> optuna.Study:
    study = optuna.create_study()
    space: dict[str, BaseDistribution] = {
        "models.lenet-regularized.stages.0.batch_norm": CategoricalDistribution(
            ("before_activation", "after_activation")
        ),
        "models.lenet-regularized.stages.0.dropout": FloatDistribution(0.0, 0.5),
    }
    for position in range(12):
        study.add_trial(
            create_trial(
                value=0.03 + position / 1000,
                params=dict(zip(space, ("before_activation", 0.1 + position / 100), strict=True)),
                distributions=space,
                user_attrs={"score": 0.99} | ({"baseline": True} if position == 9 else {}),
            )
        )
    return study


@pytest.mark.parametrize("width", [50, 60, 80, 120])
def test_tables_fit_the_terminal(width: int) -> None:
    text = rendered(summarised(long_study(), confirmation("confirmed")), width)
    tables, _, _ = text.partition("Explore ")
    assert max(map(len, tables.splitlines())) <= width
    assert "…" not in text
    # No word is broken.
    assert "stages.0.batch_norm" in text
    assert "before_activation" in text
    assert "+12.5 to +37.5 %" in text


def test_a_wide_terminal_shows_more_trials() -> None:
    report = summarised(long_study())
    assert re.search(r"Parameter +Importance % +Baseline +Trial 0\n", rendered(report, 80))
    assert re.search(
        r"Importance % +Baseline +Trial 0 +Trial 1 +Trial 2 +Trial 3 +Trial 4\n", rendered(report, 160)
    )


def test_a_parameter_that_a_trial_lacks_is_a_dash() -> None:
    study = small_study()
    add(study, 0.02, params={RATE: 1e-3})
    assert re.search(r"\nbatch_norm +none +- +none\n", rendered(summarised(study)))


def test_a_study_of_accuracy_shows_accuracy_alone() -> None:
    text = rendered(summarised(small_study(), confirmation("confirmed"), metric=HITS))
    assert "Baseline         accuracy 96.000 %\n" in text
    assert "Search           trial 1, accuracy 97.000 %, gain +1.000 (+25.0 %), optimistic:\n" in text
    assert re.search(r"\nTrial +Accuracy % +Gain +Gain % +Time\n", text)
    assert re.search(r"\ntrial 1 +better +\+25.0 +\+12.5 to \+37.5 % +98.7 % +\+1.000 +3\n", text)
    assert "log loss" not in text


def test_an_empty_study_has_no_tables() -> None:
    text = rendered(summarised(optuna.create_study()))
    assert text.startswith("example   0 trials of default\n")
    assert "Baseline         has no value\nSearch           no trial is complete\n" in text
    assert "───" not in text


def test_figures_of_the_sample_are_marked() -> None:
    text = rendered(summarised(small_study()).model_copy(update={"sample": True}))
    assert "\nWarning          bundled sample: these figures say nothing about the competition\n" in text
