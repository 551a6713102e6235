import re
import subprocess
import sys
from html.parser import HTMLParser
from math import log
from pathlib import Path
from typing import Any

import pytest

from kit.images import Images
from kit.metrics import METRICS
from kit.metrics.classification import EPSILON
from kit.records import Curves, Growth, LabelErrors, Report, Setting
from kit.reports.run import tables
from kit.reports.run.page import PAGE_VERSION, SECTIONS, write_page
from tests.reports.ensembles import LONG, ensemble_report
from tests.reports.pages import LETTERS, combination, example_images, example_report, source_run


class Reader(HTMLParser):
    """Text, start tags and ids of a page; fails on tags that are not closed in order."""

    VOID = ("meta", "link", "img", "input", "br", "path", "use", "rect")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(page)
        assert self._open == []
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] not in ("style", "script"):
            self.text += f" {data}"

    def ids(self) -> list[str]:
        return [str(given["id"]) for _, given in self.tags if "id" in given]


def read(folder: Path, report: Report, images: Images | None = None) -> Reader:
    path = folder / "report.html"
    write_page(path, report, images or Images())
    return Reader(path.read_text(encoding="utf-8"))


def changed(report: Report, **details: Any) -> Report:
    assert report.details
    return report.model_copy(update={"details": report.details.model_copy(update=details)})


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the HTML of the standard page."""
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_page(path, example_report(), example_images())
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(source: str) -> Reader:
    return Reader(source)


def test_the_answer_comes_first(page: Reader) -> None:
    text = page.text
    start = text[: text.index("Accuracy on held-out rows, %")]
    for part in (
        "OOF accuracy 97.400 %",
        "95 % interval 96.400 to 98.400",
        "26 errors in 1,000 rows",
        "Expected leaderboard score 96.130 to 98.710 %",
        "95 % prediction interval on 500 test rows",
        "more seeds: about 6 errors fewer With 2 more seeds, 26 errors are expected to become 20",
        "12 labels look wrong Estimate 12.4, 95 % interval 6 to 20. Suspected label errors",
    ):
        assert part in start


def test_means_of_members_and_seeds_are_named_beside_the_score_of_the_ensemble(page: Reader) -> None:
    tile = page.text[page.text.index("OOF accuracy") : page.text.index("Expected leaderboard score")]
    assert "Single members 97.210 ± 0.220 %" in tile
    assert "Single seeds 97.330 ± 0.100 %" in tile
    assert "Log loss 0.08800 mean over held-out rows Ensemble: " in page.text


def test_commands_in_findings_are_code(tmp_path: Path) -> None:
    report = example_report()
    assert report.details
    finding = report.details.findings[0].model_copy(update={"evidence": "`kit cv --set a=<b>` trains it."})
    write_page(tmp_path / "report.html", changed(report, findings=(finding,)), Images())
    assert "<code>kit cv --set a=&lt;b&gt;</code> trains it." in (tmp_path / "report.html").read_text()


def test_every_section_is_there_and_linked(page: Reader) -> None:
    links = {given["href"] for tag, given in page.tags if tag == "a"}
    assert set(SECTIONS) <= set(page.ids())
    assert {f"#{anchor}" for anchor in SECTIONS} <= links
    assert all(str(link)[1:] in page.ids() for link in links)


def test_ids_are_unique(page: Reader) -> None:
    ids = page.ids()
    assert len(ids) == len(set(ids))


def test_a_sample_has_no_expected_score_and_is_named(tmp_path: Path) -> None:
    text = read(tmp_path, example_report(sample=True)).text
    assert "Bundled sample of 1,000 rows: these figures say nothing about the competition." in text
    assert "Expected leaderboard score none" in text
    assert "96.130" not in text


def test_text_from_the_data_is_escaped(tmp_path: Path) -> None:
    labels = ("<script>alert(1)</script>", 'a" onclick="x', "&amp;", "$x^2$", "e")
    page = read(tmp_path, example_report(labels=labels))
    assert [tag for tag, _ in page.tags].count("script") == 1
    assert not any("onclick" in given for _, given in page.tags)
    for label in labels:
        assert label in page.text


def test_nothing_is_loaded_from_elsewhere(page: Reader, source: str) -> None:
    for tag, given in page.tags:
        for name in ("src", "href", "xlink:href", "srcset", "data", "action"):
            assert (given.get(name) or "#").startswith(("#", "data:")), (tag, given)
    assert "@import" not in source
    assert re.findall(r"url\((?!#)", source) == []


def test_the_head_names_the_version_of_the_page(source: str) -> None:
    assert f'<meta name="generator" content="kit page {PAGE_VERSION}">' in source[:2000]


def test_every_member_is_in_the_table_of_scores(source: str) -> None:
    found = re.findall(r"<t[hd][^>]*>([^<]*)</t[hd]>", source)
    # cnn with seed 0: the column, folds 0 and 1, their mean ± sd.
    start = found.index("cnn, seed 0")
    assert found[start + 1 : start + 5] == ["97.000", "94.000", "93.000", "93.500 ± 0.707"]


def test_the_gap_of_every_model_is_shown(page: Reader) -> None:
    assert "cnn 99.310 97.120 1.710 4 logistic 99.310 97.120 1.710 4" in page.text


def test_an_incomplete_command_is_not_offered_for_copying(tmp_path: Path) -> None:
    report = example_report(models=["cnn"])
    assert report.details
    origin = report.details.provenance.model_copy(update={"command": "kit cv -c example …"})
    page = read(tmp_path, changed(report, provenance=origin))
    assert "it did not record the options" in page.text
    assert not any("data-copy" in given for _, given in page.tags)


def test_a_list_longer_than_the_estimate_says_so(tmp_path: Path, page: Reader) -> None:
    assert "most suspicious rows are listed" not in page.text
    text = read(tmp_path, example_report(models=["cnn"], gallery=100)).text
    assert "The 25 most suspicious rows are listed, more than are expected to be wrong." in text


def test_models_are_ordered_by_score(tmp_path: Path) -> None:
    text = read(tmp_path, example_report(models=["logistic", "cnn"])).text
    table = text[text.index("Models by score") :]
    assert table.index("cnn") < table.index("logistic")
    assert "cnn against logistic better +6.700 +5.000 to +8.400 1e-09 80 13 -0.20000 +58.8 s" in text


def test_the_ensemble_is_compared_with_its_models(page: Reader) -> None:
    assert "ensemble 97.400 96.400 to 98.400 26 0.08800 8 1m 02s" in page.text


def test_a_single_model_is_not_compared(tmp_path: Path) -> None:
    text = read(tmp_path, example_report(models=["cnn"])).text
    assert "Models compared" not in text


def test_models_without_epochs_say_so(page: Reader, tmp_path: Path) -> None:
    assert "No learning curve, because this model has no epochs: logistic." in page.text
    report = example_report()
    bare = tuple(one.model_copy(update={"epochs": Curves()}) for one in report.members)
    text = read(tmp_path, report.model_copy(update={"members": bare})).text
    assert "because these models have no epochs: cnn, logistic. Nearest neighbours and forests" in text


def test_only_models_without_epochs_need_the_remark_on_their_gap(tmp_path: Path) -> None:
    assert "Nearest neighbours" not in read(tmp_path, example_report(models=["cnn"])).text


def test_one_column_has_neither_growth_nor_diversity(tmp_path: Path) -> None:
    text = read(tmp_path, example_report(models=["cnn"], seeds=[0])).text
    assert "a second seed or model would show what more members are worth" in text
    assert "The run has one column: there is nothing to compare." in text


def test_the_confusion_matrix_shows_counts_and_rates(source: str) -> None:
    button = re.search(
        r'<button[^>]*data-show="label=0&amp;predicted=1" title="([^"]*)">(.*?)</button>', source
    )
    assert button
    assert button[1] == "7 rows (6.54 %) with label 0 predicted as 1"
    assert button[2] == '<span class="number">7</span><span class="rate">6.54</span>'
    assert 'data-show="label=0&amp;predicted=2"' not in source


def test_each_unit_of_the_confusion_matrix_has_its_colours(source: str) -> None:
    # 7 of 107 rows and 2 of 102.
    assert '<td style="--heat: 1.00; --rate: 1.00">' in source
    assert '<td style="--heat: 0.29; --rate: 0.30">' in source


def test_correct_predictions_are_no_buttons(source: str) -> None:
    assert (
        '<td class="diagonal"><span class="number">100</span><span class="rate">93.46</span></td>' in source
    )
    assert source.count('data-in="rows" data-show="label=') == 2


def test_a_matrix_of_too_many_classes_is_left_out(tmp_path: Path) -> None:
    report = example_report(models=["cnn"], labels=[f"c{index}" for index in range(61)])
    page = read(tmp_path, changed(report, confusion=()))
    assert "Labels down, predictions across" not in page.text
    assert "Most confused pairs Label Predicted Rows c0 c1 7" in page.text


def test_a_card_gives_row_line_label_prediction_and_agreement(page: Reader) -> None:
    details = example_report().details
    assert details
    hardest = details.gallery[0]
    assert (
        f"row {hardest.row} line {hardest.row + 2} label {hardest.label} , predicted {hardest.predicted} "
        f"loss {hardest.loss:.2f} · {hardest.agree} of 4 agree"
    ) in page.text
    assert "40 of 40 rows shown" in page.text


def test_a_loss_at_the_clip_is_a_lower_limit(tmp_path: Path) -> None:
    report = example_report(models=["cnn"])
    assert report.details
    hardest = report.details.gallery[0].model_copy(update={"probability": 0.0, "loss": -log(EPSILON)})
    text = read(tmp_path, changed(report, gallery=(hardest, *report.details.gallery[1:]))).text
    assert text.count("loss ≥ 15.94") == text.count("≥") == 1


def test_an_incomplete_gallery_gives_its_number_of_errors(tmp_path: Path) -> None:
    report = changed(example_report(models=["cnn"], gallery=30), gallery_complete=False)
    assert "The hardest rows, with 20 of 26 errors. Rows are counted" in read(tmp_path, report).text


def test_a_label_that_is_improbable_has_a_bar_of_its_own(tmp_path: Path) -> None:
    report = example_report(models=["cnn"])
    assert report.details
    hardest = report.details.gallery[0]
    # The five most probable classes follow the predicted one.
    hidden = hardest.model_copy(update={"label": (hardest.predicted + 6) % 10})
    write_page(tmp_path / "report.html", changed(report, gallery=(hidden,)), Images())
    bars = re.search(r'<ol class="bars".*?</ol>', (tmp_path / "report.html").read_text(), re.DOTALL)
    assert bars
    items = re.findall(r"<li.*?</li>", bars[0])
    assert len(items) == 6
    assert 'class="label"' in items[-1]
    assert f"<span>{hidden.probability:.3f}</span>" in items[-1]
    assert not any('class="label"' in item for item in items[:-1])


def test_images_are_shown_with_a_text(page: Reader) -> None:
    images = [given for tag, given in page.tags if tag == "img"]
    assert len(images) == 40 + 12
    assert all(str(one["src"]).startswith("data:image/png;base64,") for one in images)
    assert re.fullmatch(r"Row \d+, label \d, predicted \d", str(images[0]["alt"]))
    assert images[-1]["alt"] == "Test row 11, id 12, predicted 1"


def test_a_metric_without_a_value_has_no_growth_plot(tmp_path: Path) -> None:
    none = Growth(unit="seed", metric="auc", points=(), missing="the metric has no value")
    page = read(tmp_path, changed(example_report(), growth=none))
    assert "No forecast: the metric has no value." in page.text


def test_a_missing_image_says_so(tmp_path: Path) -> None:
    page = read(tmp_path, example_report(), Images())
    assert "img" not in [tag for tag, _ in page.tags]
    assert page.text.count("image not stored") == 40 + 12
    assert "not stored with the run, and no data here has the run's fingerprint." in page.text


def test_wrong_labels_are_an_estimate(page: Reader) -> None:
    estimate = "About 12 of 1,000 labels look wrong (95 % interval 6 to 20). This is an estimate"
    assert estimate in page.text


@pytest.mark.parametrize(
    ("expected", "interval", "text"),
    [
        (
            14.6,
            (0.4, 19.0),
            "Up to 19 of 1,000 labels may be wrong (95 % interval 0 to 19): the predictions confidently "
            "contradict 15 labels, but that may be errors of the models.",
        ),
        (10.2, (0.6, 19.0), "Up to 19 of 1,000 labels may be wrong (95 % interval 0 to 19)"),
        (0.2, (0.0, 3.0), "none of 1,000 labels: at most 3 may be wrong (95 % interval 0 to 3)."),
    ],
)
def test_an_estimate_that_may_be_0_does_not_name_a_number_of_wrong_labels(
    tmp_path: Path, expected: float, interval: tuple[float, float], text: str
) -> None:
    report = example_report(models=["cnn"])
    assert report.details
    errors = report.details.label_errors.model_copy(update={"expected": expected, "interval": interval})
    shown = read(tmp_path, changed(report, label_errors=errors)).text
    assert text in shown
    assert "look wrong (95 %" not in shown


def test_every_plot_has_a_text(page: Reader) -> None:
    plots = [str(given["aria-label"]) for tag, given in page.tags if given.get("role") == "img"]
    assert len(plots) == [tag for tag, _ in page.tags].count("svg") / 2 == 9
    assert (
        "Score against members averaged: The median accuracy is 96.875 % with 1 member and 97.100 % with 4."
        in plots[5]
    )
    assert all(len(text) > 60 for text in plots)


def test_plots_take_the_colours_and_the_font_of_the_page(source: str) -> None:
    for svg in re.findall(r"<svg.*?</svg>", source, re.DOTALL):
        assert re.search(r"var\(--(plain|model-\d)\)", svg)
        assert "font-family" not in svg
        assert set(re.findall(r"#[0-9a-f]{6}\b", svg)) == set()
        assert "<text" in svg


def test_test_shares_outside_their_interval_are_named(page: Reader) -> None:
    assert "is outside the range expected from the OOF predictions for 0." in page.text


def test_the_command_and_the_configuration_are_shown(page: Reader) -> None:
    text = page.text
    assert "kit cv -c example --set training.epochs=10" in text
    assert "This run differs from the configuration default in:" in text
    assert "training.epochs 10 30" in text
    assert "ab12" * 16 in text


def test_a_setting_without_a_value_has_the_default(tmp_path: Path) -> None:
    report = example_report(models=["cnn"])
    assert report.details
    setting = Setting(key="folds.count", value="2", base="")
    origin = report.details.provenance.model_copy(update={"differences": (setting,)})
    assert "folds.count 2 default" in read(tmp_path, changed(report, provenance=origin)).text


def test_times_name_their_zone(page: Reader) -> None:
    assert "Started or resumed 2026-11-28 10:00:00 UTC Finished 2026-11-28 10:01:15 UTC" in page.text


def test_the_two_bands_of_the_growth_are_told_apart(page: Reader) -> None:
    assert "6 fewer errors in 1,000 rows (90 % band: 2 to 10 fewer)." in page.text
    assert "This band compares the two ensembles on the same rows." in page.text


def test_26_classes_with_string_labels_are_shown(tmp_path: Path) -> None:
    page = read(tmp_path, example_report(labels=LETTERS))
    assert page.text.count("letter Z") > 5
    assert ("option", {"value": "25"}) in page.tags


def test_a_report_of_an_earlier_version_names_what_is_absent(tmp_path: Path) -> None:
    page = read(tmp_path, example_report(models=["logistic"], details=False))
    assert (
        "An earlier version of kit wrote this report, without the figures of these sections: "
        "Ensemble, Learning curves, Would more members help?, Suspected label errors, Calibration, "
        "Diversity, Test predictions. They are absent."
    ) in page.text
    assert {"scores", "confusion", "gallery", "run"} == set(SECTIONS) & set(page.ids())
    assert "17 19 0 1 0.0031" in page.text


def test_the_same_report_gives_the_same_page(tmp_path: Path) -> None:
    pages = []
    for name in ("a.html", "b.html"):
        write_page(tmp_path / name, example_report(models=["cnn"]), example_images())
        pages.append((tmp_path / name).read_bytes())
    assert pages[0] == pages[1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.html", "b.html"]


@pytest.mark.parametrize("metric", ["log_loss", "auc", "macro_f1"])
def test_any_metric_is_drawn(tmp_path: Path, metric: str) -> None:
    report = example_report().model_copy(update={"metric": metric})
    page = read(tmp_path, report)
    assert f"OOF {METRICS[metric].title} " in page.text
    assert f"cnn: {METRICS[metric].title}" in page.text


def test_a_perfect_run_has_a_page(tmp_path: Path) -> None:
    report = example_report().model_copy(update={"confusions": ()})
    assert report.details
    perfect = changed(
        report,
        confusion=((500, 0), (0, 500)),
        labels=("a", "b"),
        gallery=(),
        findings=(),
        test=report.details.test.model_copy(
            update={"classes": report.details.test.classes[:2], "uncertain": ()}
        ),
        label_errors=LabelErrors(expected=0.0, interval=(0.0, 3.0), suspects=()),
    )
    text = read(tmp_path, perfect).text
    assert "No row is predicted as another class." in text
    assert "contradict none of 1,000 labels: at most 3 may be wrong" in text


def test_the_module_is_imported_without_numpy() -> None:
    code = (
        "import sys, kit.reports.run.page\n"
        "print([name for name in ('numpy', 'matplotlib', 'jinja2', 'PIL') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_training_time_is_explained_as_a_sum(tmp_path: Path, page: Reader) -> None:
    assert "it can exceed the time of the run" in page.text
    one = example_report(models=["cnn"], seeds=[0])
    single = one.model_copy(update={"members": one.members[:1]})
    assert "it can exceed the time of the run" not in read(tmp_path, single).text


def test_more_than_12_uncertain_test_rows_fold_away(tmp_path: Path, page: Reader) -> None:
    assert re.search(r"\d+ more (id|image)", page.text) is None
    report = example_report(models=["cnn"])
    assert report.details
    rows = report.details.test.uncertain
    test = report.details.test.model_copy(update={"uncertain": (*rows, *rows[:3])})
    assert "3 more image not stored id 1 row 0" in read(tmp_path, changed(report, test=test)).text


def test_the_ensemble_gives_its_method_and_the_value_of_columns(page: Reader) -> None:
    text = page.text
    assert "Ensemble: 4 columns by mean (auto): no other has a clearly lower log loss." in text
    assert "auto compared 7 methods with mean and took mean ." in text
    assert "mean, used 97.400 26 0.10000 - - geometric" in text
    assert "The fitted errors and log loss are of the rows that the weights were fitted on" in text
    assert "the 99.3 % interval of the difference to mean excludes 0, which is 95 % for all 7 comp" in text
    assert "All columns have the same weight." in text
    assert "cnn-s0 worth 12 errors (7 to 17) 0.250" in text
    assert "trained on the same folds" not in text


def test_weights_of_stack_are_drawn_and_explained(tmp_path: Path) -> None:
    text = read(tmp_path, ensemble_report("stack")).text
    assert "The weights of stack multiply log-probabilities" in text
    assert "Weights of the columns" in text


def test_one_column_has_no_section_on_the_ensemble(tmp_path: Path) -> None:
    page = read(tmp_path, example_report(models=["cnn"], seeds=[0]))
    assert "ensemble" not in page.ids()
    assert "An earlier version" not in page.text


def test_a_report_without_methods_names_the_absent_section(tmp_path: Path) -> None:
    page = read(tmp_path, example_report().model_copy(update={"combination": None}))
    assert "without the figures of these sections: Ensemble. They are absent." in page.text
    assert "ensemble" not in page.ids()


def test_parts_that_are_averaged_say_so_if_the_ensemble_is_not(tmp_path: Path, page: Reader) -> None:
    given = combination(requested="stack", method="stack")
    report = example_report().model_copy(update={"combination": given, "ensemble": "stack"})
    text = read(tmp_path, report).text
    assert "are averaged by mean , not combined by stack" in text
    assert "The columns of one model or seed are averaged by mean , because the weights of stack" in text
    assert "averaged by" not in page.text


def test_an_ensemble_of_runs_has_neither_folds_nor_seeds(tmp_path: Path) -> None:
    page = read(tmp_path, ensemble_report())
    assert "6 columns of 3 runs, 19 members, 400 training rows" in page.text
    for absent in ("mean of members", "Fold 0", "Single members", "Single seeds", "stronger colour, "):
        assert absent not in page.text
    assert f"{LONG}, seed 7 92.000" in page.text
    assert "digits/cnn, 2 seeds 93.250" in page.text
    assert "The columns were not all trained on the same folds" in page.text
    assert f"Run {LONG}, 4 members, hash" in page.text
    assert "digits/cnn: accuracy" in page.text


def test_the_time_of_an_ensemble_is_that_of_its_runs(tmp_path: Path, page: Reader) -> None:
    sources = (source_run("a"), source_run("b"))
    text = read(tmp_path, example_report().model_copy(update={"sources": sources})).text
    assert "The runs took 1m 15s; training took" in text
    assert "The run took 1m 15s; training took" in page.text


def test_of_many_models_the_best_have_learning_curves(tmp_path: Path) -> None:
    report = example_report(models=[f"cnn{at}" for at in range(15)], seeds=[0])
    text = read(tmp_path, report).text
    assert "Learning curves are drawn for the 12 models with the best scores." in text
    assert "cnn11: log loss" in text
    assert "cnn12: log loss" not in text


def test_suspected_images_are_named(tmp_path: Path) -> None:
    report = example_report()
    assert report.details
    gallery = [one.model_copy(update={"name": f"img_{one.row}.png"}) for one in report.details.gallery]
    first = report.details.label_errors.suspects[0].row
    table = tables.suspects(report.details.model_copy(update={"gallery": tuple(gallery)}))
    assert table.head[:2] == ("Row", "Name")
    assert table.rows[0][:2] == (str(first), f"img_{first}.png")
    assert tables.suspects(report.details).rows[0][:2] == (str(first), str(first + 2))
    assert "without the header" not in read(tmp_path, changed(report, gallery=tuple(gallery))).text
