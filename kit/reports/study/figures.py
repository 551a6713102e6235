"""The figures of a study: what report.json stores, and what terminal and page render."""

import math
import warnings
from collections import Counter
from statistics import median
from typing import TYPE_CHECKING

from kit.masking import masked
from kit.metrics import METRICS, Metric
from kit.records import (
    Confirmation,
    FailedTrial,
    Params,
    ParamValue,
    StudyFacts,
    StudyReport,
    StudyStatus,
    StudyTime,
    TrialCounts,
    TrialFigures,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optuna import Study
    from optuna.trial import FrozenTrial

BEST = 5
"""Number of the best trials that are shown, besides those of the confirmation."""
LEAST_TRIALS, LEAST_PER_PARAMETER = 5, 1
"""Complete trials that importance needs: in total, and per parameter. It is rough then: in simulated studies
of 12 trials little more than noise, of 25 half of what a dominant parameter should have."""
KILLED = "its process was killed"
SCORE = "score"
"""User attribute of a trial with the value of the competition's metric."""
TOOK = "took"
"""User attribute of a trial: its seconds by the monotonic clock. The times that Optuna stores follow the
clock of the system, which may jump."""
NOTES = (
    "The best of many trials looks better than it is: part of its gain in the search is luck with the folds "
    "and the seed of the search. Trust the gain in the confirmation, on folds and seeds that the search did "
    "not use.",
)


def summarise_study(
    study: "Study",
    confirmation: Confirmation | None,
    facts: StudyFacts,
    status: StudyStatus = "complete",
) -> StudyReport:
    """Return every figure of a study.

    Args:
        study: minimises a loss; its first trial with the user attribute "baseline" is the configuration that
            is tuned.
        confirmation: None if there is none.
        facts: what the study is about; its values are losses of the metric that decides.
        status: of the study.
    """
    metric = METRICS[facts.metric]
    trials = study.get_trials(deepcopy=False)
    histories: list[list[int]] = [one.system_attrs.get("retry_history", []) for one in trials]
    retries = {history[-1]: one.number for one, history in zip(trials, histories, strict=True) if history}
    counted = [one for one in trials if one.number not in retries]
    baseline = next((one for one in counted if "baseline" in one.user_attrs), None)
    to_beat = finite_loss(baseline) if baseline else None
    ranked = sorted(
        (one for one in counted if finite_loss(one) is not None and not is_repeat(one)), key=_rank
    )
    failed = [
        FailedTrial(trial=one.number, reason=_reason(one), retry=retries.get(one.number))
        for one in trials
        if one.state.name == "FAIL"
    ]
    importance, missing, used = _importance(study, ranked)
    return StudyReport(
        **facts.model_dump(include=StudyFacts.model_fields.keys() - {"storage", "command"}),
        storage=masked(facts.storage),
        command=masked(facts.command),
        status=status,
        trials=_counts(counted),
        failed=tuple(one for one in failed if one.retry is None),
        retried=tuple(one for one in failed if one.retry is not None),
        baseline=_figures(baseline, to_beat, metric) if baseline else None,
        best=tuple(_figures(one, to_beat, metric) for one in _shown(ranked, confirmation)),
        importance=importance,
        importance_missing=missing,
        importance_trials=used,
        time=_time(trials, ranked),
        confirm_trainings=sum(key.startswith("confirm/") for key in study.user_attrs),
        confirmation=confirmation,
        notes=NOTES if ranked and "baseline" not in ranked[0].user_attrs else (),
    )


def _shown(ranked: "Sequence[FrozenTrial]", confirmed: Confirmation | None) -> "list[FrozenTrial]":
    """Return the best trials and, with a confirmation, its candidates; in the order of `ranked`."""
    candidates = {one.trial for one in confirmed.screened} if confirmed else set()
    candidates |= {one.trial for one in confirmed.comparisons} if confirmed else set()
    return [one for place, one in enumerate(ranked) if place < BEST or one.number in candidates]


def finite_loss(trial: "FrozenTrial") -> float | None:
    """Return the loss of a complete trial; None if it is not finite."""
    if trial.state.name != "COMPLETE" or trial.value is None or not math.isfinite(trial.value):
        return None
    return trial.value


def known_score(trial: "FrozenTrial") -> float | None:
    """Return a trial's value of the competition's metric; None if another program stored something else."""
    score = trial.user_attrs.get(SCORE)
    return score if isinstance(score, int | float) and math.isfinite(score) else None


def seconds_of(trial: "FrozenTrial") -> float | None:
    """Return how long a trial took; None if it has not ended. Without TOOK, as Optuna's times say, or 0."""
    took = trial.user_attrs.get(TOOK)
    if isinstance(took, int | float) and math.isfinite(took):
        return took
    return max(0.0, trial.duration.total_seconds()) if trial.duration else None


def is_repeat(trial: "FrozenTrial") -> bool:
    """Return whether a trial took its value from an earlier one with the same parameters."""
    return "repeat_of" in trial.user_attrs


def _rank(trial: "FrozenTrial") -> tuple[float, int]:
    return trial.values[0], trial.number


def _counts(trials: "Sequence[FrozenTrial]") -> TrialCounts:
    states = Counter(one.state.name for one in trials)
    return TrialCounts(
        total=len(trials),
        complete=states["COMPLETE"],
        pruned=states["PRUNED"],
        failed=states["FAIL"],
        running=states["RUNNING"],
        waiting=states["WAITING"],
        repeats=sum(map(is_repeat, trials)),
    )


def _reason(trial: "FrozenTrial") -> str:
    return masked(str(trial.user_attrs.get("failed", KILLED)))


def _figures(trial: "FrozenTrial", to_beat: float | None, metric: Metric) -> TrialFigures:
    loss = finite_loss(trial)
    gain = to_beat - loss if to_beat is not None and loss is not None else None
    return TrialFigures(
        trial=trial.number,
        baseline="baseline" in trial.user_attrs,
        value=None if loss is None else metric.from_loss(loss),
        gain=gain,
        relative_gain=gain / to_beat if gain is not None and to_beat else None,
        score=known_score(trial),
        seconds=seconds_of(trial),
        params=_params(trial.params),
    )


def _params(params: Params) -> dict[str, ParamValue]:
    """Return parameters; a value of another program that JSON does not have becomes text."""
    return {
        key: value if value is None or isinstance(value, bool | int | float | str) else repr(value)
        for key, value in params.items()
    }


def _time(trials: "Sequence[FrozenTrial]", complete: "Sequence[FrozenTrial]") -> StudyTime:
    """Return the time of all trials together, start-up included, and an estimate of what pruning saved."""
    took = {
        one.number: seconds
        for one in trials
        # The end of a killed trial is unknown.
        if (seconds := seconds_of(one)) is not None
        and not is_repeat(one)
        and not (one.state.name == "FAIL" and _reason(one) == KILLED)
    }
    pruned = [took[one.number] for one in trials if one.state.name == "PRUNED" and one.number in took]
    whole = [took[one.number] for one in complete if one.number in took]
    saved = len(pruned) * median(whole) - sum(pruned) if pruned and whole else None
    return StudyTime(trial_seconds=sum(took.values()), saved_seconds=saved)


def _importance(
    study: "Study", complete: "Sequence[FrozenTrial]"
) -> tuple[dict[str, float | None], str | None, int]:
    """Return importance by parameter, largest first; why there is none; and the number of trials it uses.

    Functional ANOVA over random forests: F. Hutter, H. Hoos, K. Leyton-Brown (2014), An efficient approach
    for assessing hyperparameter importance, ICML. Optuna's default, PED-ANOVA, compares the best tenth of
    the trials with the rest: of 30 trials those are three. A parameter that a trial other than the baseline
    lacks is None.
    """
    names = sorted({name for one in complete for name in one.params})
    searched = [one for one in complete if "baseline" not in one.user_attrs]
    everywhere = [name for name in names if all(name in one.params for one in searched)]
    used = [one for one in complete if one.params.keys() >= set(everywhere)]
    least = max(LEAST_TRIALS, LEAST_PER_PARAMETER * len(everywhere))
    nothing: dict[str, float | None] = dict.fromkeys(names)
    if len(used) < least:
        return nothing, f"importance needs {least} complete trials, there are {len(used)}", len(used)
    if not everywhere:
        return nothing, "no parameter is in all trials", len(used)
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            evaluator = FanovaImportanceEvaluator(seed=0)
            found = get_param_importances(study, evaluator=evaluator, params=everywhere)
        except RuntimeError:  # No variance.
            return nothing, "all trials are equal", len(used)
        except ValueError:  # Optuna calls it a dynamic search space.
            return nothing, "trials of another program have other ranges", len(used)
    return {**found, **{name: None for name in names if name not in found}}, None, len(used)
