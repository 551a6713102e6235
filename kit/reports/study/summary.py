"""The answer of a study's report in sentences, shared by terminal and page.

A gain is the baseline's loss minus the trial's: positive is better, whatever the direction of the metric.
"""

from kit.metrics import METRICS
from kit.records import Comparison, Confirmation, StudyReport, TrialFigures
from kit.reports.formatting import duration
from kit.reports.study.comparisons import (
    decisive,
    interval_text,
    looks_no_better,
    probability_text,
    signed_percent,
)
from kit.reports.study.effects import change_text
from kit.reports.study.wording import confirmed_text, gain_text, joined, loss_title, relative, value_text


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
    nothing, compared = f"Nothing better than {report.config} was found: ", decisive(confirmed)
    match confirmed.status:
        case "confirmed":
            return f"Trial {confirmed.winner} is better than {report.config}, and confirmed."
        case "none better" if compared and confirmed.more_seconds is not None:
            looks = f"trial {compared.trial} looks better than {report.config}"
            return f"Nothing is confirmed yet: {looks}, but the interval of its gain includes 0."
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
    change = change_of(report)
    return {
        "Baseline": baseline_text(report),
        "Search": search_gain(report),
        "Confirmation": confirmed_gain(report),
        **({"Change": change} if change else {}),
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
    metric, best, trials = METRICS[report.metric], report.best[0], report.trials
    start = f"trial {best.trial}, {value_text(metric, best.value)}"
    if best.baseline:
        return f"{start}: the baseline itself"
    if best.gain is None:
        return start
    tried = trials.complete + trials.pruned - trials.repeats
    gain = f"gain {metric.format_difference(best.gain)} ({relative(best)} %)"
    return f"{start}, {gain}, optimistic: the best of {tried}"


def confirmed_gain(report: StudyReport) -> str:
    """Return the gain of the winner in the confirmation, or why there is none."""
    confirmed = report.confirmation
    if confirmed is None:
        return "not made yet"
    more = f"; there was no time for {confirmed.left_out} more" * bool(confirmed.left_out)
    compared = decisive(confirmed)
    if confirmed.winner is not None:
        return f"trial {confirmed.winner}, {confirmed_text(METRICS[report.metric], confirmed)}{more}"
    return f"{_unconfirmed(report, confirmed, compared) if compared else confirmed.status}{more}"


def _unconfirmed(report: StudyReport, confirmed: Confirmation, compared: Comparison) -> str:
    """Return a gain that is not confirmed, and how long it would take to confirm it."""
    metric, trial = METRICS[report.metric], f"trial {compared.trial}"
    if compared.relative_gain is None:
        failed = confirmed.failed.get(str(compared.trial)) or confirmed.failed.get("baseline")
        return f"{trial}: {failed or 'too few replicates to know its gain'}"
    gain = f"{signed_percent(compared.relative_gain)} %"
    if metric.greater_is_better:
        gain = f"{gain_text(metric, compared.mean)}, {gain}"
    interval = interval_text(compared)
    known = joined(
        ", ", f"{trial}, gain {gain}{f' ({interval})' * bool(interval)}", probability_text(compared)
    )
    return joined("; ", known, _outlook(confirmed, compared))


def _outlook(confirmed: Confirmation, compared: Comparison) -> str:
    if confirmed.more_seconds is not None:
        return f"a gain of this size would be confirmed in about {duration(confirmed.more_seconds)} more"
    return "it looks no better, so more time on it would not help" * looks_no_better(compared)


def change_of(report: StudyReport) -> str:
    """Return what the described trial changes, and its effect on the metric; empty if it changes nothing."""
    trial = described_trial(report)
    if trial is None or trial.baseline:
        return ""
    before = report.baseline.params if report.baseline else {}
    change = change_text(before, trial.params, report.importance)
    return change and joined(": ", f"trial {trial.trial}, {change}", _effect(report, trial))


def described_trial(report: StudyReport) -> TrialFigures | None:
    """Return the winner, else the trial of the decisive comparison, else the best; None if there is none."""
    compared = decisive(report.confirmation) if report.confirmation else None
    if compared is None:
        return next(iter(report.best), None)
    return next((one for one in report.best if one.trial == compared.trial), None)


def _effect(report: StudyReport, trial: TrialFigures) -> str:
    """Return the effect on the metric as in "log loss -7.1 %"."""
    metric = METRICS[report.metric]
    compared = decisive(report.confirmation) if report.confirmation else None
    gain, share = trial.gain, trial.relative_gain
    if compared:
        gain, share = None if compared.mean is None else -compared.mean, compared.relative_gain
    if gain is None or share is None:
        return ""
    if metric.greater_is_better:
        size = f"{metric.title} {metric.format_difference(gain)}{' percentage points' * metric.percent}"
    else:
        size = f"{loss_title(metric)} {signed_percent(-share)} %"
    if compared and compared.better:
        return size
    return f"{size}, not confirmed" if compared else f"{size} in the search, not confirmed"


def time_spent(report: StudyReport) -> str:
    """Return the time of search and confirmation."""
    spent, confirmed, saved = report.time, report.confirmation, report.time.saved_seconds
    trained = confirmed and (confirmed.comparisons or confirmed.screened)
    return (
        f"{duration(spent.trial_seconds)} in trials"
        + (f", about {duration(saved)} saved by pruning" if saved and saved > 0 else "")
        + (f"; confirmation {duration(confirmed.seconds)}" if confirmed and trained else "")
    )
