"""Stratified folds over distinct images: all copies of an image are in one fold."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kit.config import Folds
from kit.data.dataset import Dataset
from kit.data.duplicates import distinct
from kit.errors import KitError, UserError


def shuffle_seed(folds: Folds, seed: int) -> int:
    """Return the seed of the shuffle that deals rows to folds, for members of training seed `seed`."""
    return folds.seed + (seed if folds.reshuffle else 0)


def folds_by_seed(dataset: Dataset, folds: Folds, seeds: Sequence[int]) -> NDArray[np.int8]:
    """Return (seeds, rows) int8: for each training seed, the fold that holds each row out.

    All seeds share the same folds, unless `folds.reshuffle` is set.

    Raises:
        UserError: a class has fewer distinct images than there are folds.
    """
    shuffles = [shuffle_seed(folds, seed) for seed in seeds]
    made = {
        shuffle: make_folds(
            dataset.train_images, dataset.train_labels, folds.count, shuffle, dataset.task.labels.labels
        )
        for shuffle in set(shuffles)
    }
    return np.stack([made[shuffle] for shuffle in shuffles])


def make_folds(
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    count: int,
    seed: int,
    names: Sequence[str] | None = None,
) -> NDArray[np.int8]:
    """Return (rows,) int8: the fold from 0 to count - 1 that holds each row out.

    The distinct images of each class are shuffled by `seed` and dealt out in turn, so that fold sizes, and
    those of each class, differ by one image at most. Copies go with the first of them, whatever their label.

    Args:
        images: (rows, height, width, channels) uint8.
        labels: (rows,) uint8.
        count: number of folds, 2 to 100.
        seed: of the shuffle.
        names: of class 0, 1, … in errors; None: its index.

    Raises:
        UserError: a class has fewer distinct images than there are folds.
    """
    same = distinct(images)
    firsts = np.flatnonzero(same == np.arange(len(same)))
    present, sizes = np.unique(labels[firsts], return_counts=True)
    for label, size in zip(present, sizes, strict=True):
        if size < count:
            name = label if names is None else names[label]
            what = f"class {name} has too few distinct images for {count} folds"
            raise UserError(
                what,
                where="folds.count",
                expected=f"at least {count}",
                received=str(size),
                hint=f"use fewer folds: --set folds.count={size}" if size > 1 else None,
            )
    order = np.random.default_rng(seed).permutation(firsts)
    order = order[np.argsort(labels[order], kind="stable")]
    folds = np.full(len(labels), -1, np.int8)
    folds[order] = np.arange(len(order)) % count
    folds = folds[same]
    check_folds(folds, same, labels, count)
    return folds


def check_folds(
    folds: NDArray[np.int8], same: NDArray[np.int64], labels: NDArray[np.uint8], count: int
) -> None:
    """Check that each row is in one fold, copies are in the same, and each fold holds every class.

    Args:
        folds: (rows,) int8.
        same: (rows,) what `distinct` gives.
        labels: (rows,) uint8.
        count: number of folds.

    Raises:
        KitError: it does not.
    """
    if folds.shape != labels.shape:
        raise KitError(
            "folds do not match the data", expected=f"{len(labels)} rows", received=f"shape {folds.shape}"
        )
    outside = np.flatnonzero((folds < 0) | (folds >= count))
    if outside.size:
        what = f"row {outside[0]} is in no fold"
        raise KitError(what, expected=f"0 to {count - 1}", received=str(folds[outside[0]]))
    apart = np.flatnonzero(folds != folds[same])
    if apart.size:
        raise KitError(
            f"rows {same[apart[0]]} and {apart[0]} hold the same image, but are in different folds"
        )
    for label in np.unique(labels[same]):
        absent = np.setdiff1d(np.arange(count), folds[labels == label])
        if absent.size:
            raise KitError(
                f"fold {absent[0]} holds no row of class {label}", expected="every class in every fold"
            )
