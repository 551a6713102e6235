"""Tables of a study's report, shared by terminal and page."""

from collections.abc import Mapping, Sequence

from kit.metrics import METRICS, Metric
from kit.records import Comparison, Screened, StudyReport, mean_loss
from kit.reports.formatting import duration
from kit.reports.study.comparisons import confidence, probability, result, signed_percent, span
from kit.reports.study.figures import BEST
from kit.reports.study.summary import described_trial
from kit.reports.study.wording import column, gain_text, loss_text, param_text, relative, share

Cells = dict[str, list[str]]
"""A table, by column."""


def best_table(report: StudyReport) -> Cells:
    """Return the best trials, by column."""
    best, metric, score = report.best[:BEST], METRICS[report.metric], METRICS[report.score]
    if not best:
        return {}
    return (
        {
            "Trial": [f"{one.trial}{', baseline' * one.baseline}" for one in best],
            column(metric): [metric.format(one.value) for one in best],
            "Gain": [metric.format_difference(one.gain) for one in best],
            "Gain %": [relative(one) for one in best],
        }
        | ({} if score is metric else {column(score): [score.format(one.score) for one in best]})
        | {"Time": [duration(one.seconds) for one in best]}
    )


def screening_table(report: StudyReport) -> Cells:
    """Return the candidates of the confirmation and their values in each round; nothing if there are none."""
    screened, metric = report.confirmation.screened if report.confirmation else (), METRICS[report.metric]
    if not screened:
        return {}
    found = {one.trial: one.value for one in report.best}
    rounds = max(len(one.losses) for one in screened)
    return {
        "Candidate": [f"trial {one.trial}" for one in screened],
        "Search": [metric.format(found.get(one.trial)) for one in screened],
        **{f"Round {at + 1}": [_in_round(metric, one, at) for one in screened] for at in range(rounds)},
        "Mean": [loss_text(metric, one.mean) for one in screened],
    }


def _in_round(metric: Metric, screened: Screened, at: int) -> str:
    if at >= len(screened.losses):
        return "-"
    loss = screened.losses[at]
    return "failed" if loss is None else loss_text(metric, loss)


def confirmation_table(report: StudyReport) -> Cells:
    """Return the comparisons of the confirmation, by column; nothing if there are none."""
    compared, metric = report.confirmation.comparisons if report.confirmation else (), METRICS[report.metric]
    if not compared:
        return {}
    levels = [confidence(one) for one in compared]
    spans = [span(one) for one in compared]
    same = len(set(levels)) == 1
    return {
        "Compared": [f"trial {one.trial}" for one in compared],
        "Result": [result(one) for one in compared],
        "Gain %": [signed_percent(one.relative_gain) for one in compared],
        **({f"{levels[0]} interval": spans} if same else {"Interval": spans, "Confidence": levels}),
        **({"P(better)": chances} if (chances := _probabilities(compared)) else {}),
        "Gain": [gain_text(metric, one.mean) for one in compared],
        column(metric): [loss_text(metric, mean_loss(one.losses)) for one in compared],
        "Baseline": [loss_text(metric, one.baseline_loss) for one in compared],
        "Replicates": [str(len(one.replicates)) for one in compared],
    }


def _probabilities(compared: Sequence[Comparison]) -> list[str]:
    """Return probabilities; none for a study of an earlier version, which has none."""
    known = any(one.probability is not None for one in compared)
    return [probability(one) for one in compared] if known else []


def replicate_table(report: StudyReport) -> Cells:
    """Return the gain in each replicate of each comparison, by column; nothing if there are none."""
    compared, metric = report.confirmation.comparisons if report.confirmation else (), METRICS[report.metric]
    rows = [
        (f"trial {one.trial}", replicate, own, base)
        for one in compared
        for replicate, own, base in zip(one.replicates, one.losses, one.baseline_losses, strict=True)
    ]
    if not rows:
        return {}
    return {
        "Compared": [name for name, *_ in rows],
        "Seed": [str(replicate.seed) for _, replicate, *_ in rows],
        "Fold": [str(replicate.fold) for _, replicate, *_ in rows],
        "Gain": [
            gain_text(metric, None if own is None or base is None else own - base) for *_, own, base in rows
        ],
        column(metric): [loss_text(metric, own) for *_, own, _ in rows],
        "Baseline": [loss_text(metric, base) for *_, base in rows],
    }


def parameter_table(report: StudyReport, names: Mapping[str, str]) -> Cells:
    """Return one row per parameter: its importance, and its value in the baseline and in trials.

    Args:
        report: the report.
        names: of the parameters, by key.
    """
    keys = report.importance
    if not keys:
        return {}
    shown = {"Baseline": report.baseline} if report.baseline else {}
    # The trial that the answer is about is the first: a narrow terminal shows no other.
    ordered = sorted(report.best, key=lambda one: one != described_trial(report))
    shown |= {f"Trial {one.trial}": one for one in ordered if not one.baseline}
    importance = {"Importance %": [share(keys[key]) for key in keys]}
    return (
        {"Parameter": [names[key] for key in keys]}
        | ({} if report.importance_missing else importance)
        | {
            heading: [param_text(one.params[key]) if key in one.params else "-" for key in keys]
            for heading, one in shown.items()
        }
    )


def failure_table(report: StudyReport) -> Cells:
    """Return the reasons of failures, one row per reason, by column; nothing if there are none."""
    failed = [
        *((one.reason, str(one.trial)) for one in report.failed),
        *((f"{one.reason}; queued again as trial {one.retry}", str(one.trial)) for one in report.retried),
    ]
    if report.confirmation:
        failed += [(f"{why}, in the confirmation", name) for name, why in report.confirmation.failed.items()]
    if not failed:
        return {}
    trials: dict[str, list[str]] = {}
    for reason, name in failed:
        trials.setdefault(reason, []).append(name)
    return {"Failed": list(trials), "Trial": [", ".join(names) for names in trials.values()]}
