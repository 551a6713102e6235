from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from kit.config import Cnn, Stage
from kit.members import Member
from kit.training.job import Job, PseudoLabels
from kit.training.targets import make_training_set

ROWS, TEST_ROWS = 6, 3
IMAGES = np.arange(ROWS * 4, dtype=np.uint8).reshape(ROWS, 2, 2, 1)
TEST_IMAGES = 100 + np.arange(TEST_ROWS * 4, dtype=np.uint8).reshape(TEST_ROWS, 2, 2, 1)
LABELS = np.array([0, 1, 2, 0, 1, 2], np.uint8)
HELD_OUT = np.array([False, True, False, False, True, False])
JOB = Job(
    Member("student", 0, 0),
    Cnn(stages=(Stage(filters=2),)),
    (2, 2, 1),
    3,
    "data",
    TEST_ROWS,
    HELD_OUT,
    "tensorflow",
    "float32",
)
SEEN = [0, 2, 3, 5]


def probabilities(*first: float) -> NDArray[np.float32]:
    """Return one row per number: the probability of the first class; the last class has the rest."""
    return np.array([[one, 0, 1 - one] for one in first], np.float32)


@pytest.fixture
def taught() -> Job:
    """Return a job with pseudo-labels."""
    return replace(JOB, pseudo_labels=PseudoLabels(probabilities(0.4, 0.6), probabilities(0.5, 0.25, 1)))


def test_without_teachers_only_training_rows_have_targets() -> None:
    training_set = make_training_set(JOB, IMAGES, LABELS, TEST_IMAGES, 0.0)
    assert training_set.rows.tolist() == SEEN
    np.testing.assert_array_equal(training_set.images, IMAGES)
    np.testing.assert_array_equal(training_set.targets[SEEN], np.eye(3, dtype=np.float32)[LABELS[SEEN]])


def test_smoothed_labels_are_spread_over_all_classes() -> None:
    targets = make_training_set(JOB, IMAGES, LABELS, TEST_IMAGES, 0.09).targets
    np.testing.assert_allclose(targets[2], [0.03, 0.03, 0.94], rtol=1e-6)


def test_with_teachers_all_images_have_targets(taught: Job) -> None:
    training_set = make_training_set(taught, IMAGES, LABELS, TEST_IMAGES, 0.0)
    assert training_set.rows.tolist() == list(range(ROWS + TEST_ROWS))
    np.testing.assert_array_equal(training_set.images, np.concatenate([IMAGES, TEST_IMAGES]))


def test_pseudo_labels_are_the_targets_of_held_out_and_test_images(taught: Job) -> None:
    targets = make_training_set(taught, IMAGES, LABELS, TEST_IMAGES, 0.3).targets
    np.testing.assert_array_equal(targets[[1, 4]], probabilities(0.4, 0.6))
    np.testing.assert_array_equal(targets[ROWS:], probabilities(0.5, 0.25, 1))


def test_no_label_of_a_held_out_row_is_a_target(taught: Job) -> None:
    others = np.where(HELD_OUT, 2 - LABELS, LABELS).astype(np.uint8)
    for job in (JOB, taught):
        one, other = (make_training_set(job, IMAGES, labels, TEST_IMAGES, 0.1) for labels in (LABELS, others))
        np.testing.assert_array_equal(one.targets, other.targets)


def test_a_member_on_all_rows_has_pseudo_labels_for_test_images_only() -> None:
    labels = PseudoLabels(np.zeros((0, 3), np.float32), probabilities(0.1, 0.2, 0.3))
    job = replace(JOB, held_out=np.zeros(ROWS, bool), pseudo_labels=labels)
    training_set = make_training_set(job, IMAGES, LABELS, TEST_IMAGES, 0.0)
    np.testing.assert_array_equal(training_set.targets[:ROWS], np.eye(3, dtype=np.float32)[LABELS])
    np.testing.assert_array_equal(training_set.targets[ROWS:], probabilities(0.1, 0.2, 0.3))
