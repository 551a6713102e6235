"""Sentences and tables of a comparison, for terminal and page."""

from collections.abc import Mapping, Sequence
from itertools import combinations

from kit.metrics import HITS, LOSS, METRICS, Metric
from kit.records import Pair, RunComparison
from kit.reports.formatting import duration, p_number, p_value, signed_duration

CAVEAT = (
    "Intervals and tests cover the choice of rows, not the randomness of training: train several seeds "
    "before you conclude that one configuration is better than another."
)
Cells = Mapping[str, Sequence[str]]


def ranking(comparison: RunComparison) -> list[int]:
    """Return the positions of the runs in `contenders`, the best first; equal ones by log loss."""
    metric, runs = METRICS[comparison.metric], comparison.contenders
    return sorted(range(len(runs)), key=lambda at: (runs[at].score.rank(metric), runs[at].score.log_loss))


def pair_of(comparison: RunComparison, a: int, b: int) -> Pair:
    """Return run `b` compared with run `a`, both as positions in `contenders`."""
    order = list(combinations(range(len(comparison.contenders)), 2))
    if a < b:
        return comparison.pairs[order.index((a, b))]
    return _swapped(comparison.pairs[order.index((b, a))])


def ranked_pairs(comparison: RunComparison) -> list[Pair]:
    """Return each pair once, as the run with the better score (`b`) compared with the other (`a`)."""
    return [pair_of(comparison, worse, better) for better, worse in combinations(ranking(comparison), 2)]


def _swapped(pair: Pair) -> Pair:
    """Return the same pair as `a` compared with `b`."""
    # 0.0 - x, because -x of 0.0 would be shown as -0.000.
    opposite = {"better": "worse", "worse": "better"}
    seconds = pair.seconds_difference
    return pair.model_copy(
        update={
            "a": pair.b,
            "b": pair.a,
            "verdict": opposite.get(pair.verdict, pair.verdict),
            "difference": None if pair.difference is None else 0.0 - pair.difference,
            "interval": (0.0 - pair.interval[1], 0.0 - pair.interval[0]),
            "gained": pair.lost,
            "lost": pair.gained,
            "loss_difference": 0.0 - pair.loss_difference,
            "loss_interval": (0.0 - pair.loss_interval[1], 0.0 - pair.loss_interval[0]),
            "seconds_difference": None if seconds is None else 0.0 - seconds,
        }
    )


def conclusion(comparison: RunComparison) -> str:
    """Return the result in words: the verdict on two runs, or the best of several and what it beats."""
    metric = METRICS[comparison.metric]
    if len(comparison.pairs) == 1:
        return verdict(comparison.pairs[0], metric)
    best, *others = ranking(comparison)
    pairs = [pair_of(comparison, other, best) for other in others]
    top, rows = comparison.contenders[best], f"{comparison.rows:,} rows"
    parts = [f"{top.run} has the best {metric.title}, {metric.format(top.score.value)}{metric.unit}"]
    if beaten := [pair.a for pair in pairs if pair.verdict == "better"]:
        parts.append(f"it is better than {_listed(beaten)}")
    if level := [pair.a for pair in pairs if pair.verdict == "no difference"]:
        parts.append(f"{rows} can show no difference from {_listed(level)}")
    return f"{'; '.join(parts)}."


def verdict(pair: Pair, metric: Metric) -> str:
    """Return `b` compared with `a`: a sentence, and a second one if the log loss says something else."""
    if not (pair.gained or pair.lost or pair.difference or pair.loss_difference):
        return f"No difference: {pair.b} and {pair.a} give every label the same probability (p = 1)."
    low, high = map(metric.format_difference, pair.interval)
    change = f"{metric.title} {metric.format_difference(pair.difference)}{' points' * metric.percent}"
    test = f"95 % interval {low} to {high}; {p_text(pair, metric)}"
    evidence = f"{errors_text(pair)} ({change}, {test})" if metric is HITS else f"{change} ({test})"
    if pair.verdict == "no difference":
        result = f"No difference between {pair.b} and {pair.a} that {pair.rows:,} rows can show: {evidence}."
    else:
        result = f"{pair.b} is {pair.verdict} than {pair.a} on {pair.rows:,} rows: {evidence}."
    return f"{result}{_other_loss(pair, metric)}"


