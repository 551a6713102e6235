"""What a report says about the ensemble: a better method, models that add nothing."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from kit.metrics import LOSS, Difference, Metric
from kit.records import Change, ColumnValue, Combination, Finding, MethodReport, RunRecord
from kit.reports.html.text import counted, first_few
from kit.reports.run.commands import combined_by, without_models
from kit.reports.run.ensemble import against_mean, better_than_mean, signed
from kit.reports.run.model_findings import Teachers, teachers_in

FEWEST = 3
"""With fewer columns, nothing is left to combine without one."""


def better_method(record: RunRecord, metric: Metric, given: Combination | None) -> Iterator[Finding]:
    """Yield the method that is clearly better than the one that was used, if one of the two is `mean`.

    The report has no intervals between other methods. "Better" is the lower log loss, as for `auto`; if the
    metric depends on the predicted classes only, the better method must not have more errors.
    """
    if given is None:
        return
    if given.method == "mean":
        better = [one for one in better_than_mean(given) if _allowed(metric, one.over_mean.errors)]
        if better:
            yield _method(record, metric, given, better[0], better=better[0].method, worse="mean")
    elif given.used.corrected_interval[0] > 0 and _allowed(metric, -given.used.over_mean.errors):
        yield _method(record, metric, given, given.used, better="mean", worse=given.method)


def _allowed(metric: Metric, more_errors: int) -> bool:
    return metric.needs == "probabilities" or more_errors <= 0


def _method(
    record: RunRecord,
    metric: Metric,
    given: Combination,
    compared: MethodReport,
    *,
    better: str,
    worse: str,
) -> Finding:
    """Return the finding on two methods of which one is `mean` and the other is `compared`."""
    change, losses = compared.over_mean, {one.method: one.score.log_loss for one in given.methods}
    lower = 100 * (1 - losses[better] / losses[worse])
    text = f"{better} has a clearly lower log loss than {worse}: {lower:.1f} % lower"
    if metric.needs == "labels" and _excludes_0(change.errors_interval):
        text = f"{better} is clearly better than {worse}: {counted(abs(change.errors), 'error')} fewer"
    return Finding(
        kind="method",
        text=text,
        evidence=(
            f"The log loss of {compared.method} minus that of mean is {against_mean(compared, given)}, "
            f"cross-fitted. {combined_by(record, better)} uses {better}."
        ),
        anchor="ensemble",
    )


def worthless(
    record: RunRecord,
    metric: Metric,
    given: Combination | None,
    *,
    without: Mapping[str, Difference],
    named: str | None,
    teachers: Teachers,
) -> Iterator[Finding]:
    """Yield the models none of whose columns adds anything, unless that holds for most models.

    Not single seeds of a model: which of them are worth nothing is mostly chance.

    Args:
        record: run.json.
        metric: of the competition.
        given: all methods and columns; None with a single column.
        without: change of the metric without each model, by its name; may be empty.
        named: model that another finding already recommends to leave out.
        teachers: of each model that has some; a teacher is needed.
    """
    if given is None or len(given.columns) < FEWEST:
        return
    models: dict[str, list[ColumnValue]] = {}
    for one in given.columns:
        models.setdefault(one.column.rpartition("-s")[0], []).append(one)
    idle = {name: own for name, own in models.items() if all(one.verdict != "helps" for one in own)}
    # So many replace each other: the value of one does not show what the others are worth without it.
    if 2 * len(idle) > len(models):
        return
    needed = {named, *teachers_in(teachers)}
    needed |= {name for name, change in without.items() if _is_worse(metric, change)}
    names = [name for name in idle if name not in needed]
    if names:
        # For one run, the others would be trained again.
        command = without_models(record, list(models), names) if record.sources else None
        changes = [one.change for name in names for one in idle[name]]
        single = "" if len(changes) == len(names) else ", one column at a time"
        evidence = _evidence(changes)
        yield Finding(
            kind="column",
            text=f"worth nothing{single}: {first_few(names)}",
            evidence=evidence + (f" {command} leaves out {first_few(names)}." if command else ""),
            anchor="ensemble",
        )


def _is_worse(metric: Metric, change: Difference) -> bool:
    return change.high < 0 if metric.greater_is_better else change.low > 0


def _evidence(changes: Sequence[Change]) -> str:
    losses = map(LOSS.format_difference, _ends([one.loss for one in changes]))
    errors = map(signed, _ends([one.errors for one in changes]))
    one = "it" if len(changes) == 1 else f"one of these {len(changes)} columns"
    return (
        f"Without {one}, the log loss changes by {_range(losses)} and the errors by {_range(errors)}: not "
        "clearly worse. This holds for one column at a time; columns that are alike replace each other."
    )


def _ends(values: Sequence[float]) -> tuple[float, float]:
    return min(values), max(values)


def _range(ends: Iterable[str]) -> str:
    return " to ".join(dict.fromkeys(ends))


def _excludes_0(interval: tuple[float, float]) -> bool:
    return interval[0] > 0 or interval[1] < 0
