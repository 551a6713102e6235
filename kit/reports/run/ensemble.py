"""Sentences and tables on the ensemble: which method, why, and what each column is worth.

A table is a dictionary from headings to cells; the terminal shows some of its columns.
"""

from collections.abc import Iterator

from kit.metrics import LOSS, Metric
from kit.records import Change, ColumnValue, Combination, MethodReport, Report
from kit.records.base import Interval
from kit.reports.html.tables import Table
from kit.reports.html.text import counted, fewer

Cells = dict[str, list[str]]
METHOD, COLUMN, WEIGHT, WORTH, ERRORS, LOG_LOSS = "Method", "Column", "Weight", "Worth", "Errors", "Log loss"
FITTED_ERRORS, FITTED_LOSS = "Fitted errors", "Fitted log loss"
TO_MEAN = "Δ to mean (95 % interval)"
ERRORS_WITHOUT, LOSS_WITHOUT = "Δ errors", "Δ log loss"


def makeup(report: Report) -> str:
    """Return what a run consists of, as in "2 models, 2 seeds, 4 folds" or "9 columns of 3 runs"."""
    if report.sources:
        return f"{counted(len(report.columns), 'column')} of {counted(len(report.sources), 'run')}"
    counts = {"model": len(report.models), "seed": len(report.seeds.each), "fold": len(report.folds.each)}
    return ", ".join(counted(count, word) for word, count in counts.items())


def better_than_mean(given: Combination) -> list[MethodReport]:
    """Return the methods with a clearly lower log loss than `mean`, the lowest first."""
    better = [one for one in given.methods if one.corrected_interval[1] < 0]
    return sorted(better, key=lambda one: one.score.log_loss)


def summary(given: Combination) -> str:
    """Return the number of columns and the method, with the reason in a few words."""
    text, better = f"{counted(len(given.columns), 'column')} by {given.method}", better_than_mean(given)
    if given.requested == "auto":
        is_mean = given.method == "mean"
        reason = "no other has a clearly lower log loss" if is_mean else "clearly lower log loss than mean"
        return f"{text} (auto): {reason}"
    if given.method == "mean" and better:
        return f"{text}; {better[0].method} has a clearly lower log loss"
    return text


def answer(given: Combination) -> str:
    """Return which method was used, why, and what it gains; names of methods are in backticks."""
    used, others = given.method, len(given.methods) - 1
    if given.requested == "auto":
        start = f"`auto` compared {others} methods with `mean` and took `{used}`."
    else:
        start = f"The ensemble uses `{used}`, as requested."
    return " ".join([start, _reason(given), *_gain(given)])


def _reason(given: Combination) -> str:
    if given.method == "mean":
        better = better_than_mean(given)
        if not better:
            return "No other method has a clearly lower log loss."
        best = better[0]
        several = f", the lowest of {len(better)} such methods" if len(better) > 1 else ""
        return f"`{best.method}` has a clearly lower log loss{several}: {against_mean(best, given)}."
    low, high = given.used.corrected_interval
    verdict = (
        "clearly lower than"
        if high < 0
        else "clearly higher than"
        if low > 0
        else "not clearly different from"
    )
    return f"Its log loss is {verdict} that of `mean`: {against_mean(given.used, given)}."


def _gain(given: Combination) -> Iterator[str]:
    """Yield the difference to the best column, which is the gain if the mean has bad columns."""
    if given.method != "best":
        change = given.used.over_best
        yield (
            f"The log loss of `{given.method}` minus that of the best column is "
            f"{LOSS.format_difference(change.loss)} (95 % interval {_span(change.loss_interval)}), with "
            f"{errors_fewer(change)}."
        )


def against_mean(one: MethodReport, given: Combination) -> str:
    """Return the difference of a method to `mean`, with its intervals."""
    return (
        f"{LOSS.format_difference(one.over_mean.loss)} "
        f"({confidence(given)} interval {_span(one.corrected_interval)}), with {errors_fewer(one.over_mean)}"
    )


def confidence(given: Combination) -> str:
    """Return the confidence of the corrected intervals, as in 99.3 %."""
    return f"{100 * given.confidence:.1f} %"


def errors_fewer(change: Change) -> str:
    """Return a difference of errors, as in "24 errors fewer (95 % interval 8 to 40 fewer)"."""
    low, high = _whole(change.errors_interval)
    if low == high == 0:
        return "as many errors"
    span = f"95 % interval {fewer(-high, -low)}"
    if change.errors == 0:
        return f"as many errors ({span})"
    return f"{counted(abs(change.errors), 'error')} {'more' if change.errors > 0 else 'fewer'} ({span})"


