from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from kit.config import Folds
from kit.data.duplicates import distinct
from kit.data.folds import check_folds, folds_by_seed, make_folds, shuffle_seed
from kit.errors import KitError, UserError
from tests import tasks

LABELS = np.repeat(np.arange(3, dtype=np.uint8), [50, 31, 22])
IMAGES = np.arange(103 * 4, dtype=np.uint16).view(np.uint8).reshape(103, 2, 4, 1)


def counts(folds: NDArray[np.int8], labels: NDArray[np.uint8] = LABELS) -> NDArray[np.int64]:
    """Return (folds, classes): how many rows."""
    table = np.zeros((int(folds.max()) + 1, 3), np.int64)
    np.add.at(table, (folds, labels), 1)
    return table


@pytest.mark.parametrize("count", [2, 3, 5, 22])
def test_folds_are_stratified_and_of_one_size(count: int) -> None:
    folds = make_folds(IMAGES, LABELS, count, seed=0)
    assert (str(folds.dtype), folds.shape) == ("int8", (103,))
    table = counts(folds)
    assert table.sum() == 103
    assert (np.ptp(table, axis=0) <= 1).all()
    assert np.ptp(table.sum(axis=1)) <= 1


def test_the_seed_decides() -> None:
    assert np.array_equal(make_folds(IMAGES, LABELS, 5, seed=1), make_folds(IMAGES, LABELS, 5, seed=1))
    assert not np.array_equal(make_folds(IMAGES, LABELS, 5, seed=1), make_folds(IMAGES, LABELS, 5, seed=2))


DATASET: Any = SimpleNamespace(
    train_images=IMAGES,
    train_labels=LABELS,
    task=tasks.make(labels=["cat", "dog", "owl"]),
    groups=None,
)


def test_all_seeds_share_the_shuffle_unless_folds_are_reshuffled() -> None:
    assert [shuffle_seed(Folds(seed=5), seed) for seed in (0, 3)] == [5, 5]
    assert [shuffle_seed(Folds(seed=5, reshuffle=True), seed) for seed in (0, 3)] == [5, 8]


def test_each_seed_has_the_folds_of_its_shuffle() -> None:
    folds = folds_by_seed(DATASET, Folds(count=4, seed=5, reshuffle=True), [3, 0])
    for row, shuffle in zip(folds, (8, 5), strict=True):
        np.testing.assert_array_equal(row, make_folds(IMAGES, LABELS, 4, shuffle))
    shared = folds_by_seed(DATASET, Folds(count=4, seed=5), [3, 0])
    np.testing.assert_array_equal(shared, np.stack([folds[1]] * 2))


def test_rows_are_shuffled() -> None:
    folds = make_folds(IMAGES, LABELS, 5, seed=0)
    assert not np.array_equal(folds, np.sort(folds))
    assert not np.array_equal(folds[:50], np.arange(50) % 5)


def test_copies_stand_in_one_fold_even_with_other_labels() -> None:
    images = IMAGES.copy()
    images[10:30] = images[5]
    images[60:62] = images[5]
    for seed in range(5):
        folds = make_folds(images, LABELS, 3, seed)
        assert len({*folds[[5, *range(10, 30), 60, 61]]}) == 1


def test_stratified_over_distinct_images() -> None:
    images = IMAGES.copy()
    images[10:30] = images[5]
    folds = make_folds(images, LABELS, 5, seed=0)
    apart = np.r_[:10, 30:103]
    assert (np.ptp(counts(folds[apart], LABELS[apart]), axis=0) <= 1).all()


def test_distinct_names_the_first_of_each() -> None:
    images = np.array([[[1]], [[2]], [[1]], [[3]], [[2]], [[1]]], np.uint8)
    assert distinct(images).tolist() == [0, 1, 0, 3, 1, 0]


def test_a_class_needs_two_distinct_images() -> None:
    images = IMAGES.copy()
    images[81:] = images[81]
    message = r"class 2 has one distinct image\nexpected at least 2: one to train on"
    with pytest.raises(UserError, match=message):
        make_folds(images, LABELS, 5, seed=0)
    with pytest.raises(UserError, match="class owl has one distinct image"):
        make_folds(images, LABELS, 5, 0, ("cat", "dog", "owl"))


def test_a_rare_class_is_in_as_many_folds_as_it_has_images() -> None:
    rare = np.r_[:81, 81:83]
    for seed in range(5):
        folds = make_folds(IMAGES[rare], LABELS[rare], 5, seed)
        table = counts(folds, LABELS[rare])
        assert sorted(table[:, 2].tolist()) == [0, 0, 0, 1, 1]
        assert (np.ptp(table[:, :2], axis=0) <= 1).all()


@pytest.mark.parametrize(
    ("row", "fold", "message"),
    [
        (0, -1, "row 0 is in no fold"),
        (7, 5, "row 7 is in no fold"),
        (3, 4, "rows 2 and 3 are the same image"),
    ],
)
def test_a_wrong_partition_is_noticed(row: int, fold: int, message: str) -> None:
    images = IMAGES.copy()
    images[3] = images[2]
    folds = make_folds(images, LABELS, 5, seed=0)
    folds[:4] = 0
    folds[row] = fold
    with pytest.raises(KitError, match=message):
        check_folds(folds, distinct(images), LABELS, 5)


def test_a_fold_without_a_class_is_noticed() -> None:
    folds = make_folds(IMAGES, LABELS, 5, seed=0)
    folds[(LABELS == 1) & (folds == 3)] = 2
    with pytest.raises(KitError, match="fold 3 has no row of class 1"):
        check_folds(folds, distinct(IMAGES), LABELS, 5)


def test_folds_of_other_data_are_noticed() -> None:
    with pytest.raises(KitError, match="expected 103 rows"):
        check_folds(np.zeros(100, np.int8), distinct(IMAGES), LABELS, 5)
