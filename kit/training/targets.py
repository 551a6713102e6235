"""What a network learns: its own rows by their labels, with teachers all other images by pseudo-labels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kit.training.job import Job


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """Images and what is to be said of them.

    Attributes:
        images: (images, height, width) uint8, the training rows first.
        targets: (images, classes) float32, probabilities; 0 where nothing is learned.
        rows: places of the images that are learned, ascending.
    """

    images: NDArray[np.uint8]
    targets: NDArray[np.float32]
    rows: NDArray[np.int64]


def make_training_set(
    job: Job,
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    test_images: NDArray[np.uint8],
    smoothing: float,
) -> TrainingSet:
    """Return what `job`'s network learns; no label of a held-out row is in it.

    With teachers, it learns test and held-out images too, by the mean of what the teachers predict of them
    (with test-time augmentation where they have it): D.-H. Lee (2013), Pseudo-label, here kept soft. The
    teachers are members of the same fold, who saw no label of a held-out row either. So such a row is to the
    network what a test row is, and out-of-fold figures tell what to expect of test rows.

    Args:
        job: its held-out rows and pseudo-labels.
        images: all training rows (rows, height, width).
        labels: (rows,).
        test_images: (test rows, height, width).
        smoothing: share of each label spread over all classes; pseudo-labels are left as they are.
    """
    rows = np.flatnonzero(~job.held_out)
    targets = np.zeros((len(images), job.classes), np.float32)
    targets[rows, labels[rows]] = 1
    targets[rows] = targets[rows] * np.float32(1 - smoothing) + np.float32(smoothing / job.classes)
    if job.pseudo_labels is None:
        return TrainingSet(images, targets, rows)
    targets[job.held_out] = job.pseudo_labels.val
    return TrainingSet(
        np.concatenate([images, test_images]),
        np.concatenate([targets, job.pseudo_labels.test]),
        np.arange(len(images) + len(test_images)),
    )
