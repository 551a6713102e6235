"""Cross-validation with rare classes, with groups, and with predictions chosen for the metric."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kit.metrics import METRICS
from kit.pipeline.report import current
from kit.run_folder import Run
from tests.pipeline.conftest import ROWS, Cv

PROBABILITIES = {"submission": {"format": "probabilities"}}
TWO_MODELS = {"knn": {"kind": "knn", "neighbours": 1}, "more": {"kind": "knn", "neighbours": 3}}


def column(path: Path, name: str) -> list[str]:
    with path.open(newline="") as file:
        return [row[name] for row in csv.DictReader(file)]


def relabel(folder: Path, old: str, new: str, keep: int) -> None:
    """Give the rows of a label another one, except the first `keep`."""
    header, *rows = (folder / "train.csv").read_text().splitlines()
    own = [place for place, row in enumerate(rows) if row.startswith(f"{old},")][keep:]
    for place in own:
        rows[place] = new + rows[place].removeprefix(old)
    (folder / "train.csv").write_text("\n".join([header, *rows]) + "\n")


@pytest.mark.parametrize("metric", METRICS)
def test_a_class_of_two_rows_is_reported(cv: Cv, competition: Path, metric: str) -> None:
    relabel(competition, "9", "8", keep=2)
    form = PROBABILITIES if METRICS[metric].needs == "probabilities" else {}
    method = {"method": "stack", "calibrate": True}
    run, _, _ = cv(
        {"seeds": 2, "models": TWO_MODELS, "ensemble": method, "competition": {"metric": metric, **form}}
    )
    report = run.read_report()
    assert report.oof.value is not None
    assert report.warnings[0].startswith("rare classes: 9 (2) have fewer rows than there are folds (4)")
    folds = run.read_folds()[0]
    labels = np.array(column(run.oof_path, "label"))
    assert len({*folds[labels == "9"]}) == 2


@pytest.fixture
def grouped(competition: Path) -> Path:
    """Write a table of 12 groups; return its path."""
    path = competition / "persons.csv"
    path.write_text("person\n" + "".join(f"p{row * 12 // ROWS}\n" for row in range(ROWS)))
    return path


GROUPS: dict[str, Any] = {"folds": {"group": {"table": "persons.csv", "column": "person"}}}


@pytest.mark.usefixtures("grouped")
def test_rows_of_a_group_are_in_one_fold(cv: Cv) -> None:
    run, _, _ = cv(GROUPS)
    folds = run.read_folds()[0]
    persons = np.arange(ROWS) * 12 // ROWS
    assert all(len({*folds[persons == person]}) == 1 for person in range(12))
    assert {*folds.tolist()} == {0, 1, 2, 3}


def test_the_groups_belong_to_the_hash(cv: Cv, grouped: Path) -> None:
    run, _, _ = cv(GROUPS)
    again, complete, _ = cv(GROUPS)
    assert (again.path, complete) == (run.path, True)
    grouped.write_text(grouped.read_text().replace("p3\n", "p4\n", 1))
    other, complete, _ = cv(GROUPS)
    assert (other.path != run.path, complete) == (True, False)


@pytest.mark.parametrize("metric", ["balanced_accuracy", "quadratic_weighted_kappa"])
def test_predictions_are_chosen_for_the_metric(cv: Cv, competition: Path, metric: str) -> None:
    relabel(competition, "9", "8", keep=2)
    run, _, _ = cv({"competition": {"metric": metric}})
    table = run.read_oof()
    decide = METRICS[metric].decider(table.probs, table.labels)
    assert column(run.oof_path, "predicted") == [table.names[one] for one in decide(table.probs)]
    submitted = column(run.submission_path, "Label")
    assert submitted == column(run.test_path, "predicted") == _predicted(run, metric)
    report = run.read_report()
    assert report.oof.value == pytest.approx(METRICS[metric].value(table.probs, table.labels))
    assert report.oof.errors == int((decide(table.probs) != table.labels).sum())
    assert report.details is not None
    assert report.oof.errors == np.sum(report.details.confusion) - np.trace(report.details.confusion)
    assert any(METRICS[metric].rule in note for note in report.notes)


def _predicted(run: Run, metric: str) -> list[str]:
    table = run.read_oof()
    probs = np.stack([np.array(column(run.test_path, f"p{name}"), float) for name in table.names], axis=1)
    return [table.names[one] for one in METRICS[metric].decider(table.probs, table.labels)(probs)]


def test_a_report_that_is_computed_again_gives_the_same_predictions(cv: Cv) -> None:
    run, _, _ = cv({"competition": {"metric": "balanced_accuracy"}})
    before = run.test_path.read_bytes()
    run.test_path.unlink()
    current(run, pytest.fail)
    assert run.test_path.read_bytes() == before
