"""The page that shows a data set: images of each class, sizes, folds, warnings; one self-contained file."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kit.data.dataset import Dataset
from kit.reports.html import render
from kit.reports.html.tables import Table
from kit.reports.html.text import counted

PER_CLASS, LEAST_PER_CLASS = 10, 3
"""Images per class: the former, or fewer where MOST is exceeded, but no fewer than the latter."""
MOST = 800
"""Images of all classes: more would make the page slow."""
TEST = 20
"""Test images."""
LARGEST = 64
"""Pixels: larger images are shrunk."""
MANY_CLASSES = 30
"""More classes than this are listed in a box that scrolls."""


@dataclass(frozen=True, eq=False)
class Picture:
    """An image with its name.

    Attributes:
        image: (height, width, channels) uint8.
        name: its name or id in the competition's files, else its row.
    """

    image: NDArray[np.uint8]
    name: str


@dataclass(frozen=True, eq=False)
class ClassImages:
    """A class.

    Attributes:
        label: as in the competition's files.
        rows: number of training rows.
        share: of the training rows, from 0 to 1.
        relative: rows divided by those of the largest class.
        pictures: some of its images, in the order of the rows.
    """

    label: str
    rows: int
    share: float
    relative: float
    pictures: list[Picture]


def write_page(path: Path, dataset: Dataset, folds: NDArray[np.int8], name: str) -> None:
    """Write the page of a data set.

    Images are a random sample, the same one every time: sorted files would show only one kind of image.

    Args:
        path: of the HTML file.
        dataset: the data.
        folds: (rows,) int8, the fold that holds each row out.
        name: of the configuration.
    """
    rng = np.random.default_rng(0)
    height, width, channels = dataset.train_images.shape[1:]
    render.write(
        path,
        "kit.reports.data",
        "page.html.jinja",
        name=name,
        dataset=dataset,
        size=f"{height} x {width}",
        channels={1: "grey", 3: "red, green, blue"}.get(channels, f"{channels} channels"),
        smooth=max(height, width) > render.LOSSLESS,
        largest=LARGEST,
        many=dataset.task.classes > MANY_CLASSES,
        classes=_classes(dataset, rng),
        test=_test(dataset, rng),
        folds=_folds(dataset, folds),
        groups=_groups(dataset),
    )


def per_class(classes: int) -> int:
    """Return the number of images that are shown of each of so many classes."""
    return max(LEAST_PER_CLASS, min(PER_CLASS, MOST // classes))


def _classes(dataset: Dataset, rng: np.random.Generator) -> list[ClassImages]:
    counts = np.bincount(dataset.train_labels, minlength=dataset.task.classes)
    return [
        ClassImages(
            label,
            int(rows),
            rows / counts.sum(),
            rows / counts.max(),
            [
                Picture(dataset.train_images[row], _name(dataset, row))
                for row in _some(np.flatnonzero(dataset.train_labels == number), per_class(len(counts)), rng)
            ],
        )
        for number, (label, rows) in enumerate(zip(dataset.task.labels.labels, counts, strict=True))
    ]


def _test(dataset: Dataset, rng: np.random.Generator) -> list[Picture]:
    rows = _some(np.arange(len(dataset.test_images)), TEST, rng)
    return [Picture(dataset.test_images[row], dataset.test_ids[row]) for row in rows]


def _some(rows: NDArray[np.intp], most: int, rng: np.random.Generator) -> list[int]:
    """Return `most` of the rows at random, or all if they are fewer, ascending."""
    return sorted(rng.permutation(rows)[:most].tolist())


def _name(dataset: Dataset, row: int) -> str:
    return dataset.train_names[row] if dataset.train_names else f"row {row}"


def _folds(dataset: Dataset, folds: NDArray[np.int8]) -> Table:
    labels, rows = dataset.task.labels.labels, []
    for fold in range(int(folds.max()) + 1):
        counts = np.bincount(dataset.train_labels[folds == fold], minlength=len(labels))
        least = int(counts.argmin())
        cells = [str(fold), f"{counts.sum():,}", f"{labels[least]}: {counted(int(counts[least]), 'row')}"]
        if dataset.groups is not None:
            cells.append(f"{len(np.unique(dataset.groups[folds == fold])):,}")
        rows.append(cells)
    head = ["Fold", "Held-out rows", "Rarest class", *(["Groups"] if dataset.groups is not None else [])]
    return Table("The folds of the first seed.", head, rows)


def _groups(dataset: Dataset) -> str:
    """Return a sentence about the groups; empty if there are none."""
    if dataset.groups is None:
        return ""
    sizes = np.unique(dataset.groups, return_counts=True)[1]
    largest = f"the largest has {sizes.max():,} rows, {100 * sizes.max() / sizes.sum():.1f} %"
    return f"{len(sizes):,} groups: {largest}. The rows of a group are in one fold."
