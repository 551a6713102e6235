import pytest

from kit.metrics import HITS, LOSS
from kit.records import Change, ColumnValue
from kit.reports.run import ensemble
from tests.reports.pages import change, combination, example_report, source_run


def value(verdict: str, loss: float, errors: int) -> ColumnValue:
    return ColumnValue.model_validate(
        {"column": "cnn-s0", "weight": 0.5, "change": change(loss, errors), "verdict": verdict}
    )


def test_auto_without_a_better_method_keeps_mean() -> None:
    given = combination()
    assert ensemble.answer(given) == (
        "`auto` compared 7 methods with `mean` and took `mean`. No other method has a clearly lower log loss."
        " The log loss of `mean` minus that of the best column is -0.03000 (95 % interval -0.04000 to "
        "-0.02000), with 6 errors fewer (95 % interval 1 to 11 fewer)."
    )
    assert ensemble.summary(given) == "4 columns by mean (auto): no other has a clearly lower log loss"


def test_auto_gives_the_difference_of_its_method_to_mean() -> None:
    given = combination(method="stack", better=["stack", "weighted"])
    assert ensemble.answer(given).startswith(
        "`auto` compared 7 methods with `mean` and took `stack`. Its log loss is clearly lower than that of "
        "`mean`: -0.02000 (99.3 % interval -0.03500 to -0.00500), with 8 errors fewer (95 % interval 3 to 13 "
        "fewer). The log loss of `stack` minus that of the best column is -0.05000 "
    )
    assert ensemble.summary(given) == "4 columns by stack (auto): clearly lower log loss than mean"


@pytest.mark.parametrize(
    ("better", "several"), [(["stack"], ""), (["stack", "greedy"], ", the lowest of 2 such methods")]
)
def test_a_method_that_is_better_than_the_configured_mean_is_named(better: list[str], several: str) -> None:
    given = combination(requested="mean", better=better)
    assert ensemble.answer(given).startswith(
        f"The ensemble uses `mean`, as requested. `stack` has a clearly lower log loss{several}: -0.02000 "
    )
    assert ensemble.summary(given) == "4 columns by mean; stack has a clearly lower log loss"


@pytest.mark.parametrize(
    ("worse", "verdict"), [(["vote"], "clearly higher than"), ([], "not clearly different from")]
)
def test_a_configured_method_is_compared_with_mean_only(worse: list[str], verdict: str) -> None:
    given = combination(requested="vote", method="vote", better=["stack"], worse=worse)
    assert f"Its log loss is {verdict} that of `mean`: " in ensemble.answer(given)
    assert "stack" not in ensemble.answer(given)
    assert ensemble.summary(given) == "4 columns by vote"


def test_the_best_column_is_not_compared_with_itself() -> None:
    assert "best column" not in ensemble.answer(combination(requested="best", method="best"))


@pytest.mark.parametrize(
    ("verdict", "loss", "errors", "text"),
    [
        ("helps", 0.02, 12, "worth 12 errors (7 to 17)"),
        ("helps", 0.001, 6, "worth 6 errors (1 to 11)"),
        ("helps", 0.02, 5, "lowers the log loss"),
        ("nothing", 0.001, 3, "worth nothing"),
        ("hurts", -0.02, -12, "costs 12 errors (7 to 17)"),
        ("hurts", -0.02, -5, "raises the log loss"),
    ],
)
def test_the_value_of_a_column_in_words(verdict: str, loss: float, errors: int, text: str) -> None:
    assert ensemble.worth(value(verdict, loss, errors)) == text


@pytest.mark.parametrize(
    ("verdict", "errors", "interval", "text"),
    [
        ("helps", 9, (0.2, 17.8), "worth 9 errors (1 to 18)"),
        ("hurts", -9, (-17.8, -0.2), "costs 9 errors (1 to 18)"),
    ],
)
def test_an_interval_that_excludes_0_does_not_end_at_0(
    verdict: str, errors: int, interval: tuple[float, float], text: str
) -> None:
    near = Change(loss=0.0, loss_interval=(-0.01, 0.01), errors=errors, errors_interval=interval)
    given = value(verdict, 0.0, errors).model_copy(update={"change": near})
    assert ensemble.worth(given) == text


