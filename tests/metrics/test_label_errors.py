import csv
import gzip
import io
from pathlib import Path

import numpy as np
import pytest
from cleanlab import count
from numpy.typing import NDArray
from scipy.special import softmax

from kit import metrics
from kit.data.layout import SAMPLE
from kit.run_folder import RUNS, Run
from tests import workplace

ROWS = 600


def predictions(
    seed: int, *, classes: int = 4, wrong: int = 0, certainty: float = 6
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return probabilities, and labels drawn from them; the first `wrong` labels are replaced by the next."""
    rng = np.random.default_rng(seed)
    probs = softmax(rng.normal(size=(ROWS, classes)) * certainty, axis=1)
    labels = (probs.cumsum(axis=1) < rng.random((ROWS, 1))).sum(axis=1).clip(max=classes - 1)
    labels[:wrong] = (labels[:wrong] + 1) % classes
    return probs.astype(np.float32), labels


@pytest.fixture
def _unrounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make cleanlab estimate fractions of rows, as the publication does; it rounds them."""
    monkeypatch.setattr(count, "round_preserving_row_totals", lambda joint: joint)


@pytest.mark.usefixtures("_unrounded")
@pytest.mark.parametrize("certainty", [0.5, 2, 6])
@pytest.mark.parametrize("classes", [2, 4, 10])
def test_the_expected_number_is_that_of_cleanlab(classes: int, certainty: float) -> None:
    for seed in range(3):
        probs, labels = predictions(seed, classes=classes, wrong=50, certainty=certainty)
        expected = metrics.find_label_errors(probs, labels, draws=1).expected
        joint = count.estimate_joint(labels, probs.astype(np.float64))
        assert expected == pytest.approx(ROWS * (1 - joint.trace()), rel=1e-9)


@pytest.mark.usefixtures("_unrounded")
def test_a_class_without_rows_is_that_of_cleanlab() -> None:
    probs, labels = predictions(0, classes=5, wrong=30)
    labels[labels == 2] = 4
    number = count.num_label_issues(
        labels, probs.astype(np.float64), estimation_method="off_diagonal_calibrated"
    )
    assert round(metrics.find_label_errors(probs, labels).expected) == number


def test_the_interval_holds_the_number_of_planted_errors() -> None:
    for seed in range(5):
        estimate = metrics.find_label_errors(*predictions(seed, wrong=40))
        assert 5 < estimate.low < 40 < estimate.high < 90


def test_mistakes_that_the_probabilities_predict_are_no_evidence_of_wrong_labels() -> None:
    """All labels are right, and still the models contradict some with confidence."""
    estimates = [metrics.find_label_errors(*predictions(seed, certainty=2)) for seed in range(20)]
    assert min(estimate.expected for estimate in estimates) > 5
    assert sum(estimate.low == 0 for estimate in estimates) >= 18


def test_no_contradiction_leaves_up_to_3_wrong_labels() -> None:
    estimate = metrics.find_label_errors(np.eye(2)[[0, 1] * 50], np.array([0, 1] * 50))
    assert (estimate.expected, estimate.low, estimate.high) == (0, 0, 3)


def test_the_interval_is_repeatable_and_depends_on_its_seed() -> None:
    probs, labels = predictions(0, wrong=40)
    bounds = [metrics.find_label_errors(probs, labels, seed=seed).low for seed in (1, 1, 2)]
    assert bounds[0] == bounds[1] != bounds[2]


def test_the_suggestion_is_the_most_probable_other_class() -> None:
    probs = np.array([[0.7, 0.2, 0.1], [0.1, 0.2, 0.7]])
    assert metrics.find_label_errors(probs, np.array([0, 0])).suggested.tolist() == [1, 2]


def test_the_order_distinguishes_what_the_suspicion_cannot() -> None:
    tiny = np.array([[1e-20, 1], [1e-30, 1], [0.6, 0.4]])
    estimate = metrics.find_label_errors(tiny, np.zeros(3, np.int64))
    assert estimate.suspicion.tolist() == [1, 1, pytest.approx(0.4)]
    assert estimate.order.tolist() == [1, 0, 2]


def test_of_labels_without_probability_that_of_the_surest_contradiction_is_first() -> None:
    probs = np.array([[0, 0.6, 0.4], [0, 0, 1], [0, 0.8, 0.2]])
    assert metrics.find_label_errors(probs, np.zeros(3, np.int64)).order.tolist() == [1, 2, 0]


def plant(folder: Path, number: int) -> set[int]:
    """Write the bundled sample with `number` wrong labels into `folder`; return their rows."""
    rng = np.random.default_rng(0)
    with gzip.open(SAMPLE / "train.csv.gz", "rt", newline="") as file:
        header, *rows = csv.reader(file)
    flipped = rng.choice(len(rows), number, replace=False).tolist()
    for row, step in zip(flipped, rng.integers(1, 10, number).tolist(), strict=True):
        rows[row][0] = str((int(rows[row][0]) + step) % 10)
    text = io.StringIO()
    csv.writer(text).writerows([header, *rows])
    folder.mkdir()
    (folder / "train.csv").write_text(text.getvalue())
    (folder / "test.csv").write_bytes(gzip.decompress((SAMPLE / "test.csv.gz").read_bytes()))
    return set(flipped)


@pytest.mark.slow
def test_planted_label_errors_of_the_sample_are_found(workdir: Path) -> None:
    """Trains for half a minute; three other draws of 40 rows had all of them among the 60 most suspicious."""
    flipped = plant(workdir / "planted", 40)
    done = workplace.kit("cv", "-c", "quick", "--run", "planted", "--set", "data.directory=planted")
    assert done.code == 0, done.err
    found = Run(RUNS / "planted").read_report().details
    assert found is not None
    assert found.label_errors is not None
    assert len(flipped & {one.row for one in found.label_errors.suspects[:60]}) >= 30
    low, high = found.label_errors.interval
    assert 10 < low < 40 < high < 80
    assert "labels" in {one.kind for one in found.findings}
