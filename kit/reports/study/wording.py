"""Sentences and tables of a study's report, shared by terminal and page.

A gain is the baseline's loss minus the trial's: positive is better, whatever the direction of the metric.
"""

import json
import math
import re
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path

from kit.metrics import METRICS, Metric
from kit.records import Comparison, Confirmation, ParamValue, StudyReport, TrialFigures, mean_loss
from kit.reports.formatting import duration

Cells = dict[str, list[str]]
"""A table, by column."""


def counts(report: StudyReport) -> str:
    """Return the number of trials by state."""
    trials = report.trials.model_dump()
    # After a kill, the storage still has trials as running.
    running = "running" if report.status == "running" else "not finished"
    kinds = {one: one for one in ("complete", "pruned", "failed", "running", "waiting")} | {
        "running": running
    }
    parts = ", ".join(f"{trials[kind]} {text}" for kind, text in kinds.items() if trials[kind])
    more = f"; {trials['repeats']} repeat an earlier one" if trials["repeats"] else ""
    more += f"; {len(report.retried)} more lost or stopped, and queued again" if report.retried else ""
    noun = "trial" if report.trials.total == 1 else "trials"
    return f"{report.trials.total} {noun} of {report.config}{f': {parts}' * bool(parts)}{more}"


def conclusion(report: StudyReport) -> str:
    """Return the result of the study in one or two sentences."""
    interrupted = " The last call was interrupted." * (report.status == "interrupted")
    if report.confirmation is not None:
        return _found(report, report.confirmation) + interrupted
    if report.status == "complete":
        return "Nothing was confirmed."
    if report.status == "running":
        return "Nothing is confirmed yet: the study is still running."
    stored = f" (trainings stored: {report.confirm_trainings})" * bool(report.confirm_trainings)
    return f"Nothing is confirmed yet: the study was interrupted before its confirmation ended{stored}."


def _found(report: StudyReport, confirmed: Confirmation) -> str:
    nothing = f"Nothing better than {report.config} was found: "
    match confirmed.status:
        case "confirmed":
            return f"Trial {confirmed.winner} is better than {report.config}, and confirmed."
        case "none better":
            return nothing + "no gain of the search holds on other folds and seeds."
        case "no candidate":
            return nothing + f"no trial improved the {METRICS[report.metric].title}."
        case "no time":
            needed = confirmed.needed_seconds
            takes = f", which takes about {duration(needed)}" if needed else ""
            return f"Nothing is confirmed: there was no time for the confirmation{takes}."


def headline(report: StudyReport) -> dict[str, str]:
    """Return the most important figures, by name."""
    return {
        "Baseline": baseline_text(report),
        "Search": search_gain(report),
        "Confirmation": confirmed_gain(report),
        "Time": time_spent(report),
    }


def baseline_text(report: StudyReport) -> str:
    """Return what the configuration itself reached in the search."""
    baseline = report.baseline
    if baseline is None or baseline.value is None:
        return "has no value"
    metric, score = METRICS[report.metric], METRICS[report.score]
    text = value_text(metric, baseline.value)
    return (
        text if score is metric or baseline.score is None else f"{text}, {value_text(score, baseline.score)}"
    )


def search_gain(report: StudyReport) -> str:
    """Return the gain of the best trial in the search."""
    if not report.best:
        return "no trial is complete"
    metric, best = METRICS[report.metric], report.best[0]
    start = f"trial {best.trial}, {value_text(metric, best.value)}"
    if best.baseline:
        return f"{start}: the baseline itself"
    if best.gain is None:
        return start
    return f"{start}, gain {metric.format_difference(best.gain)} ({relative(best)} %)"


def confirmed_gain(report: StudyReport) -> str:
    """Return the gain of the winner in the confirmation, or why there is none."""
    confirmed = report.confirmation
    if confirmed is None:
        return "not made yet"
    more = f"; there was no time for {confirmed.left_out} more" * bool(confirmed.left_out)
    if confirmed.winner is None:
        return f"{confirmed.status}{more}"
    return f"trial {confirmed.winner}, {confirmed_text(METRICS[report.metric], confirmed)}{more}"


