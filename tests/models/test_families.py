"""Each model class of a configuration has a family that can build it."""

from typing import get_args

import pytest

from kit.config import Cnn, KNearest, Model, Stage
from kit.config.base import Section
from kit.models.families import build_classifier, build_network, cost

CLASSES = get_args(get_args(Model)[0])


@pytest.mark.parametrize(
    "kind", [one for one in CLASSES if not one.needs_backend], ids=lambda one: one.__name__
)
def test_every_classical_model_has_a_classifier(kind: type[Section]) -> None:
    model = kind.model_validate({"kind": get_args(kind.model_fields["kind"].annotation)[0]})
    classifier = build_classifier(model, seed=3)  # type: ignore[arg-type]
    assert hasattr(classifier, "fit")
    assert hasattr(classifier, "predict_proba")


def test_a_network_is_built_from_its_description() -> None:
    network = build_network(Cnn(stages=(Stage(filters=4),)), (8, 6, 2), 3)
    assert network.input_shape == (None, 8, 6, 2)
    assert network.output_shape == (None, 3)


def test_a_classical_model_has_no_cost() -> None:
    assert cost(KNearest(kind="knn"), (28, 28, 1), 10) is None
