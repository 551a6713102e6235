"""What a report recommends, most useful first, each with its evidence."""

from collections.abc import Iterator, Sequence
from math import sqrt

from kit.metrics import LOSS, Metric, mean_sd
from kit.records import Finding, Growth, LabelErrors, MemberReport, ModelReport, Reliability, RunRecord

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
        label_errors: labels that may be wrong.
        reliability: None if a temperature does not lower the log loss clearly.
    """
    seeds = len({member.seed for member in members})
    found = [
        *_sample(record, rows),
        *_overfit(metric, models, members),
        *_seeds(growth, seeds),
        *_labels(label_errors, rows),
        *_calibration(reliability),
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
            evidence="Get the competition's data: kit data fetch.",
            anchor="run",
        )


def _overfit(
    metric: Metric, models: Sequence[ModelReport], members: Sequence[MemberReport]
) -> Iterator[Finding]:
    """Yield the models whose gap is large, and clear over their members; the largest gap first."""
    for model in sorted(models, key=lambda one: -(one.gap or 0.0)):
        gaps = [one.gap for one in members if one.model == model.model and one.gap is not None]
        if len(gaps) < 2 or model.score.value is None:
            continue
        gap, sd = mean_sd(gaps)
        least = SMALLEST_SHARE * metric.loss(model.score.value)
        if metric.percent:
            least = max(least, SMALLEST_GAP)
        if gap <= max(least, ERRORS_OF_GAP * (sd or 0.0) / sqrt(len(gaps))):
            continue
        points = " points" * metric.percent
        yield Finding(
            kind="overfit",
            text=f"{model.model} overfits: gap {_short(metric, gap)}{points}",
            evidence=(
                f"Train {metric.title} {metric.format(model.train_score)}{metric.unit}, held-out "
                f"{metric.format(model.folds.mean)}{metric.unit}: the gap is {metric.format(gap)} ± "
                f"{metric.format(sd)}{points} (mean ± sd of {len(gaps)} members)."
            ),
            anchor="curves",
        )


def _seeds(growth: Growth | None, seeds: int) -> Iterator[Finding]:
    """Yield what more seeds would give: a forecast from several seeds, or how to get one."""
    if seeds == 1:
        yield Finding(
            kind="seeds",
            text="one seed: try more with --set seeds=3",
            evidence=(
                "One seed does not show what more would give. The same command with --set seeds=3 trains "
                "only the two new ones."
            ),
            anchor="growth",
        )
    elif growth and growth.errors_saved is not None and growth.errors_saved_band:
        saved, (low, high) = growth.errors_saved, growth.errors_saved_band
        if low > 0 and round(saved) >= 1:
            yield Finding(
                kind="seeds",
                text=f"more seeds: about {_errors(round(saved))} fewer",
                evidence=(
                    f"Forecast for {2 * seeds} seeds in place of {seeds}, 90 % band {low:.0f} to {high:.0f} "
                    f"errors fewer: --set seeds={2 * seeds}."
                ),
                anchor="growth",
            )


def _labels(errors: LabelErrors, rows: int) -> Iterator[Finding]:
    low, high = (round(end) for end in errors.interval)
    if low >= 1:
        yield Finding(
            kind="labels",
            text=f"about {errors.expected:,.0f} labels look wrong ({low:,} to {high:,})",
            evidence=(
                f"Estimate by confident learning on {rows:,} out-of-fold predictions, with its 95 % "
                "interval. The most suspicious are in the gallery."
            ),
            anchor="labels",
        )


def _calibration(reliability: Reliability | None) -> Iterator[Finding]:
    if reliability is None:
        return
    gain = reliability.log_loss - reliability.scaled_log_loss
    if gain > SMALLEST_GAIN * reliability.log_loss:
        extreme = "too extreme" if reliability.temperature > 1 else "not extreme enough"
        yield Finding(
            kind="calibration",
            text=f"calibration lowers the {LOSS.title} by {gain / reliability.log_loss:.0%}",
            evidence=(
                f"The probabilities are {extreme}: temperature {reliability.temperature:.2f} gives "
                f"{LOSS.format(reliability.scaled_log_loss)} in place of {LOSS.format(reliability.log_loss)} "
                "(cross-fitted): --set ensemble.calibrate=true."
            ),
            anchor="reliability",
        )


def _short(metric: Metric, value: float) -> str:
    return f"{100 * value:.1f}" if metric.percent else f"{value:.2g}"


def _errors(count: int) -> str:
    return f"{count:,} error{'s' * (count != 1)}"
