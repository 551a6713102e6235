from typing import Any

import pytest

from kit.config import Competition
from kit.errors import UserError
from kit.task.labels import LabelEncoder
from kit.task.task import check_metric

GRADES, TEXTS = LabelEncoder(("0", "1", "2")), LabelEncoder(("high", "low", "none"))


def check(encoder: LabelEncoder, **competition: Any) -> None:
    check_metric(Competition.model_validate({"labels": "auto", **competition}), encoder)


@pytest.mark.parametrize("metric", ["auc", "log_loss"])
def test_a_metric_of_probabilities_needs_a_submission_of_probabilities(metric: str) -> None:
    with pytest.raises(UserError, match="computed from probabilities") as raised:
        check(TEXTS, metric=metric, submission={"format": "label"})
    assert raised.value.where == "competition.submission.format"
    assert raised.value.expected == "probabilities"
    check(TEXTS, metric=metric, submission={"format": "probabilities"})


def test_two_classes_may_have_one_probability() -> None:
    with pytest.raises(UserError, match="expected probability or probabilities, received label"):
        check(LabelEncoder(("0", "1")), metric="auc", submission={"format": "label"})
    check(LabelEncoder(("0", "1")), metric="auc", submission={"format": "probability"})


def test_kappa_needs_labels_in_order() -> None:
    with pytest.raises(UserError, match="the lowest first, received auto, with high, low, none"):
        check(TEXTS, metric="quadratic_weighted_kappa")
    check(GRADES, metric="quadratic_weighted_kappa")
    check(TEXTS, metric="quadratic_weighted_kappa", labels=["none", "low", "high"])


@pytest.mark.parametrize("metric", ["accuracy", "micro_f1", "macro_f1", "balanced_accuracy"])
def test_other_metrics_fit_any_labels(metric: str) -> None:
    check(TEXTS, metric=metric)
