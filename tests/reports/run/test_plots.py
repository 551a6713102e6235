import re

from kit.metrics import HITS
from kit.plotting import CHOSEN, PLAIN, Mark, marks
from kit.records import Details
from kit.reports.run.plots import classes, growth, models, reliability
from tests.reports.pages import DIGITS, example_report


def details() -> Details:
    found = example_report().details
    assert found
    return found


def test_the_two_plots_of_reliability_have_their_own_texts() -> None:
    diagram, gaps = reliability(details().reliability)
    assert diagram.text == (
        "Confidence is outside the 95 % interval of the accuracy in 0 of 5 groups of rows."
    )
    assert gaps.text == (
        "The largest difference is -1.000 points, in group 1 of 5, with confidence 71.000 % and accuracy "
        "70.000 %."
    )


def test_groups_are_numbered_once() -> None:
    labels = re.findall(r">(\d+)</text>", reliability(details().reliability)[1].wide)
    assert labels[:5] == ["1", "2", "3", "4", "5"]


def test_classes_outside_their_range_are_named_up_to_five() -> None:
    given = details().test
    shares = [one.model_copy(update={"test_share": 0.5}) for one in given.classes]
    text = classes(given.model_copy(update={"classes": tuple(shares)}), DIGITS).text
    assert text == (
        "The share of test predictions is outside the range expected from the OOF predictions for "
        "0, 1, 2, 3, 4 and 5 more."
    )


def test_a_forecast_has_bars_and_no_cone() -> None:
    given = details().growth
    assert given
    with_forecast = growth(given, HITS).wide
    without = growth(given.model_copy(update={"forecast": ()}), HITS).wide
    # Only the quantiles of the subsets are an area.
    assert with_forecast.count("opacity: 0.2") == without.count("opacity: 0.2") == 1
    assert "opacity: 0.15" not in with_forecast


def test_models_are_drawn_from_the_best_below_the_ensemble() -> None:
    names = ["cnn", "logistic"]
    own = marks(names) | {"ensemble": Mark(PLAIN, CHOSEN)}
    plot = models(example_report(), names, HITS, own)
    assert plot.text == "ensemble 97.400 %; cnn 97.200 %; logistic 90.500 %."
    assert re.findall(r">([a-z]+)</text>", plot.wide) == ["ensemble", *names]
    assert {"plain", "model-1", "model-2"} <= set(re.findall(r"var\(--([a-z0-9-]+)\)", plot.wide))
