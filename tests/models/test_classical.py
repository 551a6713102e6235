import numpy as np
import pytest
from numpy.typing import NDArray

from kit.config import ClassicalModel, KNearest, LogisticRegression, RandomForest, Svm
from kit.models.classical import probabilities
from kit.models.families import build_classifier

SPECS = [
    LogisticRegression(kind="logistic_regression"),
    KNearest(kind="knn"),
    RandomForest(kind="random_forest", trees=20),
    Svm(kind="svm", components=5),
]
CLASSES = 4

pytestmark = pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.kind)


def blobs(rows: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return noise with one bright pixel per class, and the classes."""
    labels = np.arange(rows, dtype=np.uint8) % CLASSES
    inputs = np.random.default_rng(seed).random((rows, 16), np.float32) * 0.6
    inputs[np.arange(rows), labels * 3] += 0.6
    return inputs, labels


def fitted(
    spec: ClassicalModel, inputs: NDArray[np.float32], labels: NDArray[np.uint8]
) -> NDArray[np.float32]:
    classifier = build_classifier(spec, seed=1)
    classifier.fit(inputs, labels)
    return probabilities(classifier, blobs(60, 1)[0], CLASSES)


def test_it_learns(spec: ClassicalModel) -> None:
    probs = fitted(spec, *blobs(120, 0))
    assert (probs.argmax(axis=1) == blobs(60, 1)[1]).mean() > 0.8


def test_it_returns_probabilities(spec: ClassicalModel) -> None:
    probs = fitted(spec, *blobs(120, 0))
    assert probs.shape == (60, CLASSES)
    assert probs.dtype == np.float32
    assert probs.min() >= 0
    np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-5)


def test_a_class_absent_from_training_has_probability_zero(spec: ClassicalModel) -> None:
    inputs, labels = blobs(120, 0)
    probs = fitted(spec, inputs[labels != 1], labels[labels != 1])
    assert not probs[:, 1].any()
    seen = blobs(60, 1)[1] != 1
    assert (probs.argmax(axis=1) == blobs(60, 1)[1])[seen].mean() > 0.8


def test_the_same_seed_gives_the_same_result(spec: ClassicalModel) -> None:
    np.testing.assert_array_equal(fitted(spec, *blobs(120, 0)), fitted(spec, *blobs(120, 0)))


@pytest.mark.parametrize("rows", [1, 2])
def test_a_class_of_one_or_two_rows_does_no_harm(spec: ClassicalModel, rows: int) -> None:
    inputs, labels = blobs(120, 0)
    kept = np.r_[np.flatnonzero(labels != 1), np.flatnonzero(labels == 1)[:rows]]
    probs = fitted(spec, inputs[kept], labels[kept])
    np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-5)
    seen = blobs(60, 1)[1] != 1
    assert (probs.argmax(axis=1) == blobs(60, 1)[1])[seen].mean() > 0.8
