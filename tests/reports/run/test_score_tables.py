import pytest

from kit.metrics import HITS
from kit.plotting import CHOSEN, PLAIN, Mark, marks
from kit.reports.html.text import fewer
from kit.reports.run.score_tables import growth, members, models
from tests.reports.pages import example_report

REPORT = example_report()
MARKS = marks([one.model for one in REPORT.models]) | {"ensemble": Mark(PLAIN, CHOSEN)}


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (-2.6, 12.6, "3 more to 13 fewer"),
        (2.0, 10.4, "2 to 10 fewer"),
        (-9.0, -2.0, "2 to 9 more"),
        (-0.3, 3.0, "0 to 3 fewer"),
        (-1471.2, 20.0, "1,471 more to 20 fewer"),
    ],
)
def test_a_range_of_saved_errors_in_words(low: float, high: float, text: str) -> None:
    assert fewer(low, high) == text


def test_one_subset_has_no_quantiles() -> None:
    assert REPORT.details
    assert REPORT.details.growth
    points = tuple(one.model_copy(update={"subsets": 1}) for one in REPORT.details.growth.points)
    table = growth(REPORT.details.growth.model_copy(update={"points": points, "forecast": ()}), HITS)
    assert {row[2].text for row in table.cells()} == {"-"}


def test_columns_that_are_empty_for_every_member_are_left_out() -> None:
    every = ("Member", "Held-out %", "Train %", "Gap", "Time")
    assert tuple(members(REPORT, HITS).head) == (*every, "Parameters", "Multiply-adds")
    bare = tuple(
        one.model_copy(update={"parameters": None, "multiply_adds": None, "retried": True})
        for one in REPORT.members
    )
    assert tuple(members(REPORT.model_copy(update={"members": bare}), HITS).head) == (*every, "Retried")


def test_the_table_says_how_a_member_was_retried() -> None:
    first, *others = REPORT.members
    each = (first.model_copy(update={"diverged": True}), *others)
    table = members(REPORT.model_copy(update={"members": each}), HITS)
    retried = [row[list(table.head).index("Retried")] for row in table.rows]
    assert retried == ["yes, it diverged", *["no"] * len(others)]


def test_models_without_parameters_have_no_such_column() -> None:
    bare = [one.model_copy(update={"parameters": None}) for one in REPORT.models]
    table = models(bare, REPORT, HITS, MARKS)
    assert "Parameters" not in table.head
    assert {len(row) for row in table.rows} == {len(table.head)}


def test_the_ensemble_is_the_last_row_with_all_members_and_their_time() -> None:
    row = [cell.text for cell in models(REPORT.models, REPORT, HITS, MARKS).cells()[-1]]
    assert row == ["ensemble", "97.400", "96.400 to 98.400", "26", "0.08800", "", "", "8", "", "1m 02s"]


def test_each_model_has_the_colour_that_it_has_in_plots() -> None:
    colors = [row[0].color for row in models(REPORT.models, REPORT, HITS, MARKS).cells()]
    assert colors == ["model-1", "model-2", "plain"]
