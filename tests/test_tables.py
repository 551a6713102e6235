import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kit import tables
from kit.members import Member
from kit.records import Curves, History
from kit.tables import Predictions
from tests.conftest import Example


def written(path: Path, probs: NDArray[np.floating]) -> tuple[list[str], NDArray[np.float64]]:
    """Write a table, and return the predicted labels and the probabilities of the file."""
    names = tuple("abc"[: probs.shape[1]])
    tables.write_test(path, Predictions([str(row) for row in range(len(probs))], probs, names, "id"))
    with path.open(newline="") as file:
        _, *rows = csv.reader(file)
    return [row[1] for row in rows], np.array([row[2:] for row in rows], np.float64)


def test_each_row_has_its_id_the_predicted_label_and_twelve_digits(tmp_path: Path) -> None:
    path = tmp_path / "test.csv"
    probs = np.array([[1 / 3, 2 / 3], [1, 1e-13]])
    tables.write_test(path, Predictions(["x,1", "2"], probs, ("no", "a, b"), "Image"))
    assert path.read_bytes() == (
        b'Image,predicted,pno,"pa, b"\n"x,1","a, b",0.333333333333,0.666666666667\n2,no,1,1e-13\n'
    )


def test_the_rows_sum_to_one(tmp_path: Path) -> None:
    probs = np.random.default_rng(0).dirichlet(np.ones(3), 50).astype(np.float32) * np.float32(1.0005)
    _, read = written(tmp_path / "test.csv", probs)
    np.testing.assert_allclose(read.sum(axis=1), 1, atol=1e-11)


def test_a_label_that_wins_in_the_last_digits_has_the_highest_probability(tmp_path: Path) -> None:
    low = 0.4
    labels, read = written(tmp_path / "test.csv", np.array([[low, np.nextafter(low, 1), 1 - 2 * low]]))
    assert labels == ["b"]
    assert read.argmax(axis=1).tolist() == [1]


def test_the_learning_curves_have_one_line_per_member_and_epoch(
    tmp_path: Path, example: Callable[..., Example]
) -> None:
    made = example()
    curves = Curves(loss=(2.0, 1.0), accuracy=(0.25, 0.5), val_loss=(1.5, None), val_score=(), seconds=(3, 2))
    first = made.members[Member("cnn", 0, 0)]
    object.__setattr__(first, "history", History(epochs=curves))
    tables.write_history(tmp_path / "history.csv", made.report())
    assert (tmp_path / "history.csv").read_text().splitlines() == [
        "model,fold,seed,epoch,loss,accuracy,val_loss,val_score,seconds",
        "cnn,0,0,1,2.0,0.25,1.5,,3.0",
        "cnn,0,0,2,1.0,0.5,,,2.0",
    ]
