"""Classifiers of scikit-learn behind one interface: fit on arrays, return probabilities."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression as SklearnLogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from kit.config import KNearest, LogisticRegression, RandomForest, Svm

THIRDS = 3
"""Parts of the training rows on which the probabilities of a support vector machine are calibrated."""


class Classifier(Protocol):
    """The part of scikit-learn's interface that training uses."""

    classes_: NDArray[Any]

    def fit(self, inputs: NDArray[np.float32], labels: NDArray[np.uint8]) -> Any:
        """Learn from (rows, pixels) float32 in 0..1 and (rows,) labels."""

    def predict_proba(self, inputs: NDArray[np.float32]) -> NDArray[Any]:
        """Return (rows, classes seen in training) probabilities."""


def logistic_regression(spec: LogisticRegression, seed: int) -> Classifier:
    """Return multinomial logistic regression."""
    model: Classifier = SklearnLogisticRegression(C=spec.c, max_iter=spec.iterations, random_state=seed)
    return model


def k_nearest(spec: KNearest) -> Classifier:
    """Return k nearest neighbours, weighted by inverse distance."""
    model: Classifier = KNeighborsClassifier(spec.neighbours, weights="distance", n_jobs=1)
    return model


def random_forest(spec: RandomForest, seed: int) -> Classifier:
    """Return a random forest."""
    model: Classifier = RandomForestClassifier(spec.trees, random_state=seed, n_jobs=1)
    return model


def svm(spec: Svm, seed: int) -> Classifier:
    """Return a support vector machine on principal components, with calibrated probabilities."""
    machine = make_pipeline(PCA(spec.components, whiten=True, random_state=seed), SVC(C=spec.c))
    # One sigmoid per class, fitted on held-out thirds, turns decision values into probabilities.
    model: Classifier = _Calibrated(machine, cv=THIRDS, ensemble=False, n_jobs=1)
    return model


class _Calibrated(CalibratedClassifierCV):  # type: ignore[misc]
    """Without classes that have fewer rows than there are thirds: these get probability 0."""

    def fit(self, inputs: NDArray[np.float32], labels: NDArray[np.uint8]) -> Any:
        known = np.bincount(labels)[labels] >= THIRDS
        return super().fit(inputs[known], labels[known])


def probabilities(classifier: Classifier, inputs: NDArray[np.float32], classes: int) -> NDArray[np.float32]:
    """Return (rows, classes) float32; a class that training did not contain has probability 0."""
    result = np.zeros((len(inputs), classes), np.float32)
    result[:, classifier.classes_.astype(int)] = classifier.predict_proba(inputs)
    return result
