"""From the zip of a competition to a checked submission, with what `kit init` writes."""

import csv
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from kit.metrics import METRICS
from tests import competitions
from tests.workplace import kit

pytestmark = pytest.mark.slow
FAST = ("--set", "folds.count=2", "--set", "training.epochs=12", "--set", "ensemble.tta=false")


def run(*words: str) -> str:
    done = kit(*words)
    assert done.code == 0, done.err
    return done.out


def entered(source: Path, *options: str) -> dict[str, str]:
    """Enter a competition, and return the submitted cells by id."""
    run("init", str(source))
    [config] = Path("configs").glob("*.yaml")
    run("data", "check", "-c", config.stem)
    run("cv", "-c", config.stem, "--run", "mine", *FAST, *options)
    run("report", "mine")
    run("submit", "mine", "--dry-run")
    with Path("runs/mine/submission.csv").open(newline="", encoding="utf-8") as file:
        _, *rows = csv.reader(file)
    return {row[0]: ",".join(row[1:]) for row in rows}


def position(answers: Mapping[str, str]) -> float:
    """Return how far the test score is from the centre of its expected interval, in half widths."""
    report = json.loads(Path("runs/mine/report.json").read_text())
    with Path("runs/mine/test.csv").open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    names = [name.removeprefix("p") for name in header[2:]]
    probs = np.array([row[2:] for row in rows], np.float64)
    labels = np.array([names.index(answers[row[0]]) for row in rows])
    expected = report["expected_score"]
    centre, width = (expected["low"] + expected["high"]) / 2, expected["high"] - expected["low"]
    score = METRICS[report["metric"]].value(probs, labels)
    return float(abs(score - centre) / (width / 2))


# One of each form (pixels: below), and of each kind of submission.
@pytest.mark.parametrize(
    "name",
    [
        "fer2013",
        "cifar-10",
        "plant-pathology",
        "plant-seedlings",
        "dogs-vs-cats-redux",
    ],
)
@pytest.mark.usefixtures("workdir")
def test_a_competition_goes_from_its_zip_to_a_submission(name: str, tmp_path: Path) -> None:
    made = competitions.write(name, tmp_path / "download", train=240, test=120, zipped=True)
    submitted = entered(made.source)
    assert list(submitted) == list(made.answers)
    # The ensemble of two halves is somewhat better than one of them; 2 half widths are 4 standard errors.
    assert position(made.answers) < 2


@pytest.mark.usefixtures("workdir")
def test_labels_with_a_gap_are_submitted_as_they_are(tmp_path: Path) -> None:
    made = competitions.write("sign-language-mnist", tmp_path / "download", train=240, test=120)
    submitted = entered(made.source)
    right = sum(submitted[one] == label for one, label in made.answers.items())
    assert set(submitted.values()) <= set(made.labels)
    assert right > 0.5 * len(submitted)


@pytest.mark.usefixtures("workdir")
def test_groups_make_the_oof_score_that_of_other_groups(tmp_path: Path) -> None:
    made = competitions.write("state-farm", tmp_path / "download", train=400, test=200, zipped=True)
    entered(made.source)
    assert position(made.answers) < 2
    grouped = json.loads(Path("runs/mine/report.json").read_text())["oof"]["log_loss"]
    run(
        "cv",
        "-c",
        "state-farm-distracted-driver-detection",
        "--run",
        "random",
        *FAST,
        "--set",
        "folds.group=null",
    )
    assert json.loads(Path("runs/random/report.json").read_text())["oof"]["log_loss"] < 0.7 * grouped


@pytest.mark.usefixtures("workdir")
def test_digits_of_scikit_learn(tmp_path: Path) -> None:
    """Images of 8 x 8 pixels with values up to 16 (E. Alpaydin, C. Kaynak): none of them is from MNIST."""
    digits = load_digits()
    pixels, labels = digits.data.astype(int), digits.target
    folder = tmp_path / "optical-digits"
    folder.mkdir()
    header = [f"p{number}" for number in range(64)]
    with (folder / "train.csv").open("w", newline="") as file:
        rows = [[label, *row] for label, row in zip(labels[:1200], pixels[:1200].tolist(), strict=True)]
        csv.writer(file).writerows([["digit", *header], *rows])
    with (folder / "test.csv").open("w", newline="") as file:
        csv.writer(file).writerows([header, *pixels[1200:].tolist()])
    entered(folder)
    answers = {str(number): str(label) for number, label in enumerate(labels[1200:], start=1)}
    assert position(answers) < 2
