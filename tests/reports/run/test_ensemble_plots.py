import re

from kit.plotting import marks
from kit.reports.run import ensemble_plots
from tests.reports.pages import combination


def texts(svg: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def weighted(*weights: float) -> list[str]:
    columns = [("cnn", seed) for seed in range(len(weights))]
    given = combination(columns, method="stack")
    changed = [
        one.model_copy(update={"weight": weight}) for one, weight in zip(given.columns, weights, strict=True)
    ]
    plot = ensemble_plots.weights(given.model_copy(update={"columns": tuple(changed)}), marks(["cnn"]))
    return [*texts(plot.wide), plot.note, plot.text] if plot else []


def test_the_used_method_is_marked() -> None:
    plot = ensemble_plots.methods(combination(method="stack", better=["stack"]))
    names = [text for text in texts(plot.wide) if text.isascii() and text[:1].isalpha()]
    assert names == [
        "log loss minus that of mean",
        "mean", "geometric", "rank", "vote", "weighted", "greedy", "stack (used)", "best",
    ]  # fmt: skip
    assert "var(--best)" in plot.wide
    assert plot.text == (
        "stack has the lowest log loss, 0.08000. "
        "The ensemble uses stack, with a difference of -0.02000 to mean."
    )


def test_equal_weights_are_not_drawn() -> None:
    assert weighted(0.25, 0.25, 0.25, 0.25) == []


def test_weights_go_down_from_the_largest_to_the_most_negative() -> None:
    found = weighted(0.3, -0.4, 1.2)
    assert [text for text in found if text.startswith("cnn-s") and "has" not in text] == [
        "cnn-s2", "cnn-s0", "cnn-s1",
    ]  # fmt: skip
    assert found[-2:] == [
        "", "cnn-s2 has the largest weight, 1.200; cnn-s1 has the smallest, -0.400.",
    ]  # fmt: skip


def test_of_many_weights_the_largest_are_drawn_and_none_of_0() -> None:
    many = weighted(*(0.01 * at for at in range(1, 41)))
    assert len([text for text in many if text.startswith("cnn-s") and "has" not in text]) == 25
    assert "25 of 40 weights; the others are smaller." in many
    assert "2 of 3 weights; the others are smaller." in weighted(0.6, 0.4, 0.0)
