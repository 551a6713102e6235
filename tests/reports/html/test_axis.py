import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pytest

from kit.metrics import METRICS, Metric
from kit.reports.html.axis import ScoreAxis
from kit.reports.html.svg import draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ACCURACY, LOSS, AUC = METRICS["accuracy"], METRICS["log_loss"], METRICS["auc"]


def ticks(metric: Metric, values: Sequence[float]) -> list[str]:
    """Return the labels of the ticks of a vertical axis, from the bottom."""
    axis = ScoreAxis(metric, values)

    def paint(axes: "Axes") -> None:
        axes.plot(range(len(values)), axis.places(values))
        axes.set_xticks([])
        axis.apply(axes, title="title")

    svg = draw("A title", "What it shows.", paint).wide
    return re.findall(r">([\d.]+)</text>", svg)


def test_accuracies_that_differ_much_are_placed_by_their_errors_on_a_logarithmic_axis() -> None:
    axis = ScoreAxis(ACCURACY, [0.92, 0.995])
    assert axis.title == "accuracy, % (log of errors)"
    assert axis.places([0.92, 0.995]) == pytest.approx([8, 0.5])


def test_accuracies_that_differ_little_have_a_linear_axis() -> None:
    assert ScoreAxis(ACCURACY, [0.994, 0.995]).title == "accuracy, %"


def test_a_perfect_score_has_a_place_on_a_logarithmic_axis() -> None:
    assert ScoreAxis(ACCURACY, [0.92, 0.995, 1.0]).place(1.0) == pytest.approx(0.25)


def test_a_missing_score_has_no_place() -> None:
    assert math.isnan(ScoreAxis(LOSS, [0.1, None]).place(None))


def test_metrics_without_percent_are_placed_at_their_value() -> None:
    assert ScoreAxis(AUC, [0.5, 0.99]).places([0.5, 0.99]) == [0.5, 0.99]


def test_a_wide_range_has_a_tick_per_decade_and_one_for_100_percent() -> None:
    assert sorted(ticks(ACCURACY, [0.8, 0.97, 0.9991, 0.9999999, 1.0])) == [
        "100",
        "90",
        "99",
        "99.9",
        "99.99",
    ]


def test_a_narrow_logarithmic_range_has_more_ticks_than_one_per_decade() -> None:
    assert sorted(ticks(ACCURACY, [0.9, 0.95, 0.981])) == ["90", "95", "98"]


def test_three_decades_have_more_ticks_than_one_per_decade() -> None:
    assert sorted(ticks(ACCURACY, [0.9, 0.999])) == ["90", "95", "99", "99.5", "99.9"]
    assert sorted(ticks(ACCURACY, [0.45, 0.9985])) == ["50", "90", "95", "99", "99.5"]


@pytest.mark.parametrize(
    ("metric", "value", "text"), [(ACCURACY, 0.926667, "92.667"), (ACCURACY, 1.0, "100"), (LOSS, 0.5, "0.5")]
)
def test_a_constant_has_one_tick(metric: Metric, value: float, text: str) -> None:
    assert ticks(metric, [value, value + 1e-15]) == [text]


def test_100_percent_is_no_tick_where_no_score_is() -> None:
    assert "100" not in ticks(ACCURACY, [0.8, 0.97, 0.9991])


def test_ticks_of_a_linear_axis_have_equal_decimals() -> None:
    assert sorted(ticks(ACCURACY, [0.9963, 0.9973])) == ["99.625", "99.650", "99.675", "99.700", "99.725"]


def test_a_small_loss_has_no_exponent() -> None:
    found = ticks(LOSS, [2.3, 0.00004])
    assert "0.0001" in found
    assert len(found) <= 5


def test_almost_100_percent_is_placed_at_100_percent_if_others_are_far_below() -> None:
    axis = ScoreAxis(ACCURACY, [0.9, 0.99999999])
    assert axis.place(0.99999999) == axis.place(1.0) == pytest.approx(0.001)
