from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial
from rich.console import Console

from kit.cli.tuning_progress import TuningTerminal, drawn, status
from kit.cli.tuning_state import StudyState, short_params
from kit.members import Member
from kit.metrics import LOSS
from kit.records import Replicate
from kit.training.launch.base import Activity, Progress


def ended(
    number: int, value: float | None = None, state: TrialState | None = None, **attrs: Any
) -> FrozenTrial:
    state = state or TrialState.COMPLETE
    trial = create_trial(state=state, value=value, user_attrs=attrs)
    trial.number = number
    trial.datetime_start = datetime(2026, 1, 1, tzinfo=UTC)
    trial.datetime_complete = trial.datetime_start + timedelta(seconds=90)
    return trial


@pytest.fixture
def terminal() -> TuningTerminal:
    return TuningTerminal(Console(file=StringIO(), width=200))


def said(terminal: TuningTerminal) -> list[str]:
    file: Any = terminal.console.file
    return str(file.getvalue()).splitlines()


def test_the_baseline_is_marked(terminal: TuningTerminal) -> None:
    terminal.trial_ended(ended(0, 0.02, score=0.9931, baseline=True))
    assert said(terminal) == [
        "trial 0: log loss 0.02000, accuracy 99.310 % (1m 30s, the configuration itself)"
    ]


def test_the_best_so_far_is_marked(terminal: TuningTerminal) -> None:
    for number, value in enumerate([0.02, 0.019, 0.0195]):
        terminal.trial_ended(ended(number, value, score=0.99))
    assert ["best so far" in line for line in said(terminal)] == [True, True, False]


def test_a_pruned_trial_says_at_which_share(terminal: TuningTerminal) -> None:
    terminal.state.folds, terminal.state.epochs = 2, {"cnn": 10}
    terminal.trial_started(3, {})
    terminal.trial_progressed(3, Progress(Member("cnn", 0, 0), 5, 10, 0.5, 0.9))
    terminal.trial_ended(ended(3, state=TrialState.PRUNED))
    assert said(terminal) == ["trial 3: pruned at 25% (1m 30s)"]


def test_a_failed_trial_says_why(terminal: TuningTerminal) -> None:
    terminal.trial_ended(ended(4, state=TrialState.FAIL, failed="cnn-f0-s0: it diverged"))
    assert said(terminal) == ["trial 4: failed: cnn-f0-s0: it diverged"]


def test_a_repeated_trial_names_the_earlier_one(terminal: TuningTerminal) -> None:
    terminal.trial_ended(ended(5, 0.02, repeat_of=2))
    assert said(terminal) == ["trial 5: the same as trial 2"]


def test_each_step_of_the_confirmation_is_announced(terminal: TuningTerminal) -> None:
    terminal.screening([3, 1, 7])
    terminal.confirming(0, 3)
    terminal.comparing(7, 6)
    assert said(terminal) == [
        "screening trials 1, 3 and 7 on new folds, with another seed",
        "comparing trial 7 with the baseline: up to 6 seeds, all folds",
    ]


class Shown:
    """The state of a study with a clock that the test sets, and what a terminal of 80 columns shows."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.state = StudyState(clock=lambda: self.seconds)
        self.state.limit, self.state.search_ends = 240.0, 150.0
        self.state.folds, self.state.epochs = 2, {"cnn": 10}

    @property
    def text(self) -> list[str]:
        file = StringIO()
        Console(file=file, width=80).print(drawn(self.state, LOSS, 16))
        return [row.rstrip() for row in file.getvalue().splitlines()]


def test_the_table_shows_time_trials_and_what_runs() -> None:
    shown = Shown()
    shown.state.trial_ended(ended(0, 0.02, baseline=True))
    shown.state.trial_ended(ended(1, 0.018))
    shown.state.trial_ended(ended(2, state=TrialState.PRUNED))
    shown.state.trial_started(3, {"models.cnn.dropout": 0.1234, "training.learning_rate": 0.002})
    shown.state.trial_acts(3, Activity(Member("cnn", 1, 0), "training", 6, 0.5))
    shown.state.trial_acts(3, Progress(Member("cnn", 1, 0), 5, 10, 0.03, 0.99))
    shown.seconds = 60.0
    assert shown.text == [
        "search: 1:00 of 4:00 used, 3:00 left; confirmation within 1:30",
        "trials: 2 complete, 1 pruned",
        "best: trial 1, log loss 0.01800, its loss 10.0% below that of the baseline",
        "running with                   now                fold done time log loss",
        "trial 3 dropout=0.123 learnin… epoch 6 of 10, 50%  2/2  82% 1:00  0.03000",
    ]


def test_the_start_of_a_trial_is_shown_as_such() -> None:
    shown = Shown()
    shown.state.trial_started(0, {})
    shown.state.trial_acts(0, Activity(Member("cnn", 0, 0), "loading"))
    assert "loading TensorFlow" in shown.text[-1]
    assert "the baseline" in shown.text[-1]
    shown.seconds = 12.0
    assert "loading TensorFlow 12 s" in shown.text[-1]
    assert len(shown.text[-1]) <= 80
    assert status(shown.state) == "trial 0 loading TensorFlow 12 s (0% of all)"


def test_the_start_of_a_trial_changes_every_two_seconds() -> None:
    shown = Shown()
    shown.state.trial_started(0, {})
    frames = set()
    for second in range(0, 9, 2):
        shown.seconds = second
        frames.add(shown.text[-1].split()[-3])
    assert len(frames) == 5


def test_the_table_shows_the_confirmation() -> None:
    shown = Shown()
    shown.state.confirming(1, 8)
    shown.state.replicate_acts("baseline", Replicate(seed=1, fold=0), None)
    shown.state.replicate_acts(
        "3", Replicate(seed=1, fold=2), Activity(Member("cnn", 2, 1), "training", 1, 0.5)
    )
    shown.seconds = 200.0
    assert shown.text[:2] == [
        "confirmation: 3:20 of 4:00 used, 0:40 left",
        "1 of 8 trainings: baseline 1",
    ]
    assert shown.text[-1].split()[:6] == ["trial", "3", "fold", "2,", "seed", "1"]


def test_parameters_are_shortened_to_the_end_of_their_keys() -> None:
    assert short_params({"models.cnn.dropout": 0.123456, "training.epochs": 5}) == "dropout=0.123 epochs=5"


def test_a_limit_that_is_too_short_for_a_confirmation_is_named(terminal: TuningTerminal) -> None:
    terminal.too_short(253.0, 240.0, 850.0)
    assert said(terminal) == [
        "a confirmation needs about 4m 13s, too long for the 4m 00s of this call;",
        "unless later trials are faster, nothing will be confirmed:",
        "use --timeout 15m, or train fewer epochs",
    ]
