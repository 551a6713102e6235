"""Pruners by name; test_trial.py has what they prune."""

import pytest
from optuna.pruners import MedianPruner, NopPruner, SuccessiveHalvingPruner, WilcoxonPruner

from kit.config import Tune
from kit.tuning.pruning import pruner_of


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("median", MedianPruner),
        ("halving", SuccessiveHalvingPruner),
        ("wilcoxon", WilcoxonPruner),
        ("none", NopPruner),
    ],
)
def test_the_pruner_is_the_named_one(name: str, kind: type) -> None:
    assert isinstance(pruner_of(Tune.model_validate({"pruner": name})), kind)
