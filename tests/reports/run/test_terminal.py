import re
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from kit.metrics import METRICS
from kit.records import Finding, History, Report, ViewsReport
from kit.reports.formatting import duration, p_value, percent
from kit.reports.run.terminal import render
from tests.reports.ensembles import ensemble_report
from tests.reports.pages import combination, example_report

Make = Callable[..., Any]


def rendered(report: Report, width: int = 80, **console: Any) -> str:
    out = StringIO()
    render(report, Console(file=out, width=width, **console))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def test_one_model_with_one_seed(example: Make) -> None:
    assert rendered(example().report()) == (
        "example-1a2b3c4d   1 model, 1 seed, 2 folds\n"
        "\n"
        "Log loss         0.20200\n"
        "Fold mean        90.000 ± 14.142 %\n"
        "Train accuracy   100.000 %, a gap of 10.000 points to the held-out folds\n"
        "Network          1,234 parameters, 0.1 million multiply-adds per image\n"
        "Time             30.0 s (training 21.0 s in 2 members, start-up 4.0 s)\n"
        "\n"
        "Fold  Accuracy %    Label  Predicted  Rows\n"
        "────────────────    ──────────────────────\n"
        "0         80.000    0              1     2\n"
        "1        100.000\n"
        "\n"
        "The expected score does not include the variance of training: other seeds give\n"
        "another score. The expected score is slightly low: the test ensemble averages\n"
        "folds x seeds members per model, the OOF ensemble one member per seed.\n"
        "\n"
        "OOF accuracy     90.000 %, 2 errors in 20 rows\n"
        "95 % interval    69.896 to 97.213 %\n"
        "Expected score   60.600 to 100.000 %, 95 % interval on 5 leaderboard rows\n"
        "Next step        send submission.csv to Kaggle: kit submit example-1a2b3c4d"
    )


def test_models_and_seeds_have_a_table_each(example: Make) -> None:
    text = rendered(example(models=("cnn", "lenet"), seeds=(0, 1)).report())
    assert "2 models, 2 seeds, 2 folds\n" in text
    assert "Ensemble         4 columns by mean" in text
    assert "OOF accuracy     100.000 %, 0 errors in 20 rows" in text
    assert "Seed mean        90.000 ± 0.000 %" in text
    assert (
        "Model    OOF %  Errors      Fold mean %     Gap  Params    MACs    Time\n"
        "───────────────────────────────────────────────────────────────────────\n"
        "cnn    100.000       0  90.000 ± 11.547  10.000   1.2 k  56.8 k  42.0 s\n"
    ) in text
    assert "Seed   OOF %  Errors  Log loss\n" in text
    assert "Train accuracy" not in text


def with_details(report: Report, **changes: Any) -> Report:
    assert report.details is not None
    return report.model_copy(update={"details": report.details.model_copy(update=changes)})


def test_the_first_findings_follow_the_figures(example: Make) -> None:
    kinds = ("sample", "overfit", "seeds", "labels", "calibration")
    findings = tuple(
        Finding(kind=kind, text=f"{kind} text", evidence="`kit data` does it.", anchor="scores")
        for kind in kinds
    )
    text = rendered(with_details(example().report(), findings=findings))
    assert (
        "start-up 4.0 s)\n\n• overfit text\n  kit data does it.\n• seeds text\n  kit data does it.\n"
        "• labels text\n  kit data does it.\n\nFold"
    ) in text
    assert "sample text" not in text
    assert "calibration text" not in text


def test_models_are_sorted_by_score_with_their_verdicts(example: Make) -> None:
    report = example(models=("a", "b"), seeds=(0,)).report()
    assert report.details is not None
    [pair] = report.details.pairs
    worse, better = report.models
    worse = worse.model_copy(update={"score": worse.score.model_copy(update={"value": 0.85})})
    pair = pair.model_copy(
        update={"verdict": "better", "difference": 0.05, "interval": (0.01, 0.09), "p_corrected": 0.012}
    )
    text = rendered(with_details(report.model_copy(update={"models": (worse, better)}), pairs=(pair,)))
    rows = [line.split()[:2] for line in text.splitlines() if line[:2] in {"a ", "b "}]
    assert rows[:2] == [["b", "90.000"], ["a", "85.000"]]
    assert "b is better than a: +5.000 points (95 % interval +1.000 to +9.000), p = 0.012\n" in text


def test_a_p_value_that_underflows_is_not_0(example: Make) -> None:
    report = example(models=("a", "b")).report()
    assert report.details is not None
    [pair] = report.details.pairs
    pair = pair.model_copy(update={"verdict": "better", "p_corrected": 0.0})
    assert "p < 1e-99" in rendered(with_details(report, pairs=(pair,)))


