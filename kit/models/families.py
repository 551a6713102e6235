"""The one place that maps the configuration of a model to the code of its family.

To add a model family:

1. Describe it: a class in `kit.config.models`, or with the base `NetworkModel` in `kit.config.networks` if
   Keras trains it, listed in `Model` (and `Network`) and in `kit.config`.
2. Build it: a function in this package.
3. Connect the two: a case in `build_network` or `build_classifier` below, and for a network one in `cost`.
"""

from typing import TYPE_CHECKING, overload

from kit.config import (
    ClassicalModel,
    Cnn,
    KNearest,
    LogisticRegression,
    Model,
    Network,
    Pretrained,
    RandomForest,
    ResNet,
    Svm,
)
from kit.models.cost import Cost, cnn_cost, pretrained_cost

if TYPE_CHECKING:
    import keras

    from kit.models.classical import Classifier
    from kit.models.layers import Layers


@overload
def cost(model: Network, shape: tuple[int, int, int], classes: int) -> Cost: ...
@overload
def cost(model: Model, shape: tuple[int, int, int], classes: int) -> Cost | None: ...
def cost(model: Model, shape: tuple[int, int, int], classes: int) -> Cost | None:
    """Return the size of a network; None for a classical model.

    Args:
        model: any model of a configuration.
        shape: height, width and channels of an image.
        classes: number of classes.
    """
    match model:
        case Cnn():
            return cnn_cost(model, shape, classes)
        case ResNet():
            return cnn_cost(model.as_cnn(shape), shape, classes)
        case Pretrained():
            return pretrained_cost(model, shape, classes)
        case _:
            return None


def build_network(
    model: Network, shape: tuple[int, int, int], classes: int, layers: "Layers | None" = None
) -> "keras.Model":
    """Return an untrained network: images (batch, height, width, channels) to logits (batch, classes).

    Args:
        model: its architecture.
        shape: height, width and channels of an image.
        classes: number of classes.
        layers: types and precision of its layers; None: plain Keras in float32.
    """
    from kit.models.cnn import build_cnn
    from kit.models.layers import PLAIN
    from kit.models.pretrained import build_pretrained

    match model:
        case Cnn():
            return build_cnn(model, shape, classes, layers or PLAIN)
        case ResNet():
            return build_cnn(model.as_cnn(shape), shape, classes, layers or PLAIN)
        case Pretrained():
            return build_pretrained(model, shape, classes, layers or PLAIN)


def build_classifier(model: ClassicalModel, seed: int) -> "Classifier":
    """Return the classifier that `model` describes, single-threaded and seeded."""
    # scikit-learn takes a second to import, and networks need none of it.
    from kit.models import classical

    match model:
        case LogisticRegression():
            return classical.logistic_regression(model, seed)
        case KNearest():
            return classical.k_nearest(model)
        case RandomForest():
            return classical.random_forest(model, seed)
        case Svm():
            return classical.svm(model, seed)
        case _:
            raise TypeError(f"{type(model).__name__}: no classifier for this model class")
