"""Studies that nobody had to train, and what came of their confirmation."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial

from kit.reports.study.figures import summarise_study

RATE, NORM = "training.learning_rate", "models.cnn.batch_norm"
SPACE: dict[str, BaseDistribution] = {
    RATE: FloatDistribution(1e-4, 1e-2, log=True),
    NORM: CategoricalDistribution(("none", "after_activation")),
}


def add(
    study: optuna.Study,
    value: float | None,
    state: TrialState = TrialState.COMPLETE,
    *,
    seconds: float = 60.0,
    params: Mapping[str, Any] | None = None,
    again_of: list[int] | None = None,
    **attrs: Any,
) -> None:
    """Add a trial; without parameters its own, each trial has another learning rate."""
    number = len(study.trials)
    params = {RATE: 1e-3 + 1e-4 * number, NORM: "none"} if params is None else params
    trial = create_trial(
        state=state,
        value=value,
        params=dict(params),
        distributions={key: SPACE[key] for key in params},
        user_attrs=attrs,
        system_attrs={"retry_history": again_of} if again_of else {},
    )
    trial.datetime_start = datetime(2025, 1, 1)
    trial.datetime_complete = (
        trial.datetime_start + timedelta(seconds=seconds) if state.is_finished() else None
    )
    study.add_trial(trial)


def summarised(study: optuna.Study, confirmation: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the report of the study."""
    return summarise_study(
        study,
        confirmation,
        name="example",
        storage="sqlite:///example.db",
        config_name="default",
        command="kit tune --timeout 1h",
    )


def small_study() -> optuna.Study:
    """Return a study of a baseline, 0.04, and a trial of 0.03."""
    study = optuna.create_study()
    add(study, 0.04, baseline=True, accuracy=0.99)
    add(study, 0.03, accuracy=0.995, seconds=30.0)
    return study


def confirmation(status: str, **changes: Any) -> dict[str, Any]:
    """Return what the confirmation of trial 1 says."""
    better = status == "confirmed"
    comparison = {"trial": 1, "losses": [0.03, 0.02, 0.04], "mean": -0.01, "low": -0.015, "high": -0.005}
    if not better:
        comparison |= {"high": 0.005}
    told = status in {"confirmed", "none better"}
    return {
        "seeds": [1, 2, 3],
        "folds_seed": 1,
        "replicates": [[1, 0], [2, 1], [3, 2]] if told else [],
        "baseline_losses": [0.04, 0.03, 0.05] if told else [],
        "level": 0.05,
        "corrected_for": 3,
        "comparisons": [comparison | {"better": better}] if told else [],
        "winner": 1 if better else None,
        "status": status,
        "failed": {},
        "seconds": 100.0,
        "needed_seconds": 90.0,
        "config_path": "configs/tuned-example.yaml" if better else None,
    } | changes
