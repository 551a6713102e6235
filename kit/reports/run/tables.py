"""Tables of the page of a run."""

from collections.abc import Sequence

from kit.metrics import LOSS, Metric, mean_sd
from kit.records import (
    Diversity,
    Growth,
    LabelErrors,
    MemberReport,
    ModelReport,
    Reliability,
    Report,
    Spread,
    TestPredictions,
)
from kit.reports.formatting import duration, percent
from kit.reports.html.tables import Cell, Table


def line(row: int) -> int:
    """Return the line of a CSV file, with a header, that holds a 0-based row."""
    return row + 2


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
                    *(_score_cell(one, heats, metric) for one in own),
                    _mean_of(own, metric),
                    metric.format(column.score.value),
                )
            )
        if len(columns) > 1:
            strong.add(len(rows))
            rows.append(
                (
                    f"{model.model}, {len(columns)} seeds",
                    *([""] * len(folds)),
                    spread(model.folds, metric),
                    metric.format(model.score.value),
                )
            )
    strong.add(len(rows))
    rows.append(
        (
            "mean of members",
            *(metric.format(one.mean) for one in report.folds.each),
            spread(report.folds, metric),
            "",
        )
    )
    strong.add(len(rows))
    rows.append(("ensemble", *([""] * len(folds)), "", metric.format(report.oof.value)))
    better = "higher" if metric.greater_is_better else "lower"
    title = metric.title[:1].upper() + metric.title[1:] + (", %" if metric.percent else "")
    return Table(
        f"{title} on held-out rows; {better} is better, and coloured stronger",
        ("Column", *(f"Fold {fold}" for fold in folds), "Mean ± sd", "OOF"),
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


def _mean_of(members: Sequence[MemberReport | None], metric: Metric) -> str:
    values = [one.score.value for one in members if one and one.score and one.score.value is not None]
    if not values:
        return "-"
    mean, sd = mean_sd(values)
    return spread(Spread(mean=mean, sd=sd), metric)


def models(ordered: Sequence[ModelReport], metric: Metric) -> Table:
    """Return the models in the given order."""
    return Table(
        "Models by score; the score of a model is that of the ensemble of its columns",
        (
            "Model",
            f"OOF {metric.heading}",
            "95 % interval",
            "Errors",
            "Log loss",
            f"Train {metric.heading}",
            "Gap",
            "Members",
            "Parameters",
            "Time",
        ),
        [
            (
                one.model,
                metric.format(one.score.value),
                metric.format_interval(one.score.interval),
                f"{one.score.errors:,}",
                LOSS.format(one.score.log_loss),
                metric.format(one.train_score),
                metric.format(one.gap),
                f"{one.members}",
                "-" if one.parameters is None else f"{one.parameters:,}",
                duration(one.seconds),
            )
            for one in ordered
        ],
    )


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
                f"{one.members}",
            )
            for one in report.models
        ],
    )


def members(report: Report, metric: Metric) -> Table:
    """Return time and cost of every member."""
    return Table(
        "Members: score, time and cost",
        (
            "Member",
            f"Held-out {metric.heading}",
            f"Train {metric.heading}",
            "Gap",
            "Time",
            "Parameters",
            "Multiply-adds",
            "Retried",
        ),
        [
            (
                one.member,
                metric.format(one.score.value if one.score else None),
                metric.format(one.train_score),
                metric.format(one.gap),
                duration(one.seconds),
                "-" if one.parameters is None else f"{one.parameters:,}",
                "-" if one.multiply_adds is None else f"{one.multiply_adds:,}",
                "yes" if one.retried else "no",
            )
            for one in report.members
        ],
    )


