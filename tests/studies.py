"""Studies without training, and confirmations of them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import optuna
import sqlalchemy
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial

from kit.metrics import HITS, LOSS, Metric
from kit.records import Comparison, Confirmation, StudyFacts, StudyOrigin, StudyReport
from kit.reports.study.figures import summarise_study
from kit.studies import StudyFolder
from kit.tuning.storage import STUDY_VERSION

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
    """Add a trial; by default each has another learning rate."""
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


def summarised(
    study: optuna.Study,
    confirmation: Confirmation | None = None,
    metric: Metric = LOSS,
    score: Metric = HITS,
) -> StudyReport:
    """Return the report of the study."""
    return summarise_study(
        study,
        confirmation,
        StudyFacts(
            study="example",
            config="default",
            storage="sqlite:///example.db",
            command="kit tune --timeout 1h",
            sample=False,
            metric=metric.name,
            score=score.name,
        ),
    )


def small_study() -> optuna.Study:
    """Return a study of a baseline, 0.04, and a trial of 0.03."""
    study = optuna.create_study()
    add(study, 0.04, baseline=True, score=0.99)
    add(study, 0.03, score=0.995, seconds=30.0)
    return study


def hasty(connection: Any, record: object) -> None:
    """Let SQLite not wait for the disk."""
    del record
    connection.execute("PRAGMA synchronous = OFF")


def stored(name: str = "example", confirmed: Confirmation | None = None, **changes: Any) -> StudyFolder:
    """Store the small study under runs/, as `kit tune` leaves it without a report; return its folder."""
    files = StudyFolder.named(name)
    files.path.mkdir(parents=True)
    url = f"sqlite:///{files.database}"
    sqlalchemy.event.listen(sqlalchemy.Engine, "connect", hasty)
    study = optuna.create_study(storage=url, study_name=name)
    study.set_user_attr("kit", {"version": STUDY_VERSION})
    study.add_trials(small_study().trials)
    sqlalchemy.event.remove(sqlalchemy.Engine, "connect", hasty)
    facts = summarised(study, confirmed).model_dump(include=set(StudyFacts.model_fields))
    facts |= {"study": name, "storage": url, "started": "2025-01-02T03:04:05+00:00"}
    files.write_origin(StudyOrigin(**{"status": "complete", "confirmation": confirmed, **facts, **changes}))
    return files


def comparison(outcome: str = "none better", /, **changes: Any) -> Comparison:
    """Return the comparison of trial 1 with the baseline."""
    better = outcome == "confirmed"
    values: dict[str, Any] = {
        "trial": 1,
        "replicates": [(1, 0), (1, 1), (2, 0)],
        "losses": [0.03, 0.02, 0.04],
        "baseline_losses": [0.04, 0.03, 0.05],
        "mean": -0.01,
        "low": -0.015,
        "high": -0.005 if better else 0.005,
        "error_rate": 0.025,
        "better": better,
        "probability": 0.987 if better else 0.8,
    }
    return Comparison.model_validate(values | changes)


def confirmation(status: Any, **changes: Any) -> Confirmation:
    """Return the confirmation of trial 1."""
    trained, better = status in {"confirmed", "none better"}, status == "confirmed"
    made = Confirmation(
        status=status,
        seeds=(1, 2),
        folds=2,
        shuffle=3,
        level=0.05,
        needed_seconds=90.0,
        enough_seconds=150.0,
        comparisons=(comparison(status),) if trained else (),
        winner=1 if better else None,
        seconds=100.0,
        config_path="configs/tuned-example.yaml" if better else None,
    )
    return made.model_copy(update=changes)
