"""Stratified folds over distinct images: all copies of an image, and all rows of a group, are in one fold."""

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kit.config import Folds
from kit.data.dataset import Dataset
from kit.data.duplicates import distinct
from kit.data.groups import joined
from kit.errors import KitError, UserError


def shuffle_seed(folds: Folds, seed: int) -> int:
    """Return the seed of the shuffle that deals rows to folds, for members of training seed `seed`."""
    return folds.seed + (seed if folds.reshuffle else 0)


def folds_by_seed(dataset: Dataset, folds: Folds, seeds: Sequence[int]) -> NDArray[np.int8]:
    """Return (seeds, rows) int8: for each training seed, the fold that holds each row out.

    All seeds share the same folds, unless `folds.reshuffle` is set.

    Raises:
        UserError: a class has one distinct image, or there are fewer groups than folds.
    """
    shuffles = [shuffle_seed(folds, seed) for seed in seeds]
    made = {
        shuffle: make_folds(
            dataset.train_images,
            dataset.train_labels,
            folds.count,
            shuffle,
            dataset.task.labels.labels,
            groups=dataset.groups,
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
    *,
    groups: NDArray[np.int64] | None = None,
) -> NDArray[np.int8]:
    """Return (rows,) int8: the fold from 0 to count - 1 that holds each row out.

    The distinct images of each class are shuffled by `seed` and dealt out in turn, so that fold sizes, and
    those of each class, differ by one image at most. Copies go into the fold of the first one, whatever
    their label. A class with fewer images than folds is absent from some folds.

    With groups, scikit-learn's StratifiedGroupKFold deals out whole groups. Groups that share copies of an
    image count as one.

    Args:
        images: (rows, height, width, channels) uint8.
        labels: (rows,) uint8.
        count: number of folds, 2 to 100.
        seed: of the shuffle.
        names: of class 0, 1, … in errors; None: its index.
        groups: (rows,) group of each row; None: there are none.

    Raises:
        UserError: a class has one distinct image, or there are fewer groups than folds.
    """
    same = distinct(images)
    firsts = np.flatnonzero(same == np.arange(len(same)))
    _check_classes(labels[firsts], names)
    if groups is None:
        order = np.random.default_rng(seed).permutation(firsts)
        order = order[np.argsort(labels[order], kind="stable")]
        folds = np.full(len(labels), -1, np.int8)
        folds[order] = np.arange(len(order)) % count
        folds = folds[same]
    else:
        folds = _grouped(joined(groups, same), labels, count, seed)
    check_folds(folds, same, labels, count, groups)
    return folds


def _check_classes(labels: NDArray[np.uint8], names: Sequence[str] | None) -> None:
    """Check the labels of distinct images: each class has at least two."""
    present, sizes = np.unique(labels, return_counts=True)
    for label in present[sizes < 2]:
        raise UserError(
            f"class {label if names is None else names[label]} has one distinct image",
            expected="at least 2: one to train on, and one that is held out",
            received="1",
            hint="remove its rows, or give them the label of another class; fewer folds do not help",
        )


def _grouped(groups: NDArray[np.int64], labels: NDArray[np.uint8], count: int, seed: int) -> NDArray[np.int8]:
    from sklearn.model_selection import StratifiedGroupKFold

    number = len(np.unique(groups))
    if number < count:
        raise UserError(
            f"there are too few groups for {count} folds",
            where="folds.group",
            expected=f"at least {count}",
            received=f"{number}; groups that share copies of an image count as one",
            hint=f"use fewer folds: --set folds.count={number}" if number > 1 else "remove folds.group",
        )
    folds = np.full(len(labels), -1, np.int8)
    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # Of classes with fewer rows than folds, about which kit warns itself.
        warnings.simplefilter("ignore", UserWarning)
        for fold, (_, held_out) in enumerate(splitter.split(labels, labels, groups)):
            folds[held_out] = fold
    return folds


def check_folds(
    folds: NDArray[np.int8],
    same: NDArray[np.int64],
    labels: NDArray[np.uint8],
    count: int,
    groups: NDArray[np.int64] | None = None,
) -> None:
    """Check that each row is in one fold, copies and groups are in the same one, and folds have all classes.

    Without groups, a class may be absent from a fold only if it has fewer distinct images than there are
    folds.

    Args:
        folds: (rows,) int8.
        same: (rows,) the result of `distinct`.
        labels: (rows,) uint8.
        count: number of folds.
        groups: (rows,) group of each row; None: there are none.

    Raises:
        KitError: the first violation.
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
        raise KitError(f"rows {same[apart[0]]} and {apart[0]} are the same image, but are in different folds")
    if groups is not None:
        _check_groups(folds, groups, count)
        return  # A class may be in few groups.
    for label, images in zip(*np.unique(labels[np.unique(same)], return_counts=True), strict=True):
        absent = np.setdiff1d(np.arange(count), folds[labels == label])
        if len(absent) > max(0, count - images):
            raise KitError(
                f"fold {absent[0]} has no row of class {label}", expected="every class in every fold"
            )


def _check_groups(folds: NDArray[np.int8], groups: NDArray[np.int64], count: int) -> None:
    _, first, group = np.unique(groups, return_index=True, return_inverse=True)
    apart = np.flatnonzero(folds != folds[first[group]])
    if apart.size:
        raise KitError(
            f"rows {first[group][apart[0]]} and {apart[0]} are of one group, but in different folds"
        )
    empty = np.setdiff1d(np.arange(count), folds)
    if empty.size:
        raise UserError(
            f"fold {empty[0]} is empty: the groups are too unequal for {count} folds",
            where="folds.group",
            hint=f"use fewer folds: --set folds.count={count - len(empty)}",
        )
