"""Which trials are worth a confirmation, and how long confirming them takes."""

import math
from collections.abc import Mapping
from statistics import median
from typing import TYPE_CHECKING

from kit.config import Config
from kit.training.plan import makespan
from kit.tuning.fidelity import search_folds
from kit.tuning.queued import invalid_reason

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial

    from kit.tuning.space import Space

BASELINE = "baseline"
CANDIDATES = 8
"""Number of trials that are screened."""
JOBS_PER_WORKER = 8
"""Trainings of one worker: its start-up takes about 5 s, as long as a short training."""


def candidates(study: "Study", space: "Space", count: int = CANDIDATES) -> "list[FrozenTrial]":
    """Return the best complete trials that are distinct and better than the baseline, best first.

    A baseline without a value counts as infinitely bad. Trials of other programs are excluded if their
    parameters are not in the space or their value is infinite.
    """
    from optuna.trial import TrialState

    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    baseline = min((value_of(one) for one in complete if "baseline" in one.user_attrs), default=math.inf)
    best: list[FrozenTrial] = []
    for trial in sorted(complete, key=lambda trial: (value_of(trial), trial.number)):
        excluded = {"baseline", "repeat_of"} & trial.user_attrs.keys()
        if not math.isfinite(value_of(trial)) or invalid_reason(space, trial.params):
            continue
        if not excluded and value_of(trial) < baseline and all(trial.params != one.params for one in best):
            best.append(trial)
    return best[:count]


def value_of(trial: "FrozenTrial") -> float:
    """Return the loss of a complete trial."""
    return float(trial.values[0])


def replicate_costs(study: "Study", config: Config, space: "Space", jobs: int) -> dict[str, float | None]:
    """Return the estimated seconds per replicate of the baseline and of each candidate, by name.

    They come from the trials. A worker of the shortest confirmation trains several replicates, which share
    its start-up. That is the median of all trials: the first one may have waited for the disk. None if
    another program stored no time of the trial.
    """
    from optuna.trial import TrialState

    costs: dict[str, float | None] = {}
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    startups = [trial.user_attrs.get("startup") for trial in complete]
    startup = median([one for one in startups if isinstance(one, int | float)] or [0.0])
    shared_by = min(JOBS_PER_WORKER, max(1.0, 2 * _trainings(config) / jobs))
    baseline = [trial for trial in complete if "baseline" in trial.user_attrs]
    for trial in [*baseline[:1], *candidates(study, space)]:
        name = BASELINE if trial in baseline else str(trial.number)
        seconds = _fold_seconds(trial.user_attrs)
        costs[name] = None if seconds is None else seconds + startup / shared_by * len(config.models)
    return costs


def shortest(costs: Mapping[str, float | None], config: Config, jobs: int) -> float | None:
    """Return the estimated seconds of a confirmation of one candidate, without screening.

    Args:
        costs: as `replicate_costs` returns them.
        config: the baseline.
        jobs: number of parallel trainings.

    Returns:
        None if all costs are unknown.
    """
    known = [cost for cost in costs.values() if cost is not None]
    if not known:
        return None
    # A candidate that is not found yet may be as slow as the slowest trial so far.
    pair, models = [known[0], max(known)], len(config.models)
    return makespan([cost / models for cost in pair for _ in range(_trainings(config))], jobs)


def _trainings(config: Config) -> int:
    """Return the number of trainings of the baseline in the shortest confirmation."""
    return len(config.models) * config.tune.confirm_seeds * search_folds(config).count


def _fold_seconds(attributes: Mapping[str, object]) -> float | None:
    """Return the estimated seconds of training in a replicate, from those of a trial's folds."""
    folds, share = attributes.get("seconds"), attributes.get("share", 1.0)
    if not isinstance(folds, list) or not folds or not all(isinstance(one, int | float) for one in folds):
        return None
    if not isinstance(share, int | float) or share <= 0:
        return None
    return float(sum(folds) / len(folds)) / share