def test_equal_models_do_not_differ(example: Make) -> None:
    text = rendered(example(models=("a", "b")).report())
    assert "b against a: no difference that 20 rows can show: +0.000 points" in " ".join(text.split())


def test_a_wide_terminal_shows_each_model_with_its_interval(example: Make) -> None:
    report = example(models=("cnn", "lenet")).report()
    assert rendered(report, 120).count("69.896 to 97.213") == 3
    assert rendered(report, 80).count("69.896 to 97.213") == 1


def test_it_fits_80_columns_with_long_names(example: Make) -> None:
    report = example(
        models=("lenet-regularized", "a-network-with-a-name-of-38-characters"), seeds=(0, 1)
    ).report(warnings=["a long warning " * 10])
    lines = rendered(report).splitlines()
    assert max(map(len, lines)) <= 80
    assert "…" not in "".join(lines)


def test_a_long_name_of_a_metric_cuts_neither_names_nor_digits(example: Make) -> None:
    report = example(models=("cnn", "lenet")).report()
    kappa = report.model_copy(update={"metric": "quadratic_weighted_kappa"})
    gap = METRICS["quadratic_weighted_kappa"].format(report.models[1].gap)
    rows = [line for line in rendered(kappa, 80).splitlines() if line.startswith("lenet ")]
    assert rows[0].split()[:4] == ["lenet", "0.90000", "2", gap]
    assert "Params" not in rendered(kappa, 80)
    assert max(map(len, rendered(kappa, 80).splitlines())) <= 80


def test_figures_of_the_sample_claim_nothing_about_the_competition(example: Make) -> None:
    text = rendered(example(sample=True).report())
    assert text.endswith(
        "95 % interval    69.896 to 97.213 %\n"
        "Warning          bundled sample of 20 digits: these figures say nothing about\n"
        "                 the competition\n"
        "Next step        get the competition's data: kit data fetch"
    )
    assert "leaderboard" not in text
    assert "expected" not in text.lower()


def test_warnings_precede_the_answer(example: Make) -> None:
    text = rendered(example().report(warnings=["3 rows are [doubled]"]))
    assert "\n\nwarning: 3 rows are [doubled]\n\nOOF accuracy " in text


def test_colours_are_used_only_on_a_terminal(example: Make) -> None:
    report = example().report()
    assert "\x1b" not in rendered(report)
    assert "\x1b" in rendered(report, force_terminal=True)


def test_an_unknown_value_is_a_dash(example: Make) -> None:
    made = example(models=("cnn", "knn"))
    for member, result in made.members.items():
        made.members[member] = replace(result, history=History())
    text = rendered(made.report())
    assert "Time             30.0 s (training 0.0 s in 4 members)" in text
    assert "knn    90.000       2  90.000 ± 14.142    -       -     -  0.0 s" in text


def test_test_time_augmentation_is_shown_off_and_on(example: Make) -> None:
    report = example().report()
    tta = ViewsReport(
        used=True,
        without_views=report.oof.model_copy(update={"log_loss": 0.0171}),
        with_views=report.oof.model_copy(update={"value": 0.99525, "errors": 1200}),
        loss_difference=-0.00064,
        loss_interval=(-0.00101, -0.0003),
        right_only_with=1012,
        right_only_without=6,
        p=0.2379,
    )
    assert (
        "Test-time augmentation   OOF %  Errors  Log loss\n"
        "────────────────────────────────────────────────\n"
        "off                     90.000       2   0.01710\n"
        "on, in the ensemble     99.525   1,200   0.20200\n"
        "Log loss on - off: -0.00064 (95 % interval -0.00101 to -0.00030). Rows correct\n"
        "only with it: 1,012, only without it: 6 (McNemar p = 0.24).\n"
    ) in rendered(report.model_copy(update={"tta": tta}))
    assert "Test-time" not in rendered(report)


def test_notes_are_shown_also_for_the_sample(example: Make) -> None:
    report = example(sample=True).report().model_copy(update={"notes": ("One note.",)})
    assert "\n\nOne note.\n\nOOF accuracy " in rendered(report)


def test_it_names_the_existing_files(example: Make) -> None:
    made = example()
    run = made.write()
    run.oof_path.unlink()
    out = StringIO()
    render(run.read_report(), Console(file=out, width=80), run)
    assert "\nruns/example-1a2b3c4d: submission.csv, report.json\n\n" in out.getvalue()


