"""The figures of a study: what its report.json holds, and what terminal and page render."""

import math
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING, Any

from kit.masking import masked

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

BEST = 5
"""How many trials are shown."""
LEAST_TRIALS, LEAST_A_PARAMETER = 5, 1
"""Complete trials from which importance is told: at all, and times the parameters. It is rough then: in
simulated studies of 12 trials little more than noise, of 25 half of what a dominant parameter should have."""
KILLED = "its process was killed"
NOTES = (
    "The best of many trials looks better than it is: part of its gain in the search is luck with the folds "
    "and the seed of the search. The gain to believe is that of the confirmation, on folds and seeds that "
    "the search did not use.",
)


def summarise_study(
    study: "Study",
    confirmation: Mapping[str, Any] | None,
    *,
    name: str,
    storage: str,
    config_name: str,
    command: str,
    sample: bool = False,
) -> dict[str, Any]:
    """Return every figure of a study as plain values for JSON.

    Values and gains are log losses in nats, relative gains, accuracies and importances fractions, times
    seconds. A gain is the baseline's value minus the trial's, None without a value of the baseline. What was
    lost or stopped and queued again counts once, as in `kit tune --trials`.

    Args:
        study: of one objective, minimised; the first trial with the user attribute "baseline" is that.
        confirmation: as `kit.tuning.confirm.confirmation.confirm` returns it; None if there is none.
        name: of the study.
        storage: its URL; the report masks secrets in it.
        config_name: the configuration that is to be beaten.
        command: what the user typed; masked too.
        sample: whether the data is the kit's own sample.
    """
    trials = study.get_trials(deepcopy=False)
    histories: list[list[int]] = [one.system_attrs.get("retry_history", []) for one in trials]
    again = {history[-1]: one.number for one, history in zip(trials, histories, strict=True) if history}
    counted = [one for one in trials if one.number not in again]
    baseline = next((one for one in counted if "baseline" in one.user_attrs), None)
    to_beat = finite_value(baseline) if baseline else None
    ranked = sorted(
        (one for one in counted if finite_value(one) is not None and not is_repeat(one)), key=_rank
    )
    failed = [one for one in trials if one.state.name == "FAIL"]
    importance, missing, judged = _importance(study, ranked)
    states = Counter(one.state.name for one in counted)
    return {
        "study": name,
        "config": config_name,
        "storage": masked(storage),
        "command": masked(command),
        "sample": sample,
        "trials": {
            "total": len(counted),
            "complete": states["COMPLETE"],
            "pruned": states["PRUNED"],
            "failed": states["FAIL"],
            "running": states["RUNNING"],
            "waiting": states["WAITING"],
            "repeats": sum(map(is_repeat, counted)),
        },
        "failed": [
            {"trial": one.number, "reason": _reason(one)} for one in failed if one.number not in again
        ],
        "queued_again": [
            {"trial": one.number, "reason": _reason(one), "as": again[one.number]}
            for one in failed
            if one.number in again
        ],
        "baseline": _figures(baseline, to_beat) if baseline else None,
        "best": [_figures(one, to_beat) for one in ranked[:BEST]],
        "importance": importance,
        "importance_missing": missing,
        "importance_trials": judged,
        "time": _time(trials, ranked),
        "confirmation": None if confirmation is None else dict(confirmation),
        "notes": list(NOTES) if ranked and "baseline" not in ranked[0].user_attrs else [],
    }


def finite_value(trial: "FrozenTrial") -> float | None:
    """Return the value of a complete trial, if it is a number."""
    if trial.state.name != "COMPLETE" or trial.value is None or not math.isfinite(trial.value):
        return None
    return trial.value


def known_accuracy(trial: "FrozenTrial") -> float | None:
    """Return the accuracy of a trial as a fraction; None where another program noted something else."""
    accuracy = trial.user_attrs.get("accuracy")
    return accuracy if isinstance(accuracy, int | float) and 0 <= accuracy <= 1 else None


def _rank(trial: "FrozenTrial") -> tuple[float, int]:
    return trial.values[0], trial.number


def is_repeat(trial: "FrozenTrial") -> bool:
    """Say whether a trial was not trained, but took its value from an earlier one."""
    return "repeat_of" in trial.user_attrs


def _reason(trial: "FrozenTrial") -> str:
    return masked(str(trial.user_attrs.get("failed", KILLED)))


def _figures(trial: "FrozenTrial", to_beat: float | None) -> dict[str, Any]:
    value = finite_value(trial)
    gain = to_beat - value if to_beat is not None and value is not None else None
    return {
        "trial": trial.number,
        "baseline": "baseline" in trial.user_attrs,
        "value": value,
        "gain": gain,
        "relative_gain": gain / to_beat if gain is not None and to_beat else None,
        "accuracy": known_accuracy(trial),
        "seconds": trial.duration.total_seconds() if trial.duration else None,
        "params": dict(trial.params),
    }


def _time(trials: "Sequence[FrozenTrial]", complete: "Sequence[FrozenTrial]") -> dict[str, float | None]:
    """Return the time of all trials together, start-up included, and about how much pruning saved of it."""
    took = {
        one.number: one.duration.total_seconds()
        for one in trials
        # Nobody was there to see when a killed one ended.
        if one.duration and not is_repeat(one) and not (one.state.name == "FAIL" and _reason(one) == KILLED)
    }
    pruned = [took[one.number] for one in trials if one.state.name == "PRUNED" and one.number in took]
    whole = [took[one.number] for one in complete if one.number in took]
    saved = len(pruned) * median(whole) - sum(pruned) if pruned and whole else None
    return {"trial_seconds": sum(took.values()), "saved_seconds": saved}


def _importance(
    study: "Study", complete: "Sequence[FrozenTrial]"
) -> tuple[dict[str, float | None], str | None, int]:
    """Return each parameter's share of the variance, largest first, why there is none, and the trials judged.

    Functional ANOVA over random forests: F. Hutter, H. Hoos, K. Leyton-Brown (2014), An efficient approach
    for assessing hyperparameter importance, ICML. Optuna's default, PED-ANOVA, asks which parameters the
    best tenth of the trials agree in: of 30 trials those are three. A parameter that some trials lack for
    another reason than being the baseline is None.
    """
    names = sorted({name for one in complete for name in one.params})
    searched = [one for one in complete if "baseline" not in one.user_attrs]
    everywhere = [name for name in names if all(name in one.params for one in searched)]
    judged = [one for one in complete if one.params.keys() >= set(everywhere)]
    least = max(LEAST_TRIALS, LEAST_A_PARAMETER * len(everywhere))
    nothing: dict[str, float | None] = dict.fromkeys(names)
    if len(judged) < least:
        return nothing, f"importance takes {least} complete trials, there are {len(judged)}", len(judged)
    if not everywhere:
        return nothing, "no parameter stands in all trials", len(judged)
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            evaluator = FanovaImportanceEvaluator(seed=0)
            found = get_param_importances(study, evaluator=evaluator, params=everywhere)
        except RuntimeError:  # No variance.
            return nothing, "all trials are alike", len(judged)
        except ValueError:  # Optuna's word for it: a dynamic search space.
            return nothing, "trials of another program have other ranges", len(judged)
    return {**found, **{name: None for name in names if name not in found}}, None, len(judged)
