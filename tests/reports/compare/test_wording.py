from typing import Any

import pytest

from kit.metrics import METRICS
from kit.records import Pair
from kit.reports.compare import wording as words

ACCURACY = METRICS["accuracy"]


def pair(**changes: Any) -> Pair:
    """Return `new` against `old`: 161 fewer errors of 42,000."""
    known: dict[str, Any] = {"a": "old", "b": "new", "rows": 42_000, "verdict": "better"}
    known |= {"difference": 161 / 42_000, "interval": (0.0031, 0.00457), "p": 3e-20, "p_corrected": 3e-20}
    known |= {"gained": 190, "lost": 29, "loss_difference": -0.0285, "loss_interval": (-0.031, -0.026)}
    return Pair.model_validate(known | changes)


SAME = {"verdict": "no difference", "difference": 3 / 42_000, "interval": (-0.0002, 0.00034)}
SAME |= {"p": 0.755, "p_corrected": 0.755, "gained": 23, "lost": 20}


def test_better() -> None:
    assert words.verdict(pair(), ACCURACY) == (
        "new is better than old on 42,000 rows: 161 fewer errors (accuracy +0.383 points, "
        "95 % interval +0.310 to +0.457; exact McNemar p = 3e-20)."
    )


def test_worse() -> None:
    text = words.verdict(
        pair(
            verdict="worse",
            difference=-1 / 42_000,
            gained=0,
            lost=1,
            loss_difference=0.1,
            loss_interval=(0.05, 0.15),
        ),
        ACCURACY,
    )
    assert text.startswith("new is worse than old on 42,000 rows: 1 more error (accuracy -0.002 points")
    assert "log loss" not in text


def test_no_difference_is_limited_to_the_rows() -> None:
    text = words.verdict(pair(**SAME, loss_interval=(-0.1, 0.1)), ACCURACY)
    assert text == (
        "No difference between new and old that 42,000 rows can show: 3 fewer errors "
        "(accuracy +0.007 points, 95 % interval -0.020 to +0.034; exact McNemar p = 0.76)."
    )


@pytest.mark.parametrize(
    ("interval", "direction"), [((-0.0031, -0.0026), "lower"), ((0.0026, 0.0031), "higher")]
)
def test_a_difference_in_log_loss_alone_is_named(interval: tuple[float, float], direction: str) -> None:
    text = words.verdict(pair(**SAME, loss_difference=sum(interval) / 2, loss_interval=interval), ACCURACY)
    assert f" But the log loss of new is {direction} (" in text


def test_a_higher_log_loss_of_the_better_run_is_named() -> None:
    text = words.verdict(pair(loss_difference=0.1, loss_interval=(0.09, 0.11)), ACCURACY)
    assert text.endswith(" But the log loss of new is higher (+0.10000, 95 % interval +0.09000 to +0.11000).")


def test_equal_predictions() -> None:
    equal = pair(
        verdict="no difference",
        difference=0.0,
        interval=(0, 0),
        p=1,
        p_corrected=1,
        gained=0,
        lost=0,
        loss_difference=0.0,
        loss_interval=(0, 0),
    )
    assert words.verdict(equal, ACCURACY) == (
        "No difference: new and old give every label the same probability (p = 1)."
    )


def test_another_metric_has_no_errors_and_no_mcnemar() -> None:
    text = words.verdict(
        pair(difference=-0.0285, interval=(-0.031, -0.026), p_corrected=0.0002), METRICS["log_loss"]
    )
    assert text == (
        "new is better than old on 42,000 rows: log loss -0.02850 "
        "(95 % interval -0.03100 to -0.02600; p = 0.0002)."
    )
