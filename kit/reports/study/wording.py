"""Texts of the figures of a study, shared by terminal and page.

A gain is the baseline's loss minus the trial's: positive is better, whatever the direction of the metric.
"""

import json
import math
from collections.abc import Iterable

from kit.metrics import Metric
from kit.records import Comparison, Confirmation, ParamValue, TrialFigures, mean_loss
from kit.reports.study.comparisons import interval_text, probability_text, signed_percent


def confirmed_text(metric: Metric, confirmed: Confirmation) -> str:
    """Return value, gain and probability of the winner in the confirmation."""
    won = confirmed.won
    return "no winner" if won is None or won.mean is None else compared_text(metric, won)


def compared_text(metric: Metric, compared: Comparison) -> str:
    """Return a comparison as in "log loss 0.0196 against 0.0211: gain +0.0015 (+7.1 %), 93.3 % interval ...".

    Args:
        metric: that decides.
        compared: has a mean difference.
    """
    own, baseline = (loss_text(metric, loss) for loss in (mean_loss(compared.losses), compared.baseline_loss))
    share = f" ({signed_percent(compared.relative_gain)} %)" * (compared.relative_gain is not None)
    gain = joined(", ", f"gain {gain_text(metric, compared.mean)}{share}", interval_text(compared))
    values = f"{metric.title} {own} against {baseline}{metric.unit}"
    return joined("; ", f"{values}: {gain}", probability_text(compared))


def joined(separator: str, *parts: str) -> str:
    """Return the parts that are not empty as one text."""
    return separator.join(filter(None, parts))


def short_names(keys: Iterable[str]) -> tuple[str, dict[str, str]]:
    """Return "models.NAME." if all keys of models share it, and the keys without it."""
    prefixes = {".".join(key.split(".")[:2]) + "." for key in keys if key.startswith("models.")}
    prefix = prefixes.pop() if len(prefixes) == 1 else ""
    names = {key: key.removeprefix(prefix) for key in keys}
    # models.cnn.training.epochs must not look like training.epochs.
    return (prefix, names) if len(set(names.values())) == len(names) else ("", {key: key for key in keys})


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


def relative(figures: TrialFigures) -> str:
    """Return the gain of a trial in percent of the baseline's loss, as in +4.7."""
    return "-" if figures.relative_gain is None else f"{100 * figures.relative_gain:+.1f}"


def share(fraction: float | None) -> str:
    """Return an importance in percent."""
    return "-" if fraction is None else f"{100 * fraction:.0f}"


def param_text(value: ParamValue) -> str:
    """Return a parameter's value, numbers with four digits."""
    if isinstance(value, str):
        return value
    return f"{value:.4g}" if isinstance(value, float) else json.dumps(value)
