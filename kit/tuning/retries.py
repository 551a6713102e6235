"""The places of a study: which trials count, and how one that was stopped or lost keeps its place.

A trial that ended before its time is queued again as a new trial, which names those that it stands for.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optuna import Study
    from optuna.trial import FrozenTrial

MAX_LOSSES = 2
"""How often a lost trial is queued again: one that takes its process along would do so for ever."""
BEYOND = "claimed beyond --trials"


def _history(trial: "FrozenTrial") -> list[int]:
    """Return the numbers of the trials in whose place this one stands, the first of them first."""
    history: list[int] = trial.system_attrs.get("retry_history", [])
    return history


def counted(trials: "Sequence[FrozenTrial]") -> "list[FrozenTrial]":
    """Return the trials that count: not those that stand in the place of another."""
    return [one for one in trials if not _history(one) and one.user_attrs.get("failed") != BEYOND]


def position(trial: "FrozenTrial", trials: "Sequence[FrozenTrial]") -> int:
    """Return how many trials that count came before this one, or before the first that it stands for."""
    first = [*_history(trial), trial.number][0]
    return sum(one.number < first for one in counted(trials))


def next_position(trials: "Sequence[FrozenTrial]") -> int:
    """Return the place of the trial that is begun next: the first that waits, else a new one."""
    from optuna.trial import TrialState

    waiting = [one for one in trials if one.state == TrialState.WAITING]
    return position(waiting[0], trials) if waiting else len(counted(trials))


def queue_again(study: "Study", trial: "FrozenTrial") -> None:
    """Queue a trial's parameters once more; the new trial stands in its place."""
    from optuna.trial import TrialState, create_trial

    history = [*_history(trial), trial.number]
    # Named as Optuna's own retries name it, which would carry over what a pruner noted, and count stops as
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


def queue_lost(study: "Study", trial: "FrozenTrial") -> None:
    """Queue a trial again that Optuna found lost."""
    trials = study.get_trials(deepcopy=False)
    # It may have been stopped, and queued again, just before its process ended.
    if any(trial.number in _history(other) for other in trials):
        return
    if sum("failed" not in trials[number].user_attrs for number in _history(trial)) < MAX_LOSSES:
        queue_again(study, trial)
