"""Models: networks, which Keras trains, and the classical models of scikit-learn."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field

from kit.config.base import Count, Real, Section
from kit.config.networks import Cnn, ResNet
from kit.config.pretrained import Pretrained


class ClassicalModel(Section):
    """Base of the models that scikit-learn fits in one step.

    Attributes:
        needs_backend: whether Keras trains it.
        epochs: epochs of training that a worker reports.
        precision: requested precision of the arithmetic; None: no choice.
        views: whether it also predicts with test-time augmentation.
        teachers: models that are trained first, and whose predictions it learns.
    """

    needs_backend: ClassVar[Literal[False]] = False
    epochs: ClassVar[int] = 1
    precision: ClassVar[None] = None
    views: ClassVar[bool] = False
    teachers: ClassVar[tuple[str, ...]] = ()

    def explicit(self) -> Self:
        """Return the same model with inherited values written out; a classical model has none."""
        return self


class LogisticRegression(ClassicalModel):
    """Multinomial logistic regression on pixels scaled to 0..1."""

    kind: Literal["logistic_regression"]
    """Logistic regression."""
    c: Annotated[Real, Field(gt=0)] = 0.1
    """Inverse strength of the L2 penalty."""
    iterations: Count = 100
    """Maximum number of solver iterations."""


class KNearest(ClassicalModel):
    """k nearest neighbours, weighted by inverse distance."""

    kind: Literal["knn"]
    """k nearest neighbours."""
    neighbours: Count = 4
    """Number of neighbours."""


class RandomForest(ClassicalModel):
    """Random forest on the pixels."""

    kind: Literal["random_forest"]
    """Random forest."""
    trees: Count = 300
    """Number of trees."""


class Svm(ClassicalModel):
    """Support vector machine (RBF kernel) after PCA; probabilities are calibrated on held-out rows."""

    kind: Literal["svm"]
    """Support vector machine."""
    components: Count = 50
    """Number of principal components of the pixels."""
    c: Annotated[Real, Field(gt=0)] = 10.0
    """Inverse strength of the regularisation."""


Model = Annotated[
    Cnn | ResNet | Pretrained | LogisticRegression | KNearest | RandomForest | Svm,
    Field(discriminator="kind"),
]
Network = Cnn | ResNet | Pretrained
"""Models that Keras trains."""
