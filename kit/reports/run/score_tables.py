"""Tables of models, columns and members."""

from collections.abc import Mapping, Sequence

from kit.metrics import LOSS, Metric
from kit.plotting import PALETTE, Mark
from kit.records import Growth, MemberReport, ModelReport, Report, Score, Spread
from kit.reports.formatting import duration
from kit.reports.html.tables import Cell, Table
from kit.reports.html.text import capitalised

ENSEMBLE = "ensemble"
"""The name of the row of all columns together."""


def spread(one: Spread, metric: Metric) -> str:
    """Return mean ± standard deviation; only the mean without deviation."""
    return metric.format(one.mean) + (f" ± {metric.format(one.sd)}" if one.sd is not None else "")


def scores(report: Report, metric: Metric) -> Table:
    """Return the score of every member: a row per column, a column per fold."""
    folds = [one.fold for one in report.folds.each]
    members = {(one.model, one.seed, one.fold): one for one in report.members if one.score}
    heats = _heats(list(members.values()), metric)
    rows: list[Sequence[Cell | str]] = []
    strong: set[int] = set()
    for model in report.models:
        columns = [one for one in report.columns if one.model == model.model]
        for column in columns:
            own = [members.get((column.model, column.seed, fold)) for fold in folds]
            rows.append(
                (
                    f"{column.model}, seed {column.seed}",
                    metric.format(column.score.value),
                    *(_score_cell(one, heats, metric) for one in own),
                    spread(column.folds, metric) if column.folds else "-",
                )
            )
        if len(columns) > 1:
            strong.add(len(rows))
            rows.append(
                (
                    f"{model.model}, {len(columns):,} seeds",
                    metric.format(model.score.value),
                    *([""] * len(folds)),
                    spread(model.folds, metric),
                )
            )
    if folds:
        strong.add(len(rows))
        rows.append(
            (
                "mean of members",
                "",
                *(metric.format(one.mean) for one in report.folds.each),
                spread(report.folds, metric),
            )
        )
    strong.add(len(rows))
    rows.append((ENSEMBLE, metric.format(report.oof.value), *([""] * len(folds)), ""))
    better = "higher" if metric.greater_is_better else "lower"
    return Table(
        f"{capitalised(metric.title)} on held-out rows{', %' * metric.percent}; {better} is better"
        + ", and has a stronger colour" * bool(folds),
        ("Column", "OOF", *(f"Fold {fold}" for fold in folds), "Mean ± sd"),
        rows,
        frozenset(strong),
    )


def _heats(members: Sequence[MemberReport], metric: Metric) -> dict[str, float]:
    losses = {
        one.member: metric.loss(one.score.value)
        for one in members
        if one.score and one.score.value is not None
    }
    if not losses:
        return {}
    best, worst = min(losses.values()), max(losses.values())
    return {name: (worst - loss) / (worst - best) if worst > best else 0.5 for name, loss in losses.items()}


def _score_cell(one: MemberReport | None, heats: dict[str, float], metric: Metric) -> Cell:
    if one is None or one.score is None:
        return Cell("-")
    return Cell(metric.format(one.score.value), heats.get(one.member))


def models(
    ordered: Sequence[ModelReport], report: Report, metric: Metric, marks: Mapping[str, Mark]
) -> Table:
    """Return the models in the given order, and the ensemble of all of them.

    Args:
        ordered: the models.
        report: the figures.
        metric: of the competition.
        marks: by model, and by ENSEMBLE.
    """
    sizes = any(one.parameters is not None for one in ordered)
    head = (
        "Model",
        f"OOF {metric.heading}",
        "95 % interval",
        "Errors",
        *(("Log loss",) if metric is not LOSS else ()),
        f"Train {metric.heading}",
        "Gap",
        "Members",
        *(("Parameters",) if sizes else ()),
        "Training time",
    )
    names = {name: Cell(name, header=True, color=PALETTE[mark.color][0]) for name, mark in marks.items()}
    rows: list[Sequence[Cell | str]] = [
        (
            names[one.model],
            *_score_cells(one.score, metric),
            metric.format(one.train_score),
            metric.format(one.gap),
            f"{one.members:,}",
            *((_count(one.parameters),) if sizes else ()),
            duration(one.seconds),
        )
        for one in ordered
    ]
    rows.append(
        (
            names[ENSEMBLE],
            *_score_cells(report.oof, metric),
            "",
            "",
            f"{len(report.members):,}",
            *(("",) if sizes else ()),
            duration(report.time.member_seconds),
        )
    )
    return Table(
        "Models by score; the score of a model is that of the ensemble of its columns",
        head,
        rows,
        frozenset({len(rows) - 1}),
    )


def _score_cells(score: Score, metric: Metric) -> tuple[str, ...]:
    return (
        metric.format(score.value),
        metric.format_interval(score.interval),
        f"{score.errors:,}",
        *((LOSS.format(score.log_loss),) if metric is not LOSS else ()),
    )


def _count(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"


def gaps(report: Report, metric: Metric) -> Table:
    """Return how much each model overfits."""
    points = ", points" if metric.percent else ""
    return Table(
        "Means over the members, measured on images without augmentation",
        ("Model", f"Train {metric.heading}", f"Held-out {metric.heading}", f"Gap{points}", "Members"),
        [
            (
                one.model,
                metric.format(one.train_score),
                metric.format(one.folds.mean),
                metric.format(one.gap),
                f"{sum(own.model == one.model and own.score is not None for own in report.members):,}",
            )
            for one in report.models
        ],
    )


def members(report: Report, metric: Metric) -> Table:
    """Return time and cost of every member; without columns that are empty for all."""
    each = report.members
    columns = {
        "Member": [one.member for one in each],
        f"Held-out {metric.heading}": [metric.format(one.score.value if one.score else None) for one in each],
        f"Train {metric.heading}": [metric.format(one.train_score) for one in each],
        "Gap": [metric.format(one.gap) for one in each],
        "Time": [duration(one.seconds) for one in each],
    }
    if any(one.parameters is not None for one in each):
        columns["Parameters"] = [_count(one.parameters) for one in each]
    if any(one.multiply_adds is not None for one in each):
        columns["Multiply-adds"] = [_count(one.multiply_adds) for one in each]
    if any(one.retried or one.diverged for one in each):
        columns["Retried"] = [_retry(one) for one in each]
    return Table("Members: score, time and cost", list(columns), list(zip(*columns.values(), strict=True)))


def _retry(member: MemberReport) -> str:
    if member.diverged:
        return "yes, it diverged"
    return "yes" if member.retried else "no"


def growth(given: Growth, metric: Metric) -> Table:
    """Return the data of the plot of score against members."""
    points = [
        (
            f"{one.members:,}",
            metric.format(one.median),
            metric.format_interval((one.low, one.high)) if one.subsets > 1 else "-",
            f"{one.subsets:,}",
        )
        for one in given.points
    ]
    forecast = [
        (
            f"{one.members:,}",
            metric.format(one.value),
            metric.format_interval((one.low, one.high)),
            "forecast",
        )
        for one in given.forecast
    ]
    return Table(
        "Score by members that predict a row",
        ("Members", f"Median {metric.heading}", "5 % to 95 % quantile", "Subsets"),
        points + forecast,
    )
