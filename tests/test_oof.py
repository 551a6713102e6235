import warnings
from pathlib import Path

import numpy as np
import pytest

from kit import oof
from kit.errors import UserError
from kit.oof import Oof

HEADER = b"row,label,predicted,p0\n"


def test_probabilities_are_written_with_twelve_digits_one_line_per_row(tmp_path: Path) -> None:
    path = tmp_path / "oof.csv"
    oof.write(path, Oof(np.array([1, 0], np.uint8), np.array([[1 / 3, 2 / 3], [1e-13, 1]]), ("0", "1")))
    assert path.read_bytes() == (
        b"row,label,predicted,p0,p1\n0,1,1,0.333333333333,0.666666666667\n1,0,1,1e-13,1\n"
    )


@pytest.mark.parametrize("classes", [2, 10, 256])
@pytest.mark.parametrize("error", [1e-7, 5e-4])
def test_scikit_learn_accepts_the_probabilities_without_a_warning(
    tmp_path: Path, classes: int, error: float
) -> None:
    from sklearn.metrics import log_loss, roc_auc_score

    rng = np.random.default_rng(0)
    labels = np.arange(2 * classes) % classes
    probs = rng.dirichlet(np.full(classes, 0.1), len(labels)).astype(np.float32)
    probs *= (1 + error * rng.uniform(-1, 1, (len(labels), 1))).astype(np.float32)
    path = tmp_path / "oof.csv"
    oof.write(path, Oof(labels, probs, tuple(map(str, range(classes)))))
    table = np.loadtxt(path, delimiter=",", skiprows=1)
    read = table[:, 3:]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert 0 < log_loss(labels, read) < 100
        auc = roc_auc_score(labels, read[:, 1] if classes == 2 else read, multi_class="ovr")
    assert 0 <= auc <= 1
    assert abs(read.sum(axis=1) - 1).max() < 1e-10
    assert (read.argmax(axis=1) == probs.argmax(axis=1)).all()
    assert (table[:, 2] == probs.argmax(axis=1)).all()


def test_it_is_read_as_written(tmp_path: Path) -> None:
    path = tmp_path / "oof.csv"
    names = ("cat", "dog, old", 'a "b"')
    probs = np.random.default_rng(0).dirichlet(np.ones(3), 7)
    oof.write(path, Oof(np.array([0, 1, 2, 0, 1, 2, 2]), probs, names))
    read = oof.read(path)
    assert (read.names, read.labels.tolist()) == (names, [0, 1, 2, 0, 1, 2, 2])
    assert read.rows.tolist() == [0, 1, 2, 3, 4, 5, 6]
    np.testing.assert_allclose(read.probs, probs, atol=1e-12)


def test_row_numbers_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "oof.csv"
    oof.write(path, Oof(np.array([0, 1]), np.full((2, 2), 0.5), ("a", "b"), np.array([7, 3])))
    assert oof.read(path).rows.tolist() == [7, 3]


def test_names_of_images_are_written_after_the_row_and_read_back(tmp_path: Path) -> None:
    path, probs = tmp_path / "oof.csv", np.full((2, 2), 0.5)
    oof.write(path, Oof(np.array([0, 1]), probs, ("id", "b"), ids=("a, 1.png", "2")))
    assert (
        path.read_bytes() == b'row,id,label,predicted,pid,pb\n0,"a, 1.png",id,id,0.5,0.5\n1,2,b,id,0.5,0.5\n'
    )
    read = oof.read(path)
    assert read.ids == ("a, 1.png", "2")
    assert (read.names, read.labels.tolist(), read.rows.tolist()) == (("id", "b"), [0, 1], [0, 1])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        HEADER,
        HEADER + b"0,7,0,1\n",
        HEADER + b"0,0,0,x\n",
        HEADER + b"0,0,0,nan\n",
        HEADER + b"0,0,0,0.2\n",
        HEADER + b"x,0,0,1\n",
        HEADER + b"99999999999999999999,0,0,1\n",
        HEADER + b"0,0,0,1\n0,0,0,1\n",
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "oof.csv"
    path.write_bytes(content)
    with pytest.raises(
        UserError, match=r"oof\.csv: missing or damaged\ndelete it, and run kit cv again as for this run"
    ):
        oof.read(path)


def test_rows_of_several_blocks_are_read_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oof, "_ROWS", 3)
    probs = np.random.default_rng(0).dirichlet([1, 1], 10)
    labels, ids = np.arange(10) % 2, [f"image {row}" for row in range(10)]
    oof.write(tmp_path / "oof.csv", oof.Oof(labels, probs, ("a", "b"), ids=ids))
    read = oof.read(tmp_path / "oof.csv")
    assert (read.rows.tolist(), read.labels.tolist()) == (list(range(10)), labels.tolist())
    assert np.allclose(read.probs, probs, atol=1e-12)
    assert list(read.ids) == ids
