"""Cross-validation of tasks with other labels, ids and submissions than Digit Recognizer's."""

import csv
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kit.errors import UserError
from kit.pipeline.report import current
from kit.run_folder import Run
from tests.pipeline.conftest import FIRST_TEST, ROWS, TEST_ROWS, Cv, class_of, probabilities

NAMES = [f"kind {letter}" for letter in "abcdefghij"]
IDS = [f"img_{row:03}.png" for row in reversed(range(TEST_ROWS))]


@pytest.fixture
def named(competition: Path) -> Path:
    """Give the competition labels of text, and ids of text in test.csv."""
    header, *rows = (competition / "train.csv").read_text().splitlines()
    texts = [re.sub(r"^\d+", lambda label: NAMES[int(label[0])], row) for row in rows]
    (competition / "train.csv").write_text("\n".join([header, *texts]) + "\n")
    header, *rows = (competition / "test.csv").read_text().splitlines()
    lines = [f"name,{header}", *(f"{name},{row}" for name, row in zip(IDS, rows, strict=True))]
    (competition / "test.csv").write_text("\n".join(lines) + "\n")
    return competition


def changes(**submission: Any) -> dict[str, Any]:
    return {"competition": {"labels": "auto", "test_id_column": "name", "submission": submission}}


def read(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


def predicted(run: Run) -> list[list[str]]:
    header, *rows = read(run.submission_path)
    assert header[0] == "ImageId"
    assert [row[0] for row in rows] == IDS
    return [header[1:], *(row[1:] for row in rows)]


@pytest.mark.usefixtures("named")
def test_a_submission_of_labels(cv: Cv) -> None:
    run, _, _ = cv(changes())
    classes = class_of(FIRST_TEST + np.arange(TEST_ROWS))
    assert predicted(run) == [["Label"], *([NAMES[index]] for index in classes)]
    assert run.read_record().labels == tuple(NAMES)


@pytest.mark.usefixtures("named")
def test_a_submission_of_probabilities(cv: Cv) -> None:
    run, _, _ = cv(changes(format="probabilities"))
    header, *rows = predicted(run)
    assert header == NAMES
    expected = probabilities(FIRST_TEST + np.arange(TEST_ROWS))
    np.testing.assert_allclose(np.array(rows, np.float64), expected, atol=1e-6)


@pytest.mark.usefixtures("named")
@pytest.mark.parametrize("submission", [{}, {"format": "probabilities"}])
def test_test_csv_gives_the_submission(cv: Cv, submission: dict[str, Any]) -> None:
    run, _, _ = cv({"seeds": 2, **changes(**submission)})
    header, *rows = read(run.test_path)
    assert header == ["ImageId", "predicted", *(f"p{name}" for name in NAMES)]
    probs = np.array([row[2:] for row in rows], np.float64)
    labels = [NAMES[index] for index in probs.argmax(axis=1)]
    assert [row[1] for row in rows] == labels
    cells = (
        [[f"{value:.9g}" for value in row] for row in probs.tolist()]
        if submission
        else [[one] for one in labels]
    )
    assert predicted(run)[1:] == cells


@pytest.mark.usefixtures("named")
def test_oof_csv_has_the_labels(cv: Cv) -> None:
    run, _, _ = cv(changes())
    header, *rows = read(run.oof_path)
    assert header == ["row", "label", "predicted", *(f"p{name}" for name in NAMES)]
    assert [row[2] for row in rows] == [NAMES[index] for index in class_of(np.arange(ROWS))]


def test_the_report_is_computed_again_without_the_data(cv: Cv, named: Path) -> None:
    run, _, _ = cv(changes())
    before = run.read_report()
    assert before.details is not None
    run.report_path.unlink()
    shutil.rmtree(named)
    after = current(run, pytest.fail)
    assert after.details is not None
    assert after.oof == before.oof
    assert after.details.labels == tuple(NAMES)
    assert {one.id for one in after.details.test.uncertain} <= {*IDS}
    for part in ("findings", "confusion", "gallery", "label_errors", "reliability", "test"):
        assert getattr(after.details, part) == getattr(before.details, part)


@pytest.mark.usefixtures("named")
def test_the_same_labels_resume_a_run_and_others_do_not(cv: Cv, named: Path) -> None:
    run, _, _ = cv(changes())
    again, complete, _ = cv(changes())
    assert (again.name, complete) == (run.name, True)
    text = (named / "train.csv").read_text()
    (named / "train.csv").write_text(text.replace("kind j", "kind z"))
    other, complete, _ = cv(changes())
    assert (other.name != run.name, complete) == (True, False)


def test_other_ids_of_the_same_rows_rewrite_the_submission(cv: Cv, named: Path) -> None:
    run, _, _ = cv(changes())
    text = (named / "test.csv").read_text()
    (named / "test.csv").write_text(text.replace("img_", "picture_"))
    again, complete, record = cv(changes())
    assert (again.path, complete, record.planned) == (run.path, False, [])
    assert read(again.submission_path)[1][0] == IDS[0].replace("img_", "picture_")


@pytest.mark.usefixtures("named")
def test_a_metric_of_probabilities_refuses_a_submission_of_labels(cv: Cv) -> None:
    labels = changes()
    labels["competition"] |= {"metric": "auc", "submission": {"format": "label"}}
    with pytest.raises(UserError, match="AUC is computed from probabilities"):
        cv(labels)


def test_another_metric_shows_no_train_score_of_the_metric_before(cv: Cv) -> None:
    run, _, _ = cv()
    assert run.read_report().models[0].train_score == 1.0
    cv({"competition": {"metric": "macro_f1"}})
    model = run.read_report().models[0]
    assert (model.train_score, model.gap) == (None, None)
