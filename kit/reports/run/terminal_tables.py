"""Tables of the report in a terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from kit.metrics import LOSS, Metric
from kit.records import Confusion, FoldScore, ModelReport, Score, SeedScore, ViewsReport
from kit.reports.formatting import WIDE, duration, p_value, print_table, table
from kit.reports.html.text import capitalised
from kit.reports.run.score_tables import spread


def models(console: Console, each: Sequence[ModelReport], metric: Metric) -> None:
    """Write the figures of models, without the columns that do not fit the terminal."""
    figures = _scores([one.score for one in each], metric)
    first, *others = figures
    cells = {
        "Model": [one.model for one in each],
        first: figures[first],
        "95 % interval": [metric.format_interval(one.score.interval) for one in each],
        **{heading: figures[heading] for heading in others},
        f"Fold mean {metric.heading}": [spread(one.folds, metric) for one in each],
        f"Train {metric.heading}": [metric.format(one.train_score) for one in each],
        "Gap": [metric.format(one.gap) for one in each],
        "Params": [_short(one.parameters) for one in each],
        "MACs": [_short(one.multiply_adds) for one in each],
        "Time": [duration(one.seconds) for one in each],
    }
    if console.width < WIDE:
        for heading in ("95 % interval", capitalised(LOSS.title), f"Train {metric.heading}"):
            cells.pop(heading, None)
    print_table(console, cells, ["MACs", "Params", f"Fold mean {metric.heading}", "Time", "Gap"])


def folds(each: Sequence[FoldScore], metric: Metric) -> Table:
    """Return mean and deviation of each fold."""
    heading = f"{capitalised(metric.title)}{metric.unit}"
    return table({"Fold": [one.fold for one in each], heading: [spread(one, metric) for one in each]})


def seeds(each: Sequence[SeedScore], metric: Metric) -> Table:
    """Return the score of each seed."""
    return table({"Seed": [one.seed for one in each], **_scores([one.score for one in each], metric)})


def views(tta: ViewsReport, metric: Metric) -> dict[str, list[str]]:
    """Return the scores without and with test-time augmentation, by heading."""
    both = {"off": tta.without_views, "on": tta.with_views}
    used = "on" if tta.used else "off"
    return {
        "Test-time augmentation": [name + ", in the ensemble" * (name == used) for name in both],
        **_scores(list(both.values()), metric),
    }


def effect_of_views(tta: ViewsReport) -> str:
    """Return the effect of test-time augmentation, with its uncertainty."""
    low, high = map(LOSS.format_difference, tta.loss_interval)
    return (
        f"{capitalised(LOSS.title)} on - off: {LOSS.format_difference(tta.loss_difference)} "
        f"(95 % interval {low} to {high}). Rows correct only with it: {tta.right_only_with:,}, "
        f"only without it: {tta.right_only_without:,} (McNemar {p_value(tta.p)})."
    )


def confusions(each: Sequence[Confusion]) -> Table:
    """Return the most confused pairs of classes."""
    return table(
        {
            "Label": [one.label for one in each],
            "Predicted": [one.predicted for one in each],
            "Rows": [f"{one.count:,}" for one in each],
        }
    )


def _scores(scores: Sequence[Score], metric: Metric) -> dict[str, list[str]]:
    """Return table columns: metric, errors, and the loss unless it is the metric."""
    cells = {
        f"OOF {metric.heading}": [metric.format(one.value) for one in scores],
        "Errors": [f"{one.errors:,}" for one in scores],
    }
    loss = {capitalised(LOSS.title): [LOSS.format(one.loss) for one in scores]}
    return cells if metric is LOSS else cells | loss


def _short(count: int | None) -> str:
    """Return a count as 468.9 k or 5.1 M."""
    if count is None:
        return "-"
    return f"{count / 1e6:.1f} M" if count >= 1e6 else f"{count / 1e3:.1f} k"
