import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from html import unescape
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from kit.metrics import METRICS
from kit.pipeline.compare import compare
from kit.records import RunComparison
from kit.reports.compare.page import MOST_CARDS, write_page
from tests.comparisons import planted, probabilities

pytestmark = pytest.mark.usefixtures("workdir")
LABELS = np.arange(1000) % 10
LETTERS = tuple("abcdefghijklmnopqrstuvwxyz")
TWO = {"plain": range(100), "regularized": range(80, 120)}
Open = Callable[..., Any]


def compared(wrong: Mapping[str, range] = TWO, **info: Any) -> RunComparison:
    return compare([planted(name, LABELS, probabilities(LABELS, own), **info) for name, own in wrong.items()])


def images(comparison: RunComparison) -> dict[int, NDArray[np.uint8]]:
    return {one.row: np.full((8, 8, 1), one.label * 9, np.uint8) for one in comparison.changed}


def written(
    comparison: RunComparison, folder: Path, shown: Mapping[int, NDArray[np.uint8]] | None = None
) -> Path:
    path = folder / "page.html"
    write_page(path, comparison, images(comparison) if shown is None else shown)
    return path


def cards(page: str) -> list[str]:
    return re.findall(r'<li class="card".*?</li>', page, re.DOTALL)


def text_of(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def test_it_begins_with_the_verdict(tmp_path: Path) -> None:
    page = written(compared(), tmp_path).read_text()
    text = text_of(page.partition("<h1>")[2])
    assert text.startswith(
        "regularized against plain regularized is better than plain on 1,000 rows: 60 fewer errors (accuracy"
    )


def test_a_card_has_image_row_label_and_what_each_run_predicts(tmp_path: Path) -> None:
    comparison = compared()
    page = written(comparison, tmp_path).read_text()
    card = next(one for one in cards(page) if "Row 13," in one)
    assert text_of(card) == ("label 3 row 13 ✗ plain: 4 0.900 (3: 0.011) ✓ regularized: 3 0.900")
    source = re.search(r'src="data:image/png;base64,([^"]+)" alt="Row 13, label 3"', card)
    assert source
    assert np.asarray(Image.open(BytesIO(b64decode(source[1])))).tolist() == [[27] * 8] * 8


def test_every_changed_row_has_a_card(tmp_path: Path) -> None:
    comparison = compared()
    page = written(comparison, tmp_path).read_text()
    assert len(cards(page)) == len(comparison.changed) == 100
    assert "image not stored" not in page
    assert "100 rows are predicted correctly by some of the runs, but not by all." in text_of(page)


def test_the_gallery_is_limited(tmp_path: Path) -> None:
    comparison = compared({"a": range(700), "b": range(10)})
    page = written(comparison, tmp_path).read_text()
    assert len(cards(page)) == MOST_CARDS
    assert "690 rows are predicted correctly by some of the runs, but not by all; the 400" in text_of(page)


def test_missing_images_are_named(tmp_path: Path) -> None:
    comparison = compared()
    page = written(comparison, tmp_path, {}).read_text()
    assert page.count("image not stored") == 100
    assert "100 images are not stored with the runs, and no data here has the fingerprint" in text_of(page)


def test_runs_without_a_changed_row(tmp_path: Path) -> None:
    page = written(compared({"a": range(10), "b": range(10)}), tmp_path).read_text()
    assert "No row: both runs are right on the same rows." in text_of(page)
    assert cards(page) == []


def test_the_sample_is_named(tmp_path: Path) -> None:
    page = written(compared(sample=True), tmp_path).read_text()
    assert "Bundled sample: these figures say nothing about the competition." in text_of(page)


def test_three_runs_have_every_pair(tmp_path: Path) -> None:
    page = written(compared({"a": range(100), "b": range(10), "c": range(50)}), tmp_path).read_text()
    rows = [text_of(row) for row in re.findall(r"<tr.*?</tr>", page, re.DOTALL)]
    pairs = [row for row in rows if " against " in row]
    assert [row.split()[:4] for row in pairs] == [
        ["b", "against", "c", "better"],
        ["b", "against", "a", "better"],
        ["c", "against", "a", "better"],
    ]
    assert "corrected for 3 comparisons (Holm)" in text_of(page)


@pytest.mark.parametrize("metric", ["log_loss", "auc", "quadratic_weighted_kappa"])
def test_another_metric(tmp_path: Path, metric: str) -> None:
    comparison = compared(metric=metric)
    text = text_of(written(comparison, tmp_path).read_text())
    title = METRICS[metric].title
    assert f"regularized is better than plain on 1,000 rows: {title} " in text
    assert f"difference in {title}" in text
    assert "McNemar" not in text


def test_runs_without_a_training_time(tmp_path: Path) -> None:
    page = written(compared(seconds=0.0), tmp_path).read_text()
    assert "Difference from plain" in page
    assert "Score against training time" not in page


def test_training_times_between_round_ones(tmp_path: Path) -> None:
    page = written(compared(seconds=3.2), tmp_path).read_text()
    assert "Score against training time" in page


def test_names_are_escaped(tmp_path: Path) -> None:
    labels = np.arange(520) % 26
    names = ("<b>", *LETTERS[1:])
    runs = [
        planted(name, labels, probabilities(labels, wrong, 26), names=names)
        for name, wrong in (("a", range(60)), ("b", range(10)))
    ]
    page = written(compare(runs), tmp_path).read_text()
    assert "<b>" not in page
    assert "&lt;b&gt;" in page


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("runs", [2, 3])
def test_a_browser_shows_an_accessible_page(
    tmp_path: Path, open_page: Open, runs: int, width: int, scheme: Literal["light", "dark"]
) -> None:
    wrong = TWO | ({"a-third-run-with-a-long-name-1a2b3c4d": range(90, 130)} if runs == 3 else {})
    opened = open_page(written(compared(wrong), tmp_path), width, scheme)
    assert opened.smallest_text() >= 11
    assert opened.cut_texts() == []
    assert (opened.messages, opened.requests, opened.violations()) == ([], [], [])
    assert not opened.is_wide()


@pytest.mark.slow
def test_the_pairs_of_four_runs_with_long_names_fit_on_a_laptop(tmp_path: Path, open_page: Open) -> None:
    names = [f"network-of-{size:03}-units" for size in range(4)]
    wrong = {name: range(100 + 90 * index) for index, name in enumerate(names)}
    page = open_page(written(compared(wrong), tmp_path)).page
    box = page.get_by_role("region", name="Pairs on the same rows")
    assert box.evaluate("one => one.scrollWidth <= one.clientWidth")


@pytest.mark.slow
def test_filters_and_sorting_work_by_keyboard(tmp_path: Path, open_page: Open) -> None:
    page = open_page(written(compared(), tmp_path)).page
    count = page.locator("[data-count]")
    assert count.inner_text() == "24 of 100 rows shown"
    plain = page.locator("[data-filter=run0]")
    plain.focus()
    plain.press("ArrowDown")
    assert count.inner_text() == "20 of 100 rows shown"
    plain.press("ArrowDown")
    assert count.inner_text() == "24 of 100 rows shown; 80 match"
    page.locator("[data-filter=run1]").select_option("wrong")
    assert count.inner_text() == "0 of 100 rows shown"
    page.locator("[data-filter=run1]").select_option("right")
    label = page.locator("[data-filter=label]")
    label.focus()
    label.press("3")
    assert count.inner_text() == "8 of 100 rows shown"
    assert all("label 3" in text for text in page.locator(".card:visible").all_inner_texts())
    page.locator("[data-reset]").press("Enter")
    assert count.inner_text() == "24 of 100 rows shown"
