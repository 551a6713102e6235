import pytest

from kit.metrics import METRICS, Metric
from kit.plotting import marks
from kit.records import Score
from kit.reports.html.scores import TimedScore, pairs_table, time_plot
from tests.reports.pages import example_report

ACCURACY, LOSS, AUC = METRICS["accuracy"], METRICS["log_loss"], METRICS["auc"]


def scored(value: float | None) -> Score:
    known = value or 0.0
    return Score(value=value, interval=(known - 0.01, known), errors=1, rows=9, accuracy=0.9, log_loss=0.1)


def test_the_text_of_the_plot_names_the_best_and_the_quickest() -> None:
    timed = [TimedScore("slow", scored(0.99), 120.0), TimedScore("fast", scored(0.92), 2.0)]
    plot = time_plot(timed, ACCURACY, marks(["slow", "fast"]))
    assert plot.text == (
        "slow has the best score, 99.000 %, in 2m 00s; fast is the quickest, 92.000 % in 2.0 s."
    )
    assert all(f">{label}</text>" in plot.wide for label in ("slow", "fast", "2 s", "1m", "95", "98"))


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


@pytest.mark.parametrize(("p", "text"), [(0.0213, "0.021"), (1.0, "1"), (3e-20, "3e-20"), (0.0, "< 1e-99")])
def test_p_values_are_short_and_never_0(p: float, text: str) -> None:
    details = example_report().details
    assert details
    [pair] = details.pairs
    table = pairs_table([pair.model_copy(update={"p_corrected": p})], ACCURACY)
    assert table.cells()[0][table.head.index("p")].text == text


@pytest.mark.parametrize(("metric", "heading"), [(ACCURACY, "Δ accuracy, points"), (AUC, "Δ AUC")])
def test_the_difference_of_pairs_has_a_unit(metric: Metric, heading: str) -> None:
    assert pairs_table([], metric).head[2] == heading


def test_full_hours_have_no_minutes() -> None:
    timed = [TimedScore("a", scored(0.99), 3600.0), TimedScore("b", scored(0.98), 36000.0)]
    svg = time_plot(timed, ACCURACY, marks(["a", "b"])).wide
    assert ">1h</text>" in svg
    assert "1h 00m" not in svg