def test_the_answer_fits_the_last_ten_lines_and_ends_with_the_page(example: Make) -> None:
    made = example(models=("cnn", "lenet"), seeds=(0, 1))
    run = made.write()
    run.page_path.write_text("")
    out = StringIO()
    gain = "No difference between a and b that 42,000 rows can show: 4 fewer errors. " * 2
    render(run.read_report(), Console(file=out, width=80), run, gain=gain)
    lines = [line.split("  ")[0] for line in out.getvalue().splitlines()[-10:]]
    assert [name for name in lines if name] == [
        "OOF accuracy",
        "95 % interval",
        "Expected score",
        "Gain",
        "Next step",
        "Page",
    ]
    assert out.getvalue().endswith("Page             runs/example-1a2b3c4d/report.html\n")


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_no_word_is_divided_at_any_width(example: Make, width: int) -> None:
    report = example(models=("cnn", "a-network-with-a-name-of-38-characters"), seeds=(0, 1)).report()
    shown, unlimited = (set(re.split(r"[\s-]+", rendered(report, own))) for own in (width, 1000))
    assert {word for word in shown - unlimited if set(word) not in ({"─"}, {"\\"})} == set()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (0.04, "0.0 s"),
        (59.94, "59.9 s"),
        (59.96, "1m 00s"),
        (72, "1m 12s"),
        (3599.6, "1h 00m"),
        (7500, "2h 05m"),
    ],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (1.0, "p = 1"),
        (0.0213, "p = 0.021"),
        (3.14e-20, "p = 3.1e-20"),
        (1e-120, "p < 1e-99"),
        (0.0, "p < 1e-99"),
    ],
)
def test_p_values(p: float, text: str) -> None:
    assert p_value(p) == text


@pytest.mark.parametrize(
    ("fraction", "text"),
    [(None, "-"), (float("nan"), "-"), (0.996428, "99.643"), (1.0, "100.000"), (-0.001, "-0.100")],
)
def test_percentages_have_three_decimals(fraction: float | None, text: str) -> None:
    assert percent(fraction) == text


def test_methods_and_columns_are_shown_if_a_method_was_looked_for() -> None:
    given = combination(method="stack", better=["stack"])
    text = rendered(example_report().model_copy(update={"combination": given, "ensemble": "stack"}))
    assert "Ensemble         4 columns by stack (auto): clearly lower log loss than mean\n" in text
    assert "stack, used  98.200      18   0.08000  -0.02000 (-0.03000 to -0.01000)\n" in text
    columns = [line.split() for line in text.splitlines() if line.startswith("cnn-s0 ")]
    assert columns == [["cnn-s0", "worth", "12", "errors", "(7", "to", "17)", "0.250", "30"]]
    assert "Fitted" not in text


def test_a_wide_terminal_shows_fitted_figures_too() -> None:
    assert "Fitted errors  Fitted log loss\n" in rendered(example_report(), 120)


def test_the_default_method_has_one_line_only() -> None:
    given = combination(requested="mean", better=["stack"])
    text = rendered(example_report().model_copy(update={"combination": given}))
    assert "Ensemble         4 columns by mean; stack has a clearly lower log loss\n" in text
    assert "geometric" not in text
    assert "worth" not in text


def test_a_report_of_an_earlier_version_names_its_method() -> None:
    text = rendered(example_report().model_copy(update={"combination": None}))
    assert text.startswith("example-1a2b3c4d   2 models, 2 seeds, 2 folds, ensemble by mean\n")


def test_an_ensemble_of_runs_with_long_names_fits() -> None:
    report = ensemble_report("mean")
    given = combination([(one.model, one.seed) for one in report.columns])
    text = rendered(report.model_copy(update={"combination": given}))
    assert text.startswith("ensemble-1a2b3c4d   6 columns of 3 runs\n")
    # A command is not divided.
    assert max(len(line) for line in text.splitlines() if "kit ensemble" not in line) <= 80
    assert "…" not in text
    # The runs have other folds and other seeds.
    for absent in ("Fold", "Seed", "ensemble by"):
        assert absent not in text
    assert "Time             training 57.0 s in 19 members\n" in text
    assert all(words in text for words in ("worth 12 errors (7 to 17)", "worth nothing", "costs 48 errors"))


def test_of_many_models_and_columns_the_first_are_shown() -> None:
    names = [f"cnn{at}" for at in range(20)]
    text = rendered(example_report(models=names, seeds=[0]))
    assert "and 8 more models on the page\n" in text
    assert "and 8 more columns on the page\n" in text