def _other_loss(pair: Pair, metric: Metric) -> str:
    """Return a sentence on the log loss if it differs and the verdict does not say so."""
    low, high = pair.loss_interval
    direction = "lower" if high < 0 else "higher" if low > 0 else None
    if metric is LOSS or direction in {None, {"better": "lower", "worse": "higher"}.get(pair.verdict)}:
        return ""
    change, low_text, high_text = map(LOSS.format_difference, (pair.loss_difference, low, high))
    return (
        f" But the log loss of {pair.b} is {direction} ({change}, 95 % interval {low_text} to {high_text})."
    )


def runs_table(comparison: RunComparison, *, wide: bool = True) -> Cells:
    """Return one row per run, the best first.

    Args:
        comparison: the comparison.
        wide: whether there is room for intervals.
    """
    metric, order = METRICS[comparison.metric], ranking(comparison)
    runs = [comparison.contenders[at] for at in order]
    several, best = len(runs) > 2, order[0]
    interval = {"95 % interval": [metric.format_interval(one.score.interval) for one in runs]}
    loss = {} if metric is LOSS else {"Log loss": [LOSS.format(one.score.loss) for one in runs]}
    against = ["best", *(_against(pair_of(comparison, best, at)) for at in order[1:])]
    return (
        {"Run": [f"{rank}. {one.run}" if several else one.run for rank, one in enumerate(runs, 1)]}
        | {f"OOF {metric.heading}": [metric.format(one.score.value) for one in runs]}
        | (interval if wide else {})
        | {"Errors": [f"{one.score.errors:,}" for one in runs]}
        | (loss if wide or not several else {})
        | {"Members": [f"{one.members:,}" for one in runs]}
        | {"Training": [duration(one.training_seconds) for one in runs]}
        | ({"Against the best": against} if several else {})
    )


def _against(pair: Pair) -> str:
    return f"{pair.verdict}, {p_value(pair.p_corrected)}"


def difference_table(comparison: RunComparison) -> Cells:
    """Return one row per figure of the only pair."""
    pair, metric = comparison.pairs[0], METRICS[comparison.metric]
    metrics = [metric] if metric is LOSS else [metric, LOSS]
    differences = [pair.difference, pair.loss_difference][: len(metrics)]
    intervals = [pair.interval, pair.loss_interval][: len(metrics)]
    return {
        f"{pair.b} - {pair.a}": [
            *(f"{one.title}{', points' * one.percent}" for one in metrics),
            f"rows gained (only {pair.b})",
            f"rows lost (only {pair.a})",
            "training time",
            f"p{', exact McNemar' * (metric is HITS)}",
        ],
        "Difference": [
            *(one.format_difference(value) for one, value in zip(metrics, differences, strict=True)),
            f"{pair.gained:,}",
            f"{pair.lost:,}",
            signed_duration(pair.seconds_difference),
            p_number(pair.p),
        ],
        "95 % interval": [
            *(
                f"{one.format_difference(low)} to {one.format_difference(high)}"
                for one, (low, high) in zip(metrics, intervals, strict=True)
            ),
            *[""] * 4,
        ],
    }


def correction(comparison: RunComparison) -> str:
    """Return how the p-values of several pairs are corrected."""
    test = "Exact McNemar tests" if comparison.metric == HITS.name else "Tests"
    return (
        f"{test}, corrected for {len(comparison.pairs)} comparisons (Holm): if no runs differed, there would "
        "be a chance of at most 5 % that any verdict is better or worse. Intervals are those of single pairs."
    )


def errors_text(pair: Pair) -> str:
    """Return the change of errors, as in "161 fewer errors"."""
    change = pair.lost - pair.gained
    if change == 0:
        return "the same number of errors"
    return f"{abs(change):,} {'more' if change > 0 else 'fewer'} error{'s' * (abs(change) > 1)}"


def p_text(pair: Pair, metric: Metric) -> str:
    """Return the p-value with the name of its test."""
    return f"{'exact McNemar ' if metric is HITS else ''}{p_value(pair.p_corrected)}"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
