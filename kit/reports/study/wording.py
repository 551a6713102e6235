"""The report of a study in sentences and tables, as terminal and page have them in common.

A gain is how much lower the log loss is than the baseline's.
"""

import json
import math
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kit.reports.formatting import duration, percent

Figures = Mapping[str, Any]
Cells = dict[str, list[str]]
"""A table, by column."""


def counts(report: Figures) -> str:
    """Return how many trials there are, by how they ended."""
    trials = report["trials"]
    kinds = ("complete", "pruned", "failed", "running", "waiting")
    parts = ", ".join(f"{trials[kind]} {kind}" for kind in kinds if trials[kind])
    more = f"; {trials['repeats']} repeat an earlier one" if trials["repeats"] else ""
    again = len(report["queued_again"])
    more += f"; {again} more lost or stopped, and queued again" if again else ""
    noun = "trial" if trials["total"] == 1 else "trials"
    return f"{trials['total']} {noun} of {report['config']}{f': {parts}' * bool(parts)}{more}"


def conclusion(report: Figures) -> str:
    """Return what came of the study, in a sentence or two."""
    confirmed = report["confirmation"]
    match confirmed and confirmed["status"]:
        case "confirmed":
            return f"Trial {confirmed['winner']} is better than {report['config']}, and confirmed."
        case "none better":
            return (
                f"Nothing better than {report['config']} was found: no lead of the search is certain on "
                "other folds and seeds."
            )
        case "no candidate":
            return f"Nothing better than {report['config']} was found: no trial had a lower log loss."
        case "no time":
            needed = confirmed["needed_seconds"]
            takes = f", which takes about {duration(needed)}" if needed else ""
            return f"Nothing is confirmed: there was no time for it{takes}."
        case _:
            return "Nothing is confirmed yet: other processes are still at work on this study."


def headline(report: Figures) -> dict[str, str]:
    """Return the few figures that matter, by name."""
    baseline = report["baseline"] or {"value": None}
    if baseline["value"] is None:
        start = "has no value"
    else:
        accuracy = f", accuracy {percent(baseline['accuracy'])} %" if baseline["accuracy"] else ""
        start = f"log loss {baseline['value']:.5f}{accuracy}"
    return {
        "Baseline": start,
        "Search": search_gain(report),
        "Confirmation": confirmed_gain(report),
        "Time": time_spent(report),
    }


def search_gain(report: Figures) -> str:
    """Return what the best trial gained in the search."""
    if not report["best"]:
        return "no trial is complete"
    best = report["best"][0]
    start = f"trial {best['trial']}, log loss {loss(best['value'])}"
    if best["baseline"]:
        return f"{start}: the baseline itself"
    return start + (f", gain {gain(best['gain'])} ({relative(best)} %)" if best["gain"] is not None else "")


def confirmed_gain(report: Figures) -> str:
    """Return what the winner gained in the confirmation, or why nothing did."""
    confirmed = report["confirmation"] or {"winner": None, "status": "not made yet"}
    if confirmed["winner"] is None:
        return str(confirmed["status"])
    won = next(one for one in confirmed["comparisons"] if one["trial"] == confirmed["winner"])
    baseline = sum(confirmed["baseline_losses"]) / len(confirmed["baseline_losses"])
    return (
        f"trial {won['trial']}, log loss {baseline + won['mean']:.5f}, gain {gain_of(won['mean'])} "
        f"({-100 * won['mean'] / baseline:+.1f} %), {confidence(confirmed)} interval {span(won)}"
    )


def time_spent(report: Figures) -> str:
    """Return what the search and the confirmation took."""
    spent, confirmed = report["time"], report["confirmation"]
    saved = spent["saved_seconds"]
    return (
        f"{duration(spent['trial_seconds'])} in trials"
        + (f", about {duration(saved)} saved by pruning" if saved and saved > 0 else "")
        + (
            f"; confirmation {duration(confirmed['seconds'])}"
            if confirmed and confirmed["replicates"]
            else ""
        )
    )


def best_table(report: Figures) -> Cells:
    """Return the best trials, by column."""
    best = report["best"]
    if not best:
        return {}
    return {
        "Trial": [f"{one['trial']}{', baseline' * one['baseline']}" for one in best],
        "Log loss": [f"{one['value']:.5f}" for one in best],
        "Gain": [gain(one["gain"]) for one in best],
        "Gain %": [relative(one) for one in best],
        "Accuracy %": [percent(one["accuracy"]) for one in best],
        "Time": [duration(one["seconds"]) for one in best],
    }


def confirmation_table(report: Figures) -> Cells:
    """Return the comparisons of the confirmation, by column; nothing where there are none."""
    confirmed = report["confirmation"]
    if not confirmed or not confirmed["comparisons"]:
        return {}
    comparisons = confirmed["comparisons"]
    return {
        "Confirmed": [f"trial {one['trial']}" for one in comparisons],
        "Log loss": [loss(_mean(one["losses"])) for one in comparisons],
        "Baseline": [loss(_mean(confirmed["baseline_losses"])) for _ in comparisons],
        "Gain": [gain_of(one["mean"]) for one in comparisons],
        f"{confidence(confirmed)} interval": [span(one) for one in comparisons],
        "Better": ["yes" if one["better"] else "no" for one in comparisons],
    }


