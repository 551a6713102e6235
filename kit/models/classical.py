"""scikit-learn's classifiers behind one door: fit on arrays, give probabilities."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kit.config import KNearest, LogisticRegression, RandomForest, Svm

Baseline = LogisticRegression | KNearest | RandomForest | Svm


class Classifier(Protocol):
    """What every scikit-learn classifier with probabilities offers."""

    classes_: NDArray[Any]

    def fit(self, inputs: NDArray[np.float32], labels: NDArray[np.uint8]) -> Any:
        """Learn from (rows, pixels) float32 in 0..1 and (rows,) labels."""

    def predict_proba(self, inputs: NDArray[np.float32]) -> NDArray[Any]:
        """Return (rows, classes that were seen) probabilities."""


def build_baseline(spec: Baseline, seed: int) -> Classifier:
    """Return the classifier that `spec` describes, single-threaded and seeded."""
    match spec:
        case LogisticRegression():
            from sklearn.linear_model import LogisticRegression as Logistic

            return Logistic(C=spec.c, max_iter=spec.iterations, random_state=seed)  # type: ignore[no-any-return]
        case KNearest():
            from sklearn.neighbors import KNeighborsClassifier

            return KNeighborsClassifier(spec.neighbours, weights="distance", n_jobs=1)  # type: ignore[no-any-return]
        case RandomForest():
            from sklearn.ensemble import RandomForestClassifier

            return RandomForestClassifier(spec.trees, random_state=seed, n_jobs=1)  # type: ignore[no-any-return]
        case Svm():
            from sklearn.calibration import CalibratedClassifierCV
            from sklearn.decomposition import PCA
            from sklearn.pipeline import make_pipeline
            from sklearn.svm import SVC

            # A sigmoid a class, fitted on held-out thirds, makes probabilities of decision values.
            support = make_pipeline(PCA(spec.components, whiten=True, random_state=seed), SVC(C=spec.c))
            return CalibratedClassifierCV(support, cv=3, ensemble=False, n_jobs=1)  # type: ignore[no-any-return]


def probabilities(classifier: Classifier, inputs: NDArray[np.float32], classes: int) -> NDArray[np.float32]:
    """Return (rows, classes) float32; a class that was never seen has probability 0."""
    result = np.zeros((len(inputs), classes), np.float32)
    result[:, classifier.classes_.astype(int)] = classifier.predict_proba(inputs)
    return result
