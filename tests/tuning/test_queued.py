"""Parameters that another program queued: an invalid one fails its trial, and is named."""

import math
from collections.abc import Callable
from typing import Any

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState, create_trial

from kit.config import Choices, FloatRange, IntRange
from kit.tuning.queued import invalid_reason
from kit.tuning.search import search
from kit.tuning.space import Parameter, Space
from kit.tuning.study import SharedStudy
from tests.launchers import CPU, FakeLauncher
from tests.tuning.conftest import Recorder

SPACE = Space(
    (
        Parameter("rate", FloatRange(kind="float", low=0.001, high=0.1, log=True), {}),
        Parameter("share", FloatRange(kind="float", low=0, high=0.5, step=0.1), {}),
        Parameter("depth", IntRange(kind="int", low=2, high=8, step=2), {}),
        Parameter("norm", Choices(kind="categorical", choices=("none", True, 1.5, [1, 2])), {}),
    ),
    {},
    True,
)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"rate": 0.001, "depth": 8},
        {"share": 0.30000000000000004},
        {"share": 0},
        {"norm": True},
        {"norm": "[1, 2]"},
        {"rate": 0.1, "share": 0.5, "depth": 2, "norm": "none"},
    ],
)
def test_valid_parameters_are_accepted(params: dict[str, Any]) -> None:
    assert invalid_reason(SPACE, params) is None


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"rate": "high"}, "value of rate: expected a number from 0.001 to 0.1, received 'high'"),
        ({"rate": math.nan}, "value of rate: expected a number from 0.001 to 0.1, received nan"),
        ({"rate": math.inf}, "value of rate: expected a number from 0.001 to 0.1, received inf"),
        ({"rate": True}, "value of rate: expected a number from 0.001 to 0.1, received True"),
        ({"rate": None}, "value of rate: expected a number from 0.001 to 0.1, received None"),
        ({"rate": 0.2}, "value of rate: expected a number from 0.001 to 0.1, received 0.2"),
        ({"share": 0.25}, "value of share: expected a number from 0.0 to 0.5, every 0.1, received 0.25"),
        ({"depth": 3}, "value of depth: expected a whole number from 2 to 8, every 2, received 3"),
        ({"depth": 4.0}, "value of depth: expected a whole number from 2 to 8, every 2, received 4.0"),
        ({"norm": 1}, 'value of norm: expected one of "none", true, 1.5, [1, 2], received 1'),
        ({"rates": 0.01}, "key: rates is not in the space; did you mean 'rate'?"),
        ({"rate": 0.01, "other": 1}, "key: other is not in the space"),
    ],
)
def test_the_first_invalid_parameter_is_named(params: dict[str, Any], reason: str) -> None:
    assert invalid_reason(SPACE, params) == reason


def test_the_study_continues_without_the_trial(
    open_study: Callable[..., SharedStudy], record: Recorder
) -> None:
    shared = open_study()
    for value in ("high", 2.0, 0.25):
        shared.study.enqueue_trial({"x": value})
    shared.study.add_trial(
        create_trial(
            state=TrialState.WAITING, params={"x": 7.0}, distributions={"x": FloatDistribution(0, 9)}
        )
    )

    def objective(trial: optuna.Trial, _: object) -> float:
        return float(trial.params["x"])

    assert search(
        shared,
        objective,
        trials=6,
        stop_at=lambda: math.inf,
        launcher=FakeLauncher(),
        devices=[CPU],
        listener=record,
    )
    assert [trial.state.name for trial in shared.study.trials] == [
        "COMPLETE",
        "FAIL",
        "FAIL",
        "COMPLETE",
        "FAIL",
        "COMPLETE",
    ]
    assert shared.study.trials[1].user_attrs["failed"] == (
        "it was queued with an invalid value of x: expected a number from 0.0 to 1.0, received 'high'"
    )
    assert shared.study.trials[3].params == {"x": 0.25}