@pytest.mark.parametrize(
    ("errors", "text"),
    [
        (-24, "24 errors fewer (95 % interval 19 to 29 fewer)"),
        (1, "1 error more (95 % interval 6 more to 4 fewer)"),
        (0, "as many errors (95 % interval 5 more to 5 fewer)"),
    ],
)
def test_a_difference_of_errors_in_words(errors: int, text: str) -> None:
    assert ensemble.errors_fewer(change(0.0, errors)) == text


def test_the_same_predictions_have_no_interval_of_errors() -> None:
    same = Change(loss=0.0, loss_interval=(0.0, 0.0), errors=0, errors_interval=(0.0, 0.0))
    assert ensemble.errors_fewer(same) == "as many errors"


@pytest.mark.parametrize(
    ("number", "text"), [(3.4, "+3"), (-1234.5, "-1,234"), (0.4, "0"), (-0.4, "0"), (0, "0")]
)
def test_a_number_with_its_sign(number: float, text: str) -> None:
    assert ensemble.signed(number) == text


def test_cross_fitted_and_fitted_figures_are_side_by_side() -> None:
    table = ensemble.methods_table(combination(method="stack", better=["stack"]), HITS)
    rows = [[cell.text for cell in row] for row in table.cells()]
    scores = ["Method", "OOF %", "Errors", "Log loss", "Δ to mean (95 % interval)"]
    assert table.head == [*scores, "Fitted errors", "Fitted log loss"]
    assert rows[0] == ["mean", "97.400", "26", "0.10000", "", "-", "-"]
    stack = ["stack, used", "98.200", "18", "0.08000", "-0.02000 (-0.03000 to -0.01000)", "17", "0.08000"]
    assert rows[6] == stack
    assert table.strong == {6}


def test_log_loss_as_the_metric_is_one_column() -> None:
    assert "Log loss" not in ensemble.methods(combination(), LOSS)


def test_the_gain_over_the_best_column_has_intervals() -> None:
    table = ensemble.gains_table(combination(better=["stack"]))
    rows = {row[0].text: [cell.text for cell in row[1:]] for row in table.cells()}
    assert rows["mean"] == ["-6 (-11 to -1)", "-0.03000 (-0.04000 to -0.02000)"]
    assert rows["stack"] == ["-14 (-19 to -9)", "-0.05000 (-0.06000 to -0.04000)"]
    assert "best" not in rows
    assert table.strong == {0}


def test_the_most_useful_column_is_the_first() -> None:
    report = example_report()
    given = combination()
    swapped = given.model_copy(update={"columns": given.columns[::-1]})
    cells = ensemble.columns(report, swapped, HITS)
    assert cells["Column"] == ["cnn-s0", "cnn-s1", "logistic-s0", "logistic-s1"]
    assert cells["Worth"] == [
        "worth 12 errors (7 to 17)",
        "worth nothing",
        "costs 12 errors (7 to 17)",
        "costs 24 errors (19 to 29)",
    ]
    assert cells["Weight"] == ["0.250"] * 4
    # The score is that of the column alone: 30 errors with seed 0, 31 with seed 1.
    assert cells["Errors"] == ["30", "31", "30", "31"]
    assert cells["Δ errors"][0] == "+12 (+7 to +17)"
    assert cells["Δ log loss"][0] == "+0.01200 (+0.00200 to +0.02200)"


def test_a_run_is_made_of_models_seeds_and_folds_and_an_ensemble_of_columns() -> None:
    assert ensemble.makeup(example_report()) == "2 models, 2 seeds, 2 folds"
    sources = (source_run("a"), source_run("b"))
    combined = example_report().model_copy(update={"sources": sources})
    assert ensemble.makeup(combined) == "4 columns of 2 runs"
