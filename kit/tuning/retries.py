"""Retries of trials: which trials count, and how a trial that was stopped or lost keeps its position.

A trial that ended early is queued again as a new trial, which stores the numbers of the trials it retries.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optuna import Study
    from optuna.trial import FrozenTrial

MAX_LOSSES = 2
"""How often a lost trial is queued again: one that kills its process would be retried without end."""
BEYOND = "claimed beyond --trials"


def _history(trial: "FrozenTrial") -> list[int]:
    """Return the numbers of the trials that this one retries, in order."""
    history: list[int] = trial.system_attrs.get("retry_history", [])
    return history


def counted(trials: "Sequence[FrozenTrial]") -> "list[FrozenTrial]":
    """Return the trials that count: those that are no retries."""
    return [one for one in trials if not _history(one) and one.user_attrs.get("failed") != BEYOND]


def position(trial: "FrozenTrial", trials: "Sequence[FrozenTrial]") -> int:
    """Return how many counted trials came before this one, or before the first that it retries."""
    first = [*_history(trial), trial.number][0]
    return sum(one.number < first for one in counted(trials))


def next_position(trials: "Sequence[FrozenTrial]") -> int:
    """Return the position of the trial that starts next: the first in the queue, else a new one."""
    from optuna.trial import TrialState

    waiting = [one for one in trials if one.state == TrialState.WAITING]
    return position(waiting[0], trials) if waiting else len(counted(trials))


def queue_again(study: "Study", trial: "FrozenTrial") -> None:
    """Queue a trial's parameters again; the new trial has the same position."""
    from optuna.trial import TrialState, create_trial

    history = [*_history(trial), trial.number]
    # The attributes of Optuna's own retries, which would also copy what a pruner stored, and count stops as
    # losses.
    kept = {key: value for key, value in trial.system_attrs.items() if key == "fixed_params"}
    study.add_trial(
        create_trial(
            state=TrialState.WAITING,
            params=trial.params,
            distributions=trial.distributions,
            user_attrs={key: value for key, value in trial.user_attrs.items() if key == "baseline"},
            system_attrs={**kept, "failed_trial": history[0], "retry_history": history},
        )
    )


def is_retry(trial: "FrozenTrial") -> bool:
    """Return whether a trial retries another one."""
    return bool(_history(trial))


def queue_lost(study: "Study", trial: "FrozenTrial") -> None:
    """Queue a trial again that Optuna detected as lost."""
    trials = study.get_trials(deepcopy=False)
    # It may have been stopped, and queued again, just before its process ended.
    if _is_retried(trial, trials):
        return
    if sum("failed" not in trials[number].user_attrs for number in _history(trial)) < MAX_LOSSES:
        queue_again(study, trial)


def restart(study: "Study", trial: "FrozenTrial") -> None:
    """Queue a running trial again, and fail it."""
    from optuna.trial import TrialState

    # In this order, so that nothing is lost if this process is killed in between.
    if not _is_retried(trial, study.get_trials(deepcopy=False)):
        queue_again(study, trial)
    study.tell(trial.number, state=TrialState.FAIL)


def _is_retried(trial: "FrozenTrial", trials: "Sequence[FrozenTrial]") -> bool:
    """Return whether one of these trials retries this one."""
    return any(trial.number in _history(other) for other in trials)
