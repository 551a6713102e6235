"""What a report recommends, most useful first, each with its evidence."""

from collections.abc import Iterator, Mapping, Sequence
from math import sqrt

from kit.metrics import HITS, LOSS, Difference, Metric, mean_sd
from kit.records import (
    Finding,
    Growth,
    LabelErrors,
    MemberReport,
    ModelReport,
    Pair,
    Reliability,
    RunRecord,
)
from kit.reports.formatting import p_value
from kit.reports.run.commands import command_with

SMALLEST_GAP = 0.002
"""Smallest gap that counts as overfitting, of a metric in percent."""
SMALLEST_SHARE = 0.2
"""The same as a share of the held-out loss, of any metric."""
ERRORS_OF_GAP = 2.0
"""Standard errors over members that a gap must exceed."""
SMALLEST_GAIN = 0.02
"""Share of the log loss that a temperature must save."""


def find(
    record: RunRecord,
    metric: Metric,
    *,
    rows: int,
    models: Sequence[ModelReport],
    members: Sequence[MemberReport],
    growth: Growth | None,
    alone: Pair | None,
    without: Mapping[str, Difference],
    label_errors: LabelErrors,
    reliability: Reliability | None,
) -> tuple[Finding, ...]:
    """Return what to know or do next, most useful first; one finding of kind "none" if there is nothing.

    Args:
        record: run.json.
        metric: of the competition.
        rows: number of training rows.
        models: figures of each model.
        members: figures of each member.
        growth: score against the number of seeds; None with a single column.
        alone: the best model compared with the ensemble; None with a single model.
        without: change of the metric without each model, by its name.
        label_errors: labels that may be wrong.
        reliability: None if a temperature does not lower the log loss clearly.
    """
    seeds, calibration = len({member.seed for member in members}), list(_calibration(record, reliability))
    found = [
        *_sample(record, rows),
        *_alone(record, metric, alone, models),
        *_useless(record, metric, without),
        *_overfit(metric, models, members),
        *(calibration if metric.needs == "probabilities" else ()),
        *_more_seeds(record, growth, seeds),
        *_labels(label_errors, rows),
        *(calibration if metric.needs == "labels" else ()),
        *_one_seed(record, members, seeds),
    ]
    nothing = Finding(
        kind="none",
        text="nothing to improve is certain",
        evidence="No model overfits clearly, and neither labels nor probabilities look wrong.",
        anchor="scores",
    )
    return tuple(found) or (nothing,)


def _sample(record: RunRecord, rows: int) -> Iterator[Finding]:
    if record.sample:
        yield Finding(
            kind="sample",
            text=f"bundled sample of {rows:,} rows: the figures say nothing about the competition",
            evidence="`kit data fetch` gets the competition's data.",
            anchor="run",
        )


def _alone(
    record: RunRecord, metric: Metric, alone: Pair | None, models: Sequence[ModelReport]
) -> Iterator[Finding]:
    """Yield the model that is clearly better than the ensemble."""
    if alone is None or alone.verdict != "better" or alone.difference is None:
        return
    gain = f"{metric.title} {metric.format_difference(alone.difference)}"
    if metric is HITS:
        gain = f"{_errors(alone.gained - alone.lost)} fewer"
    others = [f"models.{one.model}=null" for one in models if one.model != alone.b]
    yield Finding(
        kind="model",
        text=f"{alone.b} alone is better than the ensemble: {gain}",
        evidence=(
            f"{_change(metric, Difference(alone.difference, *alone.interval))}, {p_value(alone.p)}. "
            f"{command_with(record, *others, renamed=True)} trains it alone."
        ),
        anchor="scores",
    )


def _useless(record: RunRecord, metric: Metric, without: Mapping[str, Difference]) -> Iterator[Finding]:
    """Yield the model without which the ensemble is clearly better."""
    sign = 1 if metric.greater_is_better else -1
    worst = max(without, key=lambda name: sign * without[name].mean, default=None)
    if worst is None:
        return
    change = without[worst]
    if min(sign * change.low, sign * change.high) > 0:
        yield Finding(
            kind="model",
            text=f"the ensemble is better without {worst}",
            evidence=(
                f"{_change(metric, change)}. "
                f"{command_with(record, f'models.{worst}=null', renamed=True)} leaves it out."
            ),
            anchor="scores",
        )


def _overfit(
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
    also = ", ".join(f"{model.model}: {text}" for _, text, _, model in others)
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


def _more_seeds(record: RunRecord, growth: Growth | None, seeds: int) -> Iterator[Finding]:
    """Yield what twice the seeds would give, and whether that is certain."""
    if growth is None or growth.errors_saved is None or growth.errors_saved_band is None:
        return
    saved, (low, high) = round(growth.errors_saved), growth.errors_saved_band
    if saved >= 1:
        certain = low > 0
        yield Finding(
            kind="seeds",
            text=f"more seeds{'' if certain else ' may help'}: about {_errors(saved)} fewer",
            evidence=(
                f"Forecast for {2 * seeds} seeds in place of {seeds}, 90 % band "
                f"{f'{low:.0f}' if certain else f'{-low:.0f} more'} to {high:.0f} fewer. "
                f"{command_with(record, f'seeds={2 * seeds}')} trains them."
            ),
            anchor="growth",
        )


def _one_seed(record: RunRecord, members: Sequence[MemberReport], seeds: int) -> Iterator[Finding]:
    """Yield how to learn what more seeds give; most models without epochs do not depend on the seed."""
    if seeds == 1 and any(member.epochs.loss for member in members):
        yield Finding(
            kind="seeds",
            text="one seed does not show what more seeds would give",
            evidence=f"{command_with(record, 'seeds=3')} trains two more and keeps the members.",
            anchor="growth",
        )


def _labels(errors: LabelErrors, rows: int) -> Iterator[Finding]:
    low, high = errors.interval
    if low >= 1:
        yield Finding(
            kind="labels",
            text=f"about {errors.expected:,.0f} labels look wrong ({low:,.0f} to {high:,.0f})",
            evidence=(
                f"Estimate by confident learning on {rows:,} out-of-fold predictions, at a temperature that "
                "corrects overconfidence, with its 95 % interval. The most suspicious are in the gallery."
            ),
            anchor="labels",
        )


def _calibration(record: RunRecord, reliability: Reliability | None) -> Iterator[Finding]:
    if reliability is None:
        return
    gain = reliability.log_loss - reliability.scaled_log_loss
    if gain > SMALLEST_GAIN * reliability.log_loss:
        extreme = "too extreme" if reliability.temperature > 1 else "not extreme enough"
        yield Finding(
            kind="calibration",
            text=f"calibration lowers the {LOSS.title} by {100 * gain / reliability.log_loss:.0f} %",
            evidence=(
                f"The probabilities are {extreme}: temperature {reliability.temperature:.2f} gives "
                f"{LOSS.format(reliability.scaled_log_loss)} in place of {LOSS.format(reliability.log_loss)} "
                f"(cross-fitted). {command_with(record, 'ensemble.calibrate=true')} applies it."
            ),
            anchor="reliability",
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


def _errors(count: int) -> str:
    return f"{count:,} error{'s' * (count != 1)}"
