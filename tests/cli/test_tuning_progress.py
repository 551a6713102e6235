from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial
from rich.console import Console

from kit.cli.tuning_progress import TuningTerminal


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
    terminal._folds = 2
    terminal.trial_started(3, {})
    terminal.trial_progressed(3, fold=0, epoch=5, epochs=10, loss=0.5)
    terminal.trial_ended(ended(3, state=TrialState.PRUNED))
    assert said(terminal) == ["trial 3: pruned at 25% (1m 30s)"]


def test_a_failed_trial_says_why(terminal: TuningTerminal) -> None:
    terminal.trial_ended(ended(4, state=TrialState.FAIL, failed="cnn-f0-s0: it diverged"))
    assert said(terminal) == ["trial 4: failed: cnn-f0-s0: it diverged"]


def test_a_repeated_trial_names_the_earlier_one(terminal: TuningTerminal) -> None:
    terminal.trial_ended(ended(5, 0.02, repeat_of=2))
    assert said(terminal) == ["trial 5: the same as trial 2"]


def test_the_confirmation_is_announced_once(terminal: TuningTerminal) -> None:
    terminal.confirming(0, 12)
    terminal.confirming(1, 12)
    assert said(terminal) == ["confirming the best trials on new folds and seeds: 12 trainings"]


def test_a_limit_that_is_too_short_for_a_confirmation_is_named(terminal: TuningTerminal) -> None:
    terminal.too_short(253.0, 240.0, 850.0)
    assert said(terminal) == [
        "a confirmation needs about 4m 13s, too long for the 4m 00s of this call;",
        "nothing will be confirmed: use --timeout 15m, or train fewer epochs",
    ]