def confirmed_text(metric: Metric, confirmed: Confirmation) -> str:
    """Return value and gain of the winner in the confirmation, with the interval of the gain."""
    won, baseline = confirmed.won, confirmed.baseline_loss
    if won is None or won.mean is None or baseline is None:
        return "no winner"
    share = f" ({-100 * won.mean / baseline:+.1f} %)" if baseline else ""
    return (
        f"{value_text(metric, metric.from_loss(baseline + won.mean))}, gain {gain_text(metric, won.mean)}"
        f"{share}, {confidence(confirmed)} interval {span(metric, won)}"
    )


def time_spent(report: StudyReport) -> str:
    """Return the time of search and confirmation."""
    spent, confirmed, saved = report.time, report.confirmation, report.time.saved_seconds
    return (
        f"{duration(spent.trial_seconds)} in trials"
        + (f", about {duration(saved)} saved by pruning" if saved and saved > 0 else "")
        + (f"; confirmation {duration(confirmed.seconds)}" if confirmed and confirmed.replicates else "")
    )


def best_table(report: StudyReport) -> Cells:
    """Return the best trials, by column."""
    best, metric, score = report.best, METRICS[report.metric], METRICS[report.score]
    if not best:
        return {}
    return (
        {
            "Trial": [f"{one.trial}{', baseline' * one.baseline}" for one in best],
            column(metric): [metric.format(one.value) for one in best],
            "Gain": [metric.format_difference(one.gain) for one in best],
            "Gain %": [relative(one) for one in best],
        }
        | ({} if score is metric else {column(score): [score.format(one.score) for one in best]})
        | {"Time": [duration(one.seconds) for one in best]}
    )


def confirmation_table(report: StudyReport) -> Cells:
    """Return the comparisons of the confirmation, by column; nothing if there are none."""
    confirmed, metric = report.confirmation, METRICS[report.metric]
    if not confirmed or not confirmed.comparisons:
        return {}
    compared = confirmed.comparisons
    return {
        "Confirmed": [f"trial {one.trial}" for one in compared],
        column(metric): [loss_text(metric, mean_loss(one.losses)) for one in compared],
        "Baseline": [loss_text(metric, confirmed.baseline_loss) for _ in compared],
        "Gain": [gain_text(metric, one.mean) for one in compared],
        f"{confidence(confirmed)} interval": [span(metric, one) for one in compared],
        "Better": ["yes" if one.better else "no" for one in compared],
    }


def parameter_table(report: StudyReport, names: Mapping[str, str] | None = None) -> Cells:
    """Return one row per parameter: its importance, and its value in the baseline and the best trials.

    Args:
        report: the report.
        names: names of the parameters by key; None: the keys.
    """
    keys = report.importance
    if not keys:
        return {}
    shown = {"Baseline": report.baseline} if report.baseline else {}
    shown |= {f"Trial {one.trial}": one for one in report.best if not one.baseline}
    importance = {"Importance %": [share(keys[key]) for key in keys]}
    return (
        {"Parameter": [names[key] if names else key for key in keys]}
        | ({} if report.importance_missing else importance)
        | {
            heading: [param_text(one.params[key]) if key in one.params else "-" for key in keys]
            for heading, one in shown.items()
        }
    )


def short_names(keys: Iterable[str]) -> tuple[str, dict[str, str]]:
    """Return "models.NAME." if all keys of models share it, and the keys without it."""
    prefixes = {".".join(key.split(".")[:2]) + "." for key in keys if key.startswith("models.")}
    prefix = prefixes.pop() if len(prefixes) == 1 else ""
    names = {key: key.removeprefix(prefix) for key in keys}
    # models.cnn.training.epochs must not look like training.epochs.
    return (prefix, names) if len(set(names.values())) == len(names) else ("", {key: key for key in keys})