def parameter_table(report: Figures, names: Mapping[str, str] | None = None) -> Cells:
    """Return a row a parameter: its importance, and its value in the baseline and the best trials.

    Args:
        report: the report.
        names: what to call the parameters.
    """
    keys = report["importance"]
    if not keys:
        return {}
    shown = {"Baseline": report["baseline"]} if report["baseline"] else {}
    shown |= {f"Trial {one['trial']}": one for one in report["best"] if not one["baseline"]}
    importance = {"Importance %": [share(keys[key]) for key in keys]}
    return (
        {"Parameter": [names[key] if names else key for key in keys]}
        | ({} if report["importance_missing"] else importance)
        | {
            heading: [value_text(one["params"][key]) if key in one["params"] else "-" for key in keys]
            for heading, one in shown.items()
        }
    )


def short_names(keys: Iterable[str]) -> tuple[str, dict[str, str]]:
    """Return "models.NAME." where all keys of models share it, and the keys without it."""
    prefixes = {".".join(key.split(".")[:2]) + "." for key in keys if key.startswith("models.")}
    prefix = prefixes.pop() if len(prefixes) == 1 else ""
    names = {key: key.removeprefix(prefix) for key in keys}
    # models.cnn.training.epochs must not be taken for training.epochs.
    return (prefix, names) if len(set(names.values())) == len(names) else ("", {key: key for key in keys})


def failure_table(report: Figures) -> Cells:
    """Return why trials failed, by column, each reason once; nothing where none did."""
    failed = [
        *((one["reason"], str(one["trial"])) for one in report["failed"]),
        *(
            (f"{one['reason']}; queued again as trial {one['as']}", str(one["trial"]))
            for one in report["queued_again"]
        ),
        *(
            (f"{reason}, in the confirmation", name)
            for name, reason in (report["confirmation"] or {}).get("failed", {}).items()
        ),
    ]
    if not failed:
        return {}
    trials: dict[str, list[str]] = {}
    for reason, name in failed:
        trials.setdefault(reason, []).append(name)
    return {"Failed": list(trials), "Trial": [", ".join(names) for names in trials.values()]}


def next_steps(report: Figures, page: Path | None = None) -> list[tuple[str, str]]:
    """Return what to do next: what for, and the command or the place."""
    confirmed = report["confirmation"]
    match confirmed and confirmed["status"]:
        case "confirmed" if confirmed["config_path"]:
            steps = [("Train it", f"make cv CONFIG={shlex.quote(confirmed['config_path'])}")]
        case "no time" if confirmed["needed_seconds"]:
            minutes = math.ceil(2 * confirmed["needed_seconds"] / 60)
            steps = [("Confirm it", f"the same command with --timeout {minutes}m or more")]
        case "no time" | None:
            steps = [("Go on", report["command"])]
        case _:
            steps = [("Search on", "the same command with more --trials or time")]
    if page is not None:
        steps.append(("Page", str(page)))
    dashboard = f"optuna-dashboard {shlex.quote(report['storage'])}"
    return [*steps, ("Look closer", f"pip install optuna-dashboard && {dashboard}")]


def loss(value: float | None) -> str:
    """Return a log loss, as in 0.02754."""
    return "-" if value is None else f"{value:.5f}"


def gain(value: float | None) -> str:
    """Return a gain in log loss with its sign, as in +0.00137."""
    return "-" if value is None else f"{value:+.5f}"


def relative(figures: Figures) -> str:
    """Return the gain of a trial in percent of the baseline, as in +4.7."""
    return "-" if figures["relative_gain"] is None else f"{100 * figures['relative_gain']:+.1f}"


def share(fraction: float | None) -> str:
    """Return an importance in percent."""
    return "-" if fraction is None else f"{100 * fraction:.0f}"


def confidence(confirmed: Figures) -> str:
    """Return how sure the corrected intervals are, as in 98.33 %."""
    return f"{100 * (1 - confirmed['level'] / confirmed['corrected_for']):.2f} %"


def gain_of(difference: float | None) -> str:
    """Return the gain that lies in a difference, candidate minus baseline."""
    return gain(None if difference is None else -difference)


def span(figures: Figures) -> str:
    """Return the interval of a gain, of that of the difference."""
    return "-" if figures["low"] is None else f"{gain_of(figures['high'])} to {gain_of(figures['low'])}"


def value_text(value: Any) -> str:
    """Return a parameter's value, numbers with four digits."""
    if isinstance(value, str):
        return value
    return f"{value:.4g}" if isinstance(value, float) else json.dumps(value)


def _mean(losses: Sequence[float | None]) -> float | None:
    known = [value for value in losses if value is not None]
    return sum(known) / len(known) if known and len(known) == len(losses) else None
