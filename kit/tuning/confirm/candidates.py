"""Which trials are worth a confirmation, and how long confirming them takes."""

import math
from collections.abc import Mapping
from statistics import median
from typing import TYPE_CHECKING

from kit.config import Config
from kit.training.plan import makespan
from kit.tuning.confirm.significance import CANDIDATES, FEWEST_FOLDS
from kit.tuning.queued import invalid_reason

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial

    from kit.tuning.space import Space

BASELINE = "baseline"


def candidates(study: "Study", space: "Space", count: int = CANDIDATES) -> "list[FrozenTrial]":
    """Return the best complete trials that are distinct and better than the baseline, best first.

    A baseline without a value counts as infinitely bad. Trials of other programs are excluded if their
    parameters are not in the space or their value is infinite.
    """
    from optuna.trial import TrialState

    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    baseline = min((_value(trial) for trial in complete if "baseline" in trial.user_attrs), default=math.inf)
    best: list[FrozenTrial] = []
    for trial in sorted(complete, key=lambda trial: (_value(trial), trial.number)):
        excluded = {"baseline", "repeat_of"} & trial.user_attrs.keys()
        if not math.isfinite(_value(trial)) or invalid_reason(space, trial.params):
            continue
        if not excluded and _value(trial) < baseline and all(trial.params != one.params for one in best):
            best.append(trial)
    return best[:count]


def confirmation_folds(config: Config) -> int:
    """Return the number of folds of a confirmation: the configuration's, and at least FEWEST_FOLDS."""
    return max(FEWEST_FOLDS, config.folds.count)


def replicate_costs(study: "Study", config: Config, space: "Space") -> dict[str, float | None]:
    """Return the estimated seconds per replicate of the baseline and of each candidate, by name.

    They come from the trials. A replicate with more folds trains on more rows. The start-up is the median of
    all trials: the first one may have waited for the disk. None if another program stored no time of the
    trial.
    """
    from optuna.trial import TrialState

    costs: dict[str, float | None] = {}
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    startups = [trial.user_attrs.get("startup") for trial in complete]
    startup = median([one for one in startups if isinstance(one, int | float)] or [0.0])
    baseline = [trial for trial in complete if "baseline" in trial.user_attrs]
    for trial in [*baseline[:1], *candidates(study, space)]:
        name = BASELINE if trial in baseline else str(trial.number)
        seconds = _fold_seconds(trial.user_attrs, config)
        # A trial trains its models in one process, a confirmation each in its own.
        costs[name] = None if seconds is None else seconds + startup * len(config.models)
    return costs


def first_rounds(costs: Mapping[str, float | None], config: Config, jobs: int) -> list[float]:
    """Return the estimated seconds of the first round for 1, 2, … CANDIDATES candidates.

    Args:
        costs: as `replicate_costs` returns them; nothing is estimated if all are unknown.
        config: the baseline.
        jobs: number of parallel trainings.
    """
    known = [cost for cost in costs.values() if cost is not None]
    if not known:
        return []
    # Candidates that are not found yet may be as slow as the slowest one so far.
    known += [max(known)] * CANDIDATES
    models = len(config.models)
    return [
        makespan(
            [cost / models for cost in known[: count + 1] for _ in range(models * config.tune.confirm_seeds)],
            jobs,
        )
        for count in range(1, CANDIDATES + 1)
    ]


def _fold_seconds(attributes: Mapping[str, object], config: Config) -> float | None:
    """Return the estimated seconds of training in a replicate, from those of a trial's folds."""
    folds, share = attributes.get("seconds"), attributes.get("share", 1.0)
    if not isinstance(folds, list) or not folds or not all(isinstance(one, int | float) for one in folds):
        return None
    if not isinstance(share, int | float) or share <= 0:
        return None
    more_rows = (1 - 1 / confirmation_folds(config)) / (1 - 1 / config.folds.count)
    return float(sum(folds) / len(folds)) * more_rows / share


def _value(trial: "FrozenTrial") -> float:
    return float(trial.values[0])