def growth(given: Growth, metric: Metric) -> Table:
    """Return the data of the plot of score against members."""
    points = [
        (
            f"{one.members}",
            metric.format(one.median),
            metric.format_interval((one.low, one.high)),
            f"{one.subsets}",
        )
        for one in given.points
    ]
    forecast = [
        (f"{one.members}", metric.format(one.value), metric.format_interval((one.low, one.high)), "forecast")
        for one in given.forecast
    ]
    return Table(
        "Score by members that predict a row",
        ("Members", f"Median {metric.heading}", "5 % to 95 % quantile", "Subsets"),
        points + forecast,
    )


def confusions(report: Report) -> Table:
    """Return the most confused pairs."""
    return Table(
        "Most confused pairs",
        ("Label", "Predicted", "Rows"),
        [(one.label, one.predicted, f"{one.count:,}") for one in report.confusions],
    )


def worst(report: Report) -> Table:
    """Return the hardest rows, for a report without a gallery."""
    return Table(
        "Rows whose label has the lowest OOF probability",
        ("Row", "Line", "Label", "Predicted", "Probability of the label"),
        [
            (f"{one.row}", f"{line(one.row)}", one.label, one.predicted, f"{one.probability:.4f}")
            for one in report.worst
        ],
    )


def suspects(given: LabelErrors, labels: Sequence[str]) -> Table:
    """Return the rows whose label may be wrong."""
    return Table(
        "Most suspicious first",
        ("Row", "Line", "Label", "More likely", "Suspicion"),
        [
            (
                f"{one.row}",
                f"{line(one.row)}",
                labels[one.label],
                labels[one.suggested],
                f"{one.suspicion:.3f}",
            )
            for one in given.suspects
        ],
    )


def reliability(given: Reliability) -> Table:
    """Return the data of the reliability diagram."""
    return Table(
        "Rows by confidence",
        ("Confidence, %", "Accuracy, %", "95 % interval", "Rows"),
        [
            (
                percent(one.confidence),
                percent(one.accuracy),
                " to ".join(map(percent, one.interval)),
                f"{one.rows:,}",
            )
            for one in given.bins
        ],
    )


def diversity(given: Diversity) -> tuple[Table, Table]:
    """Return disagreement and error correlation of the columns; columns are numbered to save space."""
    names = [f"{number} · {name}" for number, name in enumerate(given.columns, 1)]
    head = ("Column", *(str(number) for number in range(1, len(names) + 1)))
    different = [value for row in given.disagreement for value in row]
    top = max(different) or 1.0
    return (
        Table(
            "Rows with different predictions, %; more is coloured stronger",
            head,
            [
                (
                    name,
                    *(
                        _off(index, other, f"{100 * value:.2f}", value / top)
                        for other, value in enumerate(row)
                    ),
                )
                for index, (name, row) in enumerate(zip(names, given.disagreement, strict=True))
            ],
        ),
        Table(
            "Correlation of errors (phi); less is better for an ensemble",
            head,
            [
                (
                    name,
                    *(
                        _off(index, other, "-" if value is None else f"{value:.2f}", max(value or 0.0, 0.0))
                        for other, value in enumerate(row)
                    ),
                )
                for index, (name, row) in enumerate(zip(names, given.error_correlation, strict=True))
            ],
        ),
    )


def _off(row: int, column: int, text: str, heat: float) -> Cell:
    return Cell("") if row == column else Cell(text, heat)


def classes(given: TestPredictions, labels: Sequence[str]) -> Table:
    """Return the shares of the classes in training labels and test predictions."""
    return Table(
        "Shares of the classes, %",
        ("Class", "Training rows", "Share", "Expected in test rows", "Share in predictions", "Test rows", ""),
        [
            (
                labels[one.label],
                f"{one.train_rows:,}",
                f"{100 * one.train_share:.2f}",
                f"{100 * one.test_interval[0]:.2f} to {100 * one.test_interval[1]:.2f}",
                f"{100 * one.test_share:.2f}",
                f"{one.test_rows:,}",
                "" if one.test_interval[0] <= one.test_share <= one.test_interval[1] else "outside",
            )
            for one in given.classes
        ],
    )
