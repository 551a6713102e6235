"""What a report says about models: one that is better alone, useless or overfitting."""

from collections.abc import Iterator, Mapping, Sequence
from math import sqrt

from kit.metrics import HITS, Difference, Metric, holm, mean_sd, normal_p
from kit.records import Finding, MemberReport, ModelReport, Pair, RunRecord
from kit.reports.formatting import p_value
from kit.reports.html.text import counted, first_few
from kit.reports.run.commands import without_models

SMALLEST_GAP = 0.002
"""Smallest gap that counts as overfitting, of a metric in percent."""
SMALLEST_SHARE = 0.2
"""The same as a share of the held-out loss, of any metric."""
ERRORS_OF_GAP = 2.0
"""Standard errors over members that a gap must exceed."""
LEVEL = 0.05
"""Family-wise error rate of what is said of several models."""
Teachers = Mapping[str, Sequence[str]]
"""Names of the models that a model learns from, by its name: it cannot be trained without them."""


def alone_is_better(
    record: RunRecord, metric: Metric, alone: Pair | None, models: Sequence[ModelReport], teachers: Teachers
) -> Iterator[Finding]:
    """Yield the model that is clearly better than the ensemble.

    It is the best of several: its p-value is multiplied by their number (Bonferroni).
    """
    if alone is None or alone.verdict != "better" or alone.difference is None:
        return
    p = alone.p * len(models)
    if p >= LEVEL:
        return
    gain = f"{metric.title} {metric.format_difference(alone.difference)}"
    if metric is HITS:
        gain = f"{counted(alone.gained - alone.lost, 'error')} fewer"
    evidence = f"{_change(metric, Difference(alone.difference, *alone.interval))}, {p_value(p)}."
    if alone.b not in teachers:
        names = [one.model for one in models]
        command = without_models(record, names, [name for name in names if name != alone.b])
        evidence += f" {command} trains it alone." if command else ""
    yield Finding(
        kind="model",
        text=f"{alone.b} alone is better than the ensemble: {gain}",
        evidence=evidence,
        anchor="scores",
    )


def useless(
    record: RunRecord, metric: Metric, without: Mapping[str, Difference], teachers: Teachers
) -> Iterator[Finding]:
    """Yield the model without which the ensemble is clearly better."""
    if found := worst_model(metric, without, teachers):
        worst, p = found
        command = without_models(record, without, [worst])
        yield Finding(
            kind="model",
            text=f"the ensemble is better without {worst}",
            evidence=f"{_change(metric, without[worst])}, {p_value(p)}."
            + (f" {command} leaves it out." if command else ""),
            anchor="scores",
        )


def worst_model(
    metric: Metric, without: Mapping[str, Difference], teachers: Teachers
) -> tuple[str, float] | None:
    """Return the model without which the ensemble is clearly better, and the p-value (Holm).

    Not a teacher: the models that learn from it would be lost, too.
    """
    needed = teachers_in(teachers)
    changes = {name: change for name, change in without.items() if name not in needed}
    corrected = dict(zip(changes, holm([normal_p(one) for one in changes.values()]), strict=True))
    sign = 1 if metric.greater_is_better else -1
    clear = [name for name, p in corrected.items() if p < LEVEL and sign * changes[name].mean > 0]
    if not clear:
        return None
    worst = max(clear, key=lambda name: sign * changes[name].mean)
    return worst, corrected[worst]


def teachers_in(teachers: Teachers) -> set[str]:
    """Return the names of all models from which others learn."""
    return {name for names in teachers.values() for name in names}


def overfit(
    metric: Metric, models: Sequence[ModelReport], members: Sequence[MemberReport]
) -> Iterator[Finding]:
    """Yield the model with the largest gap, if that is clear over its members; others are evidence.

    Only models with epochs: nearest neighbours and forests predict their own training rows, by design.
    """
    clear = []
    for model in models:
        own = [one for one in members if one.model == model.model and one.epochs.loss]
        gaps = [one.gap for one in own if one.gap is not None]
        if len(gaps) < 2 or model.score.value is None:
            continue
        gap, sd = mean_sd(gaps)
        noise = ERRORS_OF_GAP * (sd or 0.0) / sqrt(len(gaps))
        smallest = SMALLEST_GAP if metric.percent else 0.0
        if gap > max(noise, smallest, SMALLEST_SHARE * metric.loss(model.score.value)):
            clear.append((gap, f"{metric.format(gap)} ± {metric.format(sd)}", len(gaps), model))
    if not clear:
        return
    (gap, spread, count, worst), *others = sorted(clear, key=lambda one: -one[0])
    points = " points" * metric.percent
    also = first_few([f"{model.model}: {text}" for _, text, _, model in others])
    yield Finding(
        kind="overfit",
        text=f"{worst.model} overfits: gap {_short(metric, gap)}{points}",
        evidence=(
            f"Train {metric.title} {metric.format(worst.train_score)}{metric.unit}, held-out "
            f"{metric.format(worst.folds.mean)}{metric.unit}: the gap is {spread}{points} "
            f"(mean ± sd of {count} members).{f' Also {also}.' if also else ''} "
            "More dropout, augmentation or L2 may lower it; `kit compare` shows whether the score improves."
        ),
        anchor="curves",
    )


def _change(metric: Metric, change: Difference) -> str:
    points = " points" * metric.percent
    low, high = map(metric.format_difference, change[1:])
    return (
        f"The OOF {metric.title} changes by {metric.format_difference(change.mean)}{points} "
        f"(95 % interval {low} to {high})"
    )


def _short(metric: Metric, value: float) -> str:
    return f"{100 * value:.1f}" if metric.percent else f"{value:.2g}"
