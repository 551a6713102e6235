import json
import math
from datetime import UTC, datetime, timedelta

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState, create_trial

from kit.metrics import HITS
from kit.records import FailedTrial, StudyFacts, StudyReport, StudyTime
from kit.reports.study.figures import KILLED, seconds_of, summarise_study
from kit.reports.study.plots import draw_plots
from tests.studies import NORM, RATE, add, confirmation, small_study, summarised

optuna.logging.set_verbosity(optuna.logging.ERROR)


@pytest.fixture
def study() -> optuna.Study:
    return small_study()


def test_best_trials_come_with_their_gain_over_the_baseline(study: optuna.Study) -> None:
    report = summarised(study)
    text = json.dumps(report.model_dump(mode="json"), allow_nan=False)
    assert StudyReport.model_validate_json(text) == report
    assert (report.version, report.metric, report.score) == (2, "log_loss", "accuracy")
    assert report.baseline
    assert report.baseline.value == 0.04
    assert [one.trial for one in report.best] == [1, 0]
    best = report.best[0]
    assert best.gain == pytest.approx(0.01)
    assert best.relative_gain == pytest.approx(0.25)
    assert (best.score, best.seconds, best.baseline) == (0.995, 30.0, False)
    assert best.params == {RATE: 1.1e-3, NORM: "none"}


@pytest.mark.parametrize("days", [-365, 365])
def test_the_clock_may_jump_during_a_trial(days: int) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)  # as Optuna stores it
    for attributes in ({"took": 12.0}, {}):
        trial = create_trial(value=0.01, params={}, distributions={}, user_attrs=attributes)
        trial.datetime_start, trial.datetime_complete = start, start + timedelta(days=days)
        assert seconds_of(trial) == (12.0 if attributes else max(0.0, days * 86_400.0))


def test_five_trials_are_the_best_and_the_earlier_of_two_alike_first(study: optuna.Study) -> None:
    for value in (0.02, 0.05, 0.02, 0.045, 0.06):
        add(study, value)
    assert [one.trial for one in summarised(study).best] == [2, 4, 1, 0, 5]


def test_trials_are_counted_by_how_they_ended(study: optuna.Study) -> None:
    add(study, None, TrialState.PRUNED)
    add(study, None, TrialState.FAIL, failed="out of memory")
    add(study, None, TrialState.RUNNING)
    add(study, None, TrialState.WAITING)
    counts = {"total": 6, "complete": 2, "pruned": 1, "failed": 1, "running": 1, "waiting": 1, "repeats": 0}
    assert summarised(study).trials.model_dump() == counts


def test_a_failed_trial_has_its_reason(study: optuna.Study) -> None:
    add(study, None, TrialState.FAIL, failed="out of memory")
    add(study, None, TrialState.FAIL)
    failed = (FailedTrial(trial=2, reason="out of memory"), FailedTrial(trial=3, reason=KILLED))
    assert summarised(study).failed == failed


def test_what_was_queued_again_counts_once_and_is_named(study: optuna.Study) -> None:
    add(study, None, TrialState.FAIL)
    add(study, None, TrialState.FAIL, failed="time limit reached", again_of=[2])
    add(study, 0.035, again_of=[2, 3])
    report = summarised(study)
    assert (report.trials.total, report.trials.failed, report.failed) == (3, 0, ())
    assert report.retried == (
        FailedTrial(trial=2, reason=KILLED, retry=3),
        FailedTrial(trial=3, reason="time limit reached", retry=4),
    )


def test_a_baseline_that_was_lost_is_the_one_queued_in_its_place() -> None:
    study = optuna.create_study()
    add(study, None, TrialState.FAIL, baseline=True)
    add(study, 0.04, baseline=True, again_of=[0])
    baseline = summarised(study).baseline
    assert baseline
    assert baseline.trial == 1


def test_repeats_count_but_are_not_among_the_best_and_took_no_time(study: optuna.Study) -> None:
    add(study, 0.03, repeat_of=1, seconds=1000.0)
    report = summarised(study)
    assert report.trials.repeats == 1
    assert [one.trial for one in report.best] == [1, 0]
    assert report.time.trial_seconds == 90.0


def test_pruning_saves_what_is_left_to_the_median(study: optuna.Study) -> None:
    add(study, 0.05, seconds=50.0)
    add(study, None, TrialState.PRUNED, seconds=20.0)
    add(study, None, TrialState.PRUNED, seconds=15.0)
    time = summarised(study).time
    assert time == StudyTime(trial_seconds=60.0 + 30.0 + 50.0 + 20.0 + 15.0, saved_seconds=2 * 50.0 - 35.0)


def test_the_time_of_a_killed_trial_is_unknown(study: optuna.Study) -> None:
    add(study, None, TrialState.FAIL, seconds=86400.0)
    assert summarised(study).time == StudyTime(trial_seconds=90.0, saved_seconds=None)