def worth(one: ColumnValue) -> str:
    """Return what a column adds: errors only if their 95 % interval excludes 0."""
    errors, (low, high) = one.change.errors, _whole(one.change.errors_interval)
    if one.verdict == "nothing":
        return "worth nothing"
    if one.verdict == "helps":
        if low > 0:
            return f"worth {counted(errors, 'error')} ({low:,} to {high:,})"
        return "lowers the log loss"
    if high < 0:
        return f"costs {counted(-errors, 'error')} ({-high:,} to {-low:,})"
    return "raises the log loss"


def methods(given: Combination, metric: Metric) -> Cells:
    """Return the scores of every method; the used one is marked."""
    each = given.methods
    fitted = [one.fitted_score for one in each]
    cells = {
        METHOD: [one.method + ", used" * (one is given.used) for one in each],
        f"OOF {metric.heading}": [metric.format(one.score.value) for one in each],
        ERRORS: [f"{one.score.errors:,}" for one in each],
        LOG_LOSS: [LOSS.format(one.score.log_loss) for one in each],
        TO_MEAN: ["" if one.method == "mean" else _loss(one.over_mean) for one in each],
        FITTED_ERRORS: [f"{one.errors:,}" if one else "-" for one in fitted],
        FITTED_LOSS: [LOSS.format(one.log_loss) if one else "-" for one in fitted],
    }
    if metric is LOSS:
        del cells[LOG_LOSS]
    return cells


def methods_table(given: Combination, metric: Metric) -> Table:
    """Return the scores of every method."""
    used = given.methods.index(given.used)
    return _table(
        "Methods on all columns; Δ is the log loss minus that of mean, negative is better",
        methods(given, metric),
        used,
    )


def gains_table(given: Combination) -> Table:
    """Return how every method compares with the best column."""
    each = [one for one in given.methods if one.method != "best"]
    cells = {
        METHOD: [one.method for one in each],
        ERRORS: [_errors(one.over_best) for one in each],
        LOG_LOSS: [_loss(one.over_best) for one in each],
    }
    used = next((at for at, one in enumerate(each) if one is given.used), None)
    return _table(
        "Difference to the best column (chosen on other folds), with 95 % intervals; negative is better",
        cells,
        used,
    )


def columns(report: Report, given: Combination, metric: Metric) -> Cells:
    """Return weight, score and worth of every column, the most useful first."""
    scores = {f"{one.model}-s{one.seed}": one.score for one in report.columns}
    each = sorted(given.columns, key=_uselessness)
    own = [scores[one.column] for one in each]
    return {
        COLUMN: [one.column for one in each],
        WORTH: [worth(one) for one in each],
        WEIGHT: [f"{one.weight:z.3f}" for one in each],
        f"OOF {metric.heading}": [metric.format(one.value) for one in own],
        ERRORS: [f"{one.errors:,}" for one in own],
        ERRORS_WITHOUT: [_errors(one.change) for one in each],
        LOSS_WITHOUT: [_loss(one.change) for one in each],
    }


def columns_table(report: Report, given: Combination, metric: Metric) -> Table:
    """Return weight, score and worth of every column."""
    caption = (
        "Each column; Δ is the ensemble without it minus the ensemble with it, with 95 % intervals: positive "
        "means that the column helps"
    )
    return _table(caption, columns(report, given, metric))


def _uselessness(one: ColumnValue) -> tuple[int, int, float]:
    return ("helps", "nothing", "hurts").index(one.verdict), -one.change.errors, -one.change.loss


def _table(caption: str, cells: Cells, used: int | None = None) -> Table:
    return Table(
        caption,
        list(cells),
        list(zip(*cells.values(), strict=True)),
        frozenset() if used is None else frozenset({used}),
    )


def _errors(change: Change) -> str:
    errors, low, high = map(signed, (change.errors, *_whole(change.errors_interval)))
    return f"{errors} ({low} to {high})"


def _whole(interval: Interval) -> tuple[int, int]:
    """Return an interval of errors in whole errors, which includes 0 only if the given one does."""
    low, high = interval
    return max(round(low), 1) if low > 0 else round(low), min(round(high), -1) if high < 0 else round(high)


def signed(number: float) -> str:
    """Return a rounded number with its sign, and 0 without one."""
    return f"{round(number):+,}" if round(number) else "0"


def _loss(change: Change) -> str:
    return f"{LOSS.format_difference(change.loss)} ({_span(change.loss_interval)})"


def _span(interval: Interval) -> str:
    return " to ".join(map(LOSS.format_difference, interval))
