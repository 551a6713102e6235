"""Tables of rows, classes and columns."""

from collections.abc import Sequence

from kit.records import ClassShare, Details, Diversity, GalleryRow, Reliability, Report, TestPredictions
from kit.reports.formatting import percent
from kit.reports.html.tables import Cell, Table


def line(row: int) -> int:
    """Return the line of a CSV file, with a header, that holds a 0-based row."""
    return row + 2


def with_label(row: GalleryRow) -> list[ClassShare]:
    """Return the most probable classes of a row; its label comes last if it is not among them."""
    shown = list(row.top)
    if all(one.label != row.label for one in shown):
        shown.append(ClassShare(label=row.label, probability=row.probability))
    return shown


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


def suspects(details: Details) -> Table:
    """Return the rows whose label may be wrong: all of them are in the gallery, which has their names."""
    labels = details.labels
    names = {one.row: one.name for one in details.gallery if one.name}
    return Table(
        "Most suspicious first: 1 - the probability of the label, at the temperature of this estimate",
        ("Row", "Name" if names else "Line", "Label", "More likely", "Suspicion"),
        [
            (
                f"{one.row}",
                names.get(one.row) or f"{line(one.row)}",
                labels[one.label],
                labels[one.suggested],
                f"{one.suspicion:.3f}",
            )
            for one in details.label_errors.suspects
        ],
    )


def reliability(given: Reliability) -> Table:
    """Return the data of the reliability diagram."""
    return Table(
        "Groups of rows, by ascending confidence",
        ("Group", "Confidence, %", "Accuracy, %", "95 % interval", "Rows"),
        [
            (
                f"{number}",
                percent(one.confidence),
                percent(one.accuracy),
                " to ".join(map(percent, one.interval)),
                f"{one.rows:,}",
            )
            for number, one in enumerate(given.bins, 1)
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
        "Shares of the classes in labels, OOF predictions and test predictions, %",
        ("Class", "Training rows", "Share", "OOF", "Expected in test", "Test", "Test rows", ""),
        [
            (
                labels[one.label],
                f"{one.train_rows:,}",
                f"{100 * one.train_share:.2f}",
                f"{100 * one.oof_share:.2f}",
                f"{100 * one.test_interval[0]:.2f} to {100 * one.test_interval[1]:.2f}",
                f"{100 * one.test_share:.2f}",
                f"{one.test_rows:,}",
                "" if one.is_expected else "outside",
            )
            for one in given.classes
        ],
    )
