import numpy as np
from numpy.typing import NDArray

from kit import metrics
from kit.ensembling.columns import Column, ColumnKey
from kit.reports.run import gallery

Array = NDArray[np.float64]
NOTHING = np.zeros(3000)
FOLD = np.zeros(3, np.int8)


def predictions(rows: int, classes: int, wrong: int) -> tuple[Array, NDArray[np.int64]]:
    """Return probabilities and labels; the first `wrong` rows are errors, the later ones less so."""
    labels = np.arange(rows) % classes
    top = np.linspace(0.99, 0.6, rows)
    probs = np.repeat((1 - top)[:, None] / (classes - 1), classes, axis=1)
    predicted = np.where(np.arange(rows) < wrong, (labels + 1) % classes, labels)
    probs[np.arange(rows), predicted] = top
    return probs, labels


def test_the_hardest_rows_come_first() -> None:
    probs, labels = predictions(3000, 10, 30)
    shown = gallery.choose(probs, probs.argmax(axis=1), labels, NOTHING, NOTHING)
    losses = metrics.row_losses(probs, labels)[shown]
    assert list(losses) == sorted(losses, reverse=True)
    assert list(shown[:30]) == list(range(30))


def test_each_cell_of_the_confusion_matrix_is_shown() -> None:
    probs, labels = predictions(3000, 10, 30)
    shown = gallery.choose(probs, probs.argmax(axis=1), labels, NOTHING, NOTHING)
    correct = probs.argmax(axis=1) == labels
    for label in range(10):
        own = shown[(labels[shown] == label) & correct[shown]]
        hardest = np.flatnonzero((labels == label) & correct)[-3:]
        assert {*hardest} <= {*own}


def test_suspicious_and_disputed_rows_are_shown() -> None:
    probs, labels = predictions(3000, 10, 30)
    suspicion, disagreement = NOTHING.copy(), NOTHING.copy()
    suspicion[100:160], disagreement[200:260] = 0.9, 0.5
    shown = {*gallery.choose(probs, probs.argmax(axis=1), labels, suspicion, disagreement).tolist()}
    assert {*range(100, 160), *range(200, 260)} <= shown


def test_suspicious_and_disputed_rows_are_shown_with_many_errors_and_classes() -> None:
    probs, labels = predictions(3000, 26, 2000)
    suspicion, disagreement = NOTHING.copy(), NOTHING.copy()
    suspicion[2100:2160], disagreement[2200:2260] = 0.9, 0.5
    shown = {*gallery.choose(probs, probs.argmax(axis=1), labels, suspicion, disagreement).tolist()}
    assert {*range(2100, 2160), *range(2200, 2260), *range(100)} <= shown


def test_there_are_at_most_600_rows_and_of_many_errors_the_hardest_400() -> None:
    probs, labels = predictions(3000, 26, 2000)
    shown = gallery.choose(probs, probs.argmax(axis=1), labels, NOTHING, NOTHING)
    assert len(shown) == len({*shown.tolist()}) <= 600
    assert {*range(400)} <= {*shown.tolist()}


def test_a_row_has_its_most_probable_classes_and_its_agreement() -> None:
    probs, labels = np.array([[0.1, 0.2, 0.7], [0.5, 0.3, 0.2]]), np.array([1, 0])
    other = np.array([[0.6, 0.3, 0.1], [0.6, 0.3, 0.1]])
    columns = [
        Column(ColumnKey("", name, 0), one.astype(np.float32), one, FOLD)
        for name, one in (("a", probs), ("b", other))
    ]
    first, second = gallery.describe(
        np.array([0, 1]),
        probs,
        probs.argmax(axis=1),
        labels,
        columns,
        suspicion=np.array([0.8, 0.5]),
        disagreement=np.array([0.3, 0.0]),
        suspects={0},
    )
    assert (first.row, first.label, first.predicted, first.probability) == (0, 1, 2, 0.2)
    assert [(one.label, one.probability) for one in first.top] == [(2, 0.7), (1, 0.2), (0, 0.1)]
    assert (first.agree, first.columns, first.suspect, first.suspicion) == (1, 2, True, 0.8)
    assert first.loss == -np.log(0.2)
    assert (second.agree, second.suspect, second.disagreement) == (2, False, 0.0)


def test_the_least_certain_test_rows_come_first() -> None:
    probs = np.array([[0.9, 0.1], [0.45, 0.55], [0.3, 0.7]])
    columns = [Column(ColumnKey("", "a", 0), probs.astype(np.float32), probs, FOLD)]
    found = gallery.least_certain(probs, columns, ["x", "y", "z"])
    assert [(one.row, one.id, one.agree, one.columns) for one in found] == [
        (1, "y", 1, 1),
        (2, "z", 1, 1),
        (0, "x", 1, 1),
    ]
