"""The training set of a network: its rows with their labels, and with teachers, pseudo-labelled images."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kit.training.job import Job


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """Images and their targets.

    Attributes:
        images: (images, height, width, channels) uint8, the training rows first.
        targets: (images, classes) float32 probabilities; 0 for images without a target.
        rows: indices of the images with a target, ascending.
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
    """Return the training set of `job`; it contains no label of a held-out row.

    With teachers, it also contains test and held-out images. Their targets are the mean of the teachers'
    predictions (with test-time augmentation, if they have it): D.-H. Lee (2013), Pseudo-label, here with soft
    labels. The teachers are members of the same fold and saw no label of a held-out row. The network
    therefore treats held-out rows as it treats test rows, and OOF metrics are valid for test rows.

    Args:
        job: its held-out rows and pseudo-labels.
        images: all training rows (rows, height, width, channels).
        labels: (rows,).
        test_images: (test rows, height, width, channels).
        smoothing: share of each label spread over all classes; pseudo-labels are not smoothed.
    """
    rows = job.train_rows
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