def failure_table(report: StudyReport) -> Cells:
    """Return the reasons of failures, one row per reason, by column; nothing if there are none."""
    failed = [
        *((one.reason, str(one.trial)) for one in report.failed),
        *((f"{one.reason}; queued again as trial {one.retry}", str(one.trial)) for one in report.retried),
    ]
    if report.confirmation:
        failed += [(f"{why}, in the confirmation", name) for name, why in report.confirmation.failed.items()]
    if not failed:
        return {}
    trials: dict[str, list[str]] = {}
    for reason, name in failed:
        trials.setdefault(reason, []).append(name)
    return {"Failed": list(trials), "Trial": [", ".join(names) for names in trials.values()]}


def next_steps(report: StudyReport) -> list[tuple[str, str]]:
    """Return what to do next: the purpose, and the command; the most useful step is the first."""
    return [_main_step(report), ("Explore", f"optuna-dashboard {shlex.quote(report.storage)}")]


def _main_step(report: StudyReport) -> tuple[str, str]:
    confirmed = report.confirmation
    if confirmed and confirmed.status == "confirmed" and confirmed.config_path:
        return "Train it", f"kit cv -c {shlex.quote(Path(confirmed.config_path).stem)}"
    if confirmed is None or report.status != "complete":
        return "Resume", report.command
    enough = confirmed.enough_seconds
    if confirmed.status == "no time":
        return "Confirm it", with_timeout(report.command, enough) if enough else report.command
    if report.limit_seconds is None:
        return "Search more", "the same command with more --trials"
    return "Search more", with_timeout(report.command, max(enough or 0.0, 2 * report.limit_seconds))


def with_timeout(command: str, seconds: float) -> str:
    """Return a command of `kit tune` with this time limit in place of its own."""
    other = re.sub(r" --timeout[ =]\S+", "", command)
    return f"{other} --timeout {minutes(seconds)}"


def minutes(seconds: float) -> str:
    """Return a time limit in whole minutes, as --timeout takes it."""
    return f"{math.ceil(seconds / 60)}m"


def loss_title(metric: Metric) -> str:
    """Return the name of what the study minimises, as in "log loss" or "1 - accuracy"."""
    return f"1 - {metric.title}" if metric.greater_is_better else metric.title


def column(metric: Metric) -> str:
    """Return a metric as the heading of a table, as in "Log loss" or "Accuracy %"."""
    return f"{metric.title[0].upper()}{metric.title[1:]}{metric.unit}"


def value_text(metric: Metric, value: float | None) -> str:
    """Return a metric with its value, as in "accuracy 99.643 %"."""
    return f"{metric.title} {metric.format(value)}{metric.unit}"


def loss_text(metric: Metric, loss: float | None) -> str:
    """Return the value of the metric that has this loss."""
    return metric.format(None if loss is None else metric.from_loss(loss))


def gain_text(metric: Metric, difference: float | None) -> str:
    """Return the gain that a difference of losses means, trial minus baseline."""
    return metric.format_difference(None if difference is None else -difference)


def span(metric: Metric, compared: Comparison) -> str:
    """Return the interval of the gain."""
    if compared.low is None:
        return "-"
    return f"{gain_text(metric, compared.high)} to {gain_text(metric, compared.low)}"


def relative(figures: TrialFigures) -> str:
    """Return the gain of a trial in percent of the baseline's loss, as in +4.7."""
    return "-" if figures.relative_gain is None else f"{100 * figures.relative_gain:+.1f}"


def share(fraction: float | None) -> str:
    """Return an importance in percent."""
    return "-" if fraction is None else f"{100 * fraction:.0f}"


def confidence(confirmed: Confirmation) -> str:
    """Return the confidence of the corrected intervals, as in 98.33 %."""
    return f"{100 * confirmed.confidence:.2f} %"


def param_text(value: ParamValue) -> str:
    """Return a parameter's value, numbers with four digits."""
    if isinstance(value, str):
        return value
    return f"{value:.4g}" if isinstance(value, float) else json.dumps(value)
