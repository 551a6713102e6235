import re

from kit.metrics import HITS, LOSS, METRICS
from kit.plotting import MODELS
from kit.records import Curves
from kit.reports.run.curves import curves
from tests.reports.pages import example_report

MEMBERS = [one for one in example_report().members if one.model == "cnn"]


def test_the_score_after_training_is_marked_without_augmentation() -> None:
    loss, score = curves("cnn", MEMBERS, HITS, MODELS[1])
    assert "training, no augmentation" in score.wide
    assert score.text.endswith(
        "training from 80.000 to 98.000 %. After training, on training rows without augmentation: 99.310 %."
    )
    assert "augmentation:" not in loss.text


def test_training_and_held_out_rows_differ_by_line_style_alone() -> None:
    for plot in curves("cnn", MEMBERS, HITS, MODELS[1]):
        drawn = set(re.findall(r"stroke: var\(--(model-\d|plain|best|wrong)\)", plot.wide))
        assert drawn == {"model-2"}
        assert "stroke-dasharray" in plot.wide


def test_without_that_score_nothing_is_marked() -> None:
    members = [one.model_copy(update={"train_score": None}) for one in MEMBERS]
    _, score = curves("cnn", members, HITS, MODELS[1])
    assert "no augmentation" not in score.wide
    assert "Squares" not in score.note


def test_the_note_claims_neither_penalty_nor_augmentation() -> None:
    loss, score = curves("cnn", MEMBERS, HITS, MODELS[1])
    assert "may include an L2 penalty" in loss.note
    assert all("on augmented images if the configuration augments them" in one.note for one in (loss, score))


def test_another_metric_has_no_training_curve() -> None:
    _, score = curves("cnn", MEMBERS, METRICS["auc"], MODELS[1])
    assert re.findall(r">(training|held out)</text>", score.wide) == ["held out"]


def test_the_log_loss_is_drawn_once() -> None:
    assert [one.title for one in curves("cnn", MEMBERS, LOSS, MODELS[1])] == ["cnn: log loss"]


def test_one_epoch_has_one_tick_and_one_value() -> None:
    epochs = Curves(loss=(0.4,), accuracy=(0.8,), val_loss=(0.3,), val_score=(0.9,), seconds=(1.5,))
    member = MEMBERS[0].model_copy(update={"epochs": epochs, "train_score": None})
    loss, score = curves("cnn", [member], HITS, MODELS[1])
    assert score.text == "Mean over 1 member, after 1 epoch: held-out 90.000 %; training 80.000 %."
    assert "0.95" not in loss.wide
    assert ">1</text>" in loss.wide


def test_a_model_without_epochs_has_no_curves() -> None:
    assert (
        curves("cnn", [one.model_copy(update={"epochs": Curves()}) for one in MEMBERS], HITS, MODELS[1]) == []
    )
