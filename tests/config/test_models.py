"""What a model class answers for the rest of the kit."""

import pytest

from kit.config import Augmentation, Cnn, KNearest, LogisticRegression, RandomForest, Stage, Svm, Training

CLASSICAL = [
    LogisticRegression(kind="logistic_regression"),
    KNearest(kind="knn"),
    RandomForest(kind="random_forest"),
    Svm(kind="svm"),
]


def test_a_network_answers_from_its_settings() -> None:
    model = Cnn(
        stages=(Stage(filters=4),),
        teachers=("other",),
        training=Training(epochs=7, precision="bfloat16"),
        augmentation=Augmentation(tta=True),
    )
    assert model.needs_backend
    assert (model.epochs, model.precision, model.views, model.teachers) == (7, "bfloat16", True, ("other",))


@pytest.mark.parametrize("model", CLASSICAL, ids=lambda model: model.kind)
def test_a_classical_model_needs_no_backend_and_reports_one_epoch(model: KNearest) -> None:
    assert not model.needs_backend
    assert (model.epochs, model.precision, model.views, model.teachers) == (1, None, False, ())
    assert model.explicit() == model


@pytest.mark.parametrize("model", CLASSICAL, ids=lambda model: model.kind)
def test_answers_are_no_settings(model: KNearest) -> None:
    assert not {"needs_backend", "epochs", "precision", "views", "teachers"} & model.model_dump().keys()


def test_explicit_gives_each_stage_and_the_head_the_values_of_the_model() -> None:
    stages = (Stage(filters=4), Stage(filters=4, dropout=0.0, batch_norm="before_activation"))
    model = Cnn(stages=stages, dropout=0.2, batch_norm="after_activation").explicit()
    assert [stage.dropout for stage in model.stages] == [0.2, 0.0]
    assert [stage.batch_norm for stage in model.stages] == ["after_activation", "before_activation"]
    assert model.head_dropout == 0.2


def test_explicit_keeps_the_dropout_of_the_head() -> None:
    assert Cnn(stages=(Stage(filters=4),), dropout=0.2, head_dropout=0.5).explicit().head_dropout == 0.5