def test_without_a_value_of_the_baseline_there_is_no_gain() -> None:
    study = optuna.create_study()
    add(study, None, TrialState.FAIL, baseline=True, failed="diverged")
    add(study, 0.03)
    report = summarised(study)
    assert report.baseline
    assert report.baseline.value is None
    assert report.best[0].gain is None


def test_an_infinite_loss_is_no_value(study: optuna.Study) -> None:
    add(study, math.inf)
    assert [one.trial for one in summarised(study).best] == [1, 0]


def test_a_metric_where_greater_is_better_is_shown_as_its_value() -> None:
    study = optuna.create_study()
    add(study, 0.02, baseline=True)
    add(study, 0.01)
    report = summarised(study, metric=HITS)
    assert [one.value for one in report.best] == pytest.approx([0.99, 0.98])
    assert report.best[0].gain == pytest.approx(0.01)
    assert report.best[0].relative_gain == pytest.approx(0.5)


def test_an_empty_study_has_no_figures() -> None:
    report = summarised(optuna.create_study())
    assert (report.baseline, report.best, report.importance) == (None, (), {})
    assert report.trials.total == 0


def test_it_says_that_the_best_looks_better_than_it_is_unless_it_is_the_baseline(study: optuna.Study) -> None:
    assert "looks better than it is" in summarised(study).notes[0]
    alone = optuna.create_study()
    add(alone, 0.04, baseline=True)
    assert summarised(alone).notes == ()


def test_the_confirmation_is_part_of_the_report(study: optuna.Study) -> None:
    confirmed = confirmation("none better")
    assert summarised(study, confirmed).confirmation == confirmed
    assert summarised(study).confirmation is None


def test_trials_of_another_program_may_hold_anything() -> None:
    study = optuna.create_study()
    for position in range(6):
        add(study, 0.04 - position / 1000, baseline=not position)
    wide, other = FloatDistribution(1e-5, 10), FloatDistribution(0, 1)
    study.add_trial(create_trial(value=0.01, params={RATE: 5.0}, distributions={RATE: wide}))
    study.add_trial(
        create_trial(
            value=0.02,
            params={RATE: 5e-3, "x": 0.5},
            distributions={RATE: wide, "x": other},
            user_attrs={"score": "98 %", "seconds": 3.5, "failed": 3},
        )
    )
    study.add_trial(create_trial(value=float("-inf"), params={}, distributions={}))
    report = summarised(study)
    assert [one.trial for one in report.best[:2]] == [6, 7]
    assert [one.score for one in report.best[:2]] == [None, None]
    assert all(plot.wide or plot.note for plot in draw_plots(study, report))


def test_passwords_are_masked() -> None:
    url = "mysql+pymysql://me:s3cr:e@t@host/db"
    report = summarise_study(
        optuna.create_study(),
        None,
        StudyFacts(
            study="s",
            config="default",
            storage=url,
            command=f"kit tune --storage {url}",
            sample=False,
            metric="log_loss",
            score="accuracy",
        ),
    )
    assert report.storage == "mysql+pymysql://me:***@host/db"
    assert report.command == "kit tune --storage mysql+pymysql://me:***@host/db"


def tried(rates: int, *, norms: bool) -> optuna.Study:
    """Return a study in which the learning rate decides, and batch normalisation nothing."""
    study = optuna.create_study()
    for position in range(rates):
        rate = 1e-4 * 100 ** (position / rates)
        norm = {NORM: ("none", "after_activation")[position % 2]} if norms or position % 3 else {}
        add(study, 0.03 + math.log10(rate / 1e-3) ** 2, params={RATE: rate, **norm})
    return study


def test_importance_finds_the_parameter_that_matters_and_is_reproducible() -> None:
    importance = summarised(tried(12, norms=True)).importance
    assert list(importance) == [RATE, NORM]
    shares = [share for share in importance.values() if share is not None]
    assert shares[0] > 0.9
    assert sum(shares) == pytest.approx(1)
    assert summarised(tried(12, norms=True)).importance == importance


def test_few_trials_have_no_importance() -> None:
    report = summarised(tried(4, norms=True))
    assert report.importance == {NORM: None, RATE: None}
    assert report.importance_missing == "importance needs 5 complete trials, there are 4"


def test_a_parameter_that_trials_lack_has_no_importance() -> None:
    assert summarised(tried(12, norms=False)).importance == {RATE: 1.0, NORM: None}


def test_a_baseline_that_lacks_a_parameter_takes_no_importance_from_it() -> None:
    study = tried(12, norms=True)
    add(study, 0.03, params={RATE: 1e-3}, baseline=True)
    assert summarised(study).importance[NORM] is not None


@pytest.mark.parametrize(("params", "step"), [(None, 0.0), ({RATE: 1e-3}, 0.001)])
def test_equal_trials_have_no_importance(params: dict[str, float] | None, step: float) -> None:
    study = optuna.create_study()
    for position in range(12):
        add(study, 0.03 + step * position, params=params)
    assert summarised(study).importance_missing == "all trials are equal"
