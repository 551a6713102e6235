"""What a report says of a comparison in the confirmation; gains are shares of the baseline's loss."""

import math

from kit.records import Comparison, Confirmation

RESULTS = {"stopped": "stopped early", "failed": "failed", "complete": "not confirmed"}
"""Result of a comparison that shows no better trial, by its status."""


def decisive(confirmed: Confirmation) -> Comparison | None:
    """Return the comparison that a report is about; None if there are none.

    It is that of the winner, else the one that more time would decide, else that of the greatest gain.
    """
    known = [one for one in confirmed.comparisons if one.relative_gain is not None]
    if confirmed.won or not known:
        return confirmed.won or next(iter(confirmed.comparisons[-1:]), None)
    if confirmed.more_seconds is not None:
        return known[-1]
    return max(known, key=lambda one: one.relative_gain or 0.0)


def looks_no_better(compared: Comparison) -> bool:
    """Return whether more time on this trial would not help."""
    return compared.status == "stopped" or (compared.mean is not None and compared.mean >= 0)


def relative_interval(compared: Comparison) -> tuple[float, float] | None:
    """Return the interval of the relative gain; None if there is none."""
    loss = compared.baseline_loss
    if compared.low is None or compared.high is None or not loss:
        return None
    return -compared.high / loss, -compared.low / loss


def result(compared: Comparison) -> str:
    """Return the result in words: an interval that includes 0 does not show that both are equal."""
    if compared.status == "complete" and compared.mean is None:
        return "unfinished"
    return "better" if compared.better else RESULTS[compared.status]


def signed_percent(fraction: float | None) -> str:
    """Return a fraction in percent with its sign, as in +4.7; - if there is none."""
    return "-" if fraction is None else f"{100 * fraction:+z.1f}"


def span(compared: Comparison) -> str:
    """Return the interval of the relative gain, as in "+1.2 to +13.0 %"; - if there is none."""
    interval = relative_interval(compared)
    return f"{signed_percent(interval[0])} to {signed_percent(interval[1])} %" if interval else "-"


def interval_text(compared: Comparison) -> str:
    """Return the interval and its confidence, as in "93.3 % interval +1.2 to +13.0 %"; empty without one."""
    return f"{confidence(compared)} interval {span(compared)}" if relative_interval(compared) else ""


def probability_text(compared: Comparison) -> str:
    """Return the probability, as in "better with probability 98.7 %"; empty if it is unknown."""
    return "" if compared.probability is None else f"better with probability {probability(compared)}"


def confidence(compared: Comparison) -> str:
    """Return the confidence of the interval, as in "93.3 %"."""
    return _percent(compared.confidence)


def probability(compared: Comparison) -> str:
    """Return the probability that the trial is better, as in "98.7 %"; - if it is unknown."""
    if compared.probability is None:
        return "-"
    if compared.probability > 0.999:
        return "> 99.9 %"
    return "< 0.1 %" if compared.probability < 0.001 else _percent(compared.probability)


def _percent(fraction: float) -> str:
    """Return a fraction in percent with one decimal; close to 100, two digits of what is missing."""
    missing = 100 * (1 - fraction)
    decimals = 1 - min(0, math.floor(math.log10(missing))) if missing > 0 else 1
    text = f"{100 * fraction:.{decimals}f}"
    return f"{text.rstrip('0').rstrip('.')} %"
