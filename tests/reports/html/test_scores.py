import math

import pytest

from kit.metrics import METRICS, Metric
from kit.records import Score
from kit.reports.html.scores import ScoreAxis, TimedScore, by_score, pairs_table, time_plot
from tests.reports.pages import example_report

ACCURACY, LOSS, AUC = METRICS["accuracy"], METRICS["log_loss"], METRICS["auc"]


def scored(value: float | None) -> Score:
    known = value or 0.0
    return Score(value=value, interval=(known - 0.01, known), errors=1, rows=9, accuracy=0.9, log_loss=0.1)


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


@pytest.mark.parametrize(("metric", "names"), [(ACCURACY, "bac"), (LOSS, "cab")])
def test_the_best_comes_first_and_a_missing_score_last(metric: Metric, names: str) -> None:
    values = {"a": 0.5, "b": 0.9, "c": 0.1} if metric is not LOSS else {"a": 0.5, "b": None, "c": 0.1}
    timed = [TimedScore(name, scored(value), 1.0) for name, value in values.items()]
    assert "".join(one.name for one in by_score(timed, metric)) == names


def test_the_text_of_the_plot_names_the_best_and_the_quickest() -> None:
    timed = [TimedScore("slow", scored(0.99), 120.0), TimedScore("fast", scored(0.92), 2.0)]
    plot = time_plot(timed, ACCURACY)
    assert plot.text == (
        "slow has the best score, 99.000 %, in 2m 00s; fast is the quickest, 92.000 % in 2.0 s."
    )
    assert all(f">{label}</text>" in plot.svg for label in ("slow", "fast", "2 s", "1m", "95", "98"))


def test_each_pair_has_its_verdict() -> None:
    details = example_report().details
    assert details
    table = pairs_table(details.pairs, ACCURACY)
    assert [cell.text for cell in table.cells()[0]] == [
        "cnn against logistic",
        "better",
        "+6.700",
        "+5.000 to +8.400",
        "1e-09",
        "80",
        "13",
        "-0.20000",
        "+58.8 s",
    ]
