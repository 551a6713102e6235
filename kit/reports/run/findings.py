"""What a report recommends, most useful first, each with its evidence."""

from collections.abc import Iterator, Mapping, Sequence

from kit.metrics import LOSS, Difference, Metric
from kit.records import (
    Combination,
    Finding,
    Growth,
    LabelErrors,
    MemberReport,
    ModelReport,
    Pair,
    RunRecord,
)
from kit.reports.html.text import counted, fewer
from kit.reports.run.commands import can_be_extended, command_with, extended
from kit.reports.run.ensemble_findings import better_method, worthless
from kit.reports.run.model_findings import Teachers, alone_is_better, overfit, useless, worst_model
from kit.reports.run.parts import Calibration

SMALLEST_GAIN = 0.02
"""Share of the log loss that calibration must save."""


def find(
    record: RunRecord,
    metric: Metric,
    *,
    rows: int,
    models: Sequence[ModelReport],
    members: Sequence[MemberReport],
    growth: Growth | None,
    combination: Combination | None,
    alone: Pair | None,
    without: Mapping[str, Difference],
    label_errors: LabelErrors,
    calibration: Calibration | None,
    teachers: Teachers,
) -> tuple[Finding, ...]:
    """Return what to know or do next, most useful first; one finding of kind "none" if there is nothing.

    Args:
        record: run.json.
        metric: of the competition.
        rows: number of training rows.
        models: figures of each model.
        members: figures of each member.
        growth: score against the number of seeds; None with a single column.
        combination: all methods on all columns; None with a single column.
        alone: the best model compared with the ensemble; None unless its score is better.
        without: change of the metric without each model, by its name.
        label_errors: labels that may be wrong.
        calibration: what it would change; None if the run is calibrated.
        teachers: of each model that has some.
    """
    seeds = sorted({member.seed for member in members})
    calibrated = list(_calibration(record, metric, calibration))
    worst, _ = worst_model(metric, without, teachers) or (None, None)
    found = [
        *_sample(record, rows),
        *better_method(record, metric, combination),
        *alone_is_better(record, metric, alone, models, teachers),
        *useless(record, metric, without, teachers),
        *overfit(metric, models, members),
        *(calibrated if metric.needs == "probabilities" else ()),
        *_more_seeds(record, growth, seeds),
        *_labels(label_errors, rows),
        *(calibrated if metric.needs == "labels" else ()),
        *worthless(record, metric, combination, without=without, named=worst, teachers=teachers),
        *_one_seed(record, members, seeds),
    ]
    nothing = Finding(
        kind="none",
        text="no clear improvement found",
        evidence="The checks of methods, models, seeds, labels and calibration found nothing beyond chance.",
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


def _more_seeds(record: RunRecord, growth: Growth | None, seeds: Sequence[int]) -> Iterator[Finding]:
    """Yield what twice the seeds would give, and whether that is certain."""
    if growth is None or growth.errors_saved is None or growth.errors_saved_band is None:
        return
    saved, (low, high) = round(growth.errors_saved), growth.errors_saved_band
    if saved >= 1:
        twice = 2 * len(seeds)
        command = command_with(record, extended(seeds, twice)) if not record.sources else None
        yield Finding(
            kind="seeds",
            text=f"more seeds{'' if low > 0 else ' may help'}: about {counted(saved, 'error')} fewer",
            evidence=(
                f"Forecast for {twice} seeds in place of {len(seeds)}, 90 % band {fewer(low, high)}."
                + (f" {command} trains them." if command else "")
            ),
            anchor="growth",
        )


def _one_seed(record: RunRecord, members: Sequence[MemberReport], seeds: Sequence[int]) -> Iterator[Finding]:
    """Yield how to learn what more seeds give; most models without epochs do not depend on the seed."""
    if len(seeds) == 1 and not record.sources and any(member.epochs.loss for member in members):
        yield Finding(
            kind="seeds",
            text="one seed does not show what more seeds would give",
            evidence=(
                f"{command_with(record, extended(seeds, 3))} "
                f"{'trains two more and keeps the members' if can_be_extended(record) else 'shows it'}."
            ),
            anchor="growth",
        )


def _labels(errors: LabelErrors, rows: int) -> Iterator[Finding]:
    count, (low, high) = round(errors.expected), errors.interval
    if low >= 1:
        yield Finding(
            kind="labels",
            text=(
                f"about {counted(count, 'label')} look{'s' * (count == 1)} wrong "
                f"({int(low):,} to {round(high):,})"
            ),
            evidence=(
                f"Estimate by confident learning on {rows:,} out-of-fold predictions, at a temperature that "
                "corrects overconfidence, with its 95 % interval. The most suspicious are in the gallery."
            ),
            anchor="labels",
        )


def _calibration(record: RunRecord, metric: Metric, given: Calibration | None) -> Iterator[Finding]:
    """Yield a clear gain in log loss; the metric may be worse, because sharper columns count more."""
    if given is None or not given.clear:
        return
    before, after = given.log_loss
    if before - after >= SMALLEST_GAIN * before:
        ends = sorted({min(given.temperatures), max(given.temperatures)})
        temperatures = " to ".join(f"{one:.2f}" for one in ends)
        command = command_with(record, "ensemble.calibrate=true") if not record.sources else None
        changes = [
            f"the OOF {one.title} is {one.format(new)}{one.unit} in place of {one.format(old)}{one.unit}"
            for one, (old, new) in {LOSS: given.log_loss, metric: given.score}.items()
        ]
        yield Finding(
            kind="calibration",
            text=f"calibration lowers the {LOSS.title} by {100 * (before - after) / before:.0f} %",
            evidence=(
                f"With each column at a temperature of its own ({temperatures}), {' and '.join(changes)} "
                f"(cross-fitted).{f' {command} applies it.' if command else ''}"
            ),
            anchor="reliability",
        )
