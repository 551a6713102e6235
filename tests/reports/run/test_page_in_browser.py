"""The page of a run in headless Chromium."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from kit.plotting import BEST, MODELS, PALETTE, PLAIN, SOFT, WRONG
from kit.records import Report
from kit.reports.run.page import write_page
from tests.reports.conftest import Opened, Scheme
from tests.reports.ensembles import ensemble_report
from tests.reports.pages import LETTERS, example_images, example_report

pytestmark = pytest.mark.slow
Open = Callable[..., Opened]
GALLERY = 150
SCHEMES: tuple[Scheme, ...] = ("light", "dark")


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_page(path, example_report(gallery=GALLERY), example_images(GALLERY))
    return path


def shown(page: Page) -> list[dict[str, Any]]:
    """Return the data of the visible cards of the gallery, in their order."""
    found: list[dict[str, Any]] = page.locator("#rows .card:visible").evaluate_all(
        "cards => cards.map(card => ({...card.dataset}))"
    )
    return found


def control(page: Page, name: str) -> Locator:
    return page.get_by_role("combobox", name=name)


def count(page: Page) -> str:
    return page.locator("#rows [data-count]").inner_text()


ATTACK = '</script><img src=x onerror="attacked=1"><svg onload="attacked=1">\'"{{ 7*7 }}'
FREE_TEXTS = {
    "run",
    "config",
    "source",
    "warnings",
    "notes",
    "text",
    "command",
    "base",
    "key",
    "value",
    "name",
}


def attacking(content: Any, key: str = "") -> Any:
    """Return the JSON of a report with an attack in its free texts."""
    if isinstance(content, dict):
        return {name: attacking(value, name) for name, value in content.items()}
    if isinstance(content, list):
        return [attacking(value, key) for value in content]
    return content + ATTACK if isinstance(content, str) and key in FREE_TEXTS else content


@pytest.mark.parametrize("method", ["", "auto"])
def test_no_text_of_a_report_is_executed(tmp_path: Path, open_page: Open, method: str) -> None:
    labels = [f"{number}{ATTACK}" for number in range(10)]
    plain = ensemble_report(method) if method else example_report(labels=labels, gallery=GALLERY)
    report = Report.model_validate(attacking(plain.model_dump(mode="json")))
    report = report.model_copy(update={"warnings": (ATTACK,), "notes": (ATTACK,)})
    write_page(tmp_path / "report.html", report, example_images(GALLERY))
    opened = open_page(tmp_path / "report.html", 1280, "light")
    assert ATTACK in opened.page.locator("body").inner_text()
    assert opened.page.evaluate("typeof attacked") == "undefined"
    assert opened.page.locator("[onerror], [onload]").count() == 0
    assert opened.requests == []


@pytest.mark.parametrize(
    ("report", "width", "scheme"),
    [
        *((example_report(gallery=GALLERY), width, scheme) for width in (390, 1280) for scheme in SCHEMES),
        (example_report(labels=LETTERS), 390, "dark"),
        (example_report(models=["logistic"], seeds=[0], sample=True), 390, "light"),
        (example_report(details=False), 1280, "dark"),
        (ensemble_report("auto"), 390, "light"),
        (ensemble_report("weighted"), 1280, "dark"),
    ],
)
def test_it_is_accessible_and_fits(
    tmp_path: Path, open_page: Open, report: Report, width: int, scheme: Scheme
) -> None:
    write_page(tmp_path / "report.html", report, example_images(GALLERY))
    opened = open_page(tmp_path / "report.html", width, scheme)
    assert opened.smallest_text() >= 11
    assert opened.cut_texts() == []
    assert opened.violations() == []
    assert not opened.is_wide()
    assert opened.messages == []
    assert opened.requests == []


@pytest.mark.parametrize("scheme", SCHEMES)
def test_text_and_lines_contrast_with_every_background(full: Path, open_page: Open, scheme: Scheme) -> None:
    page = open_page(full, scheme=scheme).page
    variables = [f"--{PALETTE[color][0]}" for color in (PLAIN, BEST, WRONG, SOFT, *MODELS)]
    colors = page.evaluate(
        """names => Object.fromEntries(names.map(name => {
            const probe = document.createElement("i");
            probe.style.color = `var(${name})`;
            document.body.append(probe);
            return [name, getComputedStyle(probe).color.match(/\\d+/g).map(Number)];
        }))""",
        ["--text", "--soft", "--link", "--warn", "--page", "--card", "--track", "--warn-back", *variables],
    )
    card, back = colors["--card"], colors["--page"]
    for text in ("--text", "--soft", "--link"):
        assert min(contrast(colors[text], card), contrast(colors[text], back)) >= 4.5, text
    assert contrast(colors["--text"], colors["--track"]) >= 4.5
    assert contrast(colors["--text"], colors["--warn-back"]) >= 4.5
    assert contrast(colors["--warn"], card) >= 4.5
    # WCAG 1.4.11: graphics.
    assert min(contrast(colors[name], card) for name in variables) >= 3


def contrast(one: list[float], other: list[float]) -> float:
    """Return the contrast ratio of two sRGB colours, 0 to 255 (WCAG 2.1)."""

    def luminance(color: list[float]) -> float:
        parts = [part / 255 for part in color]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted(map(luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


def test_every_image_has_a_text_and_is_drawn(full: Path, open_page: Open) -> None:
    page = open_page(full).page
    images = page.locator("img").evaluate_all("all => all.map(one => [one.alt, one.naturalWidth])")
    assert len(images) == GALLERY + 12
    assert all(alt and width == 28 for alt, width in images)
    plots = page.locator("[role=img]").evaluate_all("all => all.map(one => one.ariaLabel)")
    # Each is drawn twice, for wide and for narrow screens; one drawing is shown.
    assert (len(plots), page.locator("svg").count(), page.locator("svg:visible").count()) == (9, 18, 9)
    assert all(plots)


def test_filters_change_what_is_shown(full: Path, open_page: Open) -> None:
    page = open_page(full).page
    assert count(page) == "24 of 150 rows shown"
    control(page, "True class").select_option("3")
    rows = shown(page)
    assert {row["label"] for row in rows} == {"3"}
    assert count(page) == f"{len(rows)} of 150 rows shown"
    control(page, "Predicted class").select_option("2")
    assert {(row["label"], row["predicted"]) for row in shown(page)} == {("3", "2")}
    page.get_by_label("only suspected labels").check()
    assert {row["suspect"] for row in shown(page)} == {"1"}
    page.get_by_role("button", name="Reset").click()
    assert count(page) == "24 of 150 rows shown"
    page.get_by_label("only errors").check()
    assert {row["error"] for row in shown(page)} == {"1"}
    assert count(page) == "24 of 150 rows shown; 100 match"


@pytest.mark.parametrize("key", ["loss", "disagreement", "suspicion"])
def test_rows_are_sorted(full: Path, open_page: Open, key: str) -> None:
    page = open_page(full).page
    control(page, "Sort by").select_option(key)
    values = [float(row[key]) for row in shown(page)]
    assert values == sorted(values, reverse=True)
    assert values[0] > values[-1]


def test_more_rows_are_shown_24_at_a_time(full: Path, open_page: Open) -> None:
    page = open_page(full).page
    more = page.locator("#rows [data-more]")
    assert more.inner_text() == "Show 24 more"
    first = [row["row"] for row in shown(page)]
    more.click()
    assert count(page) == "48 of 150 rows shown"
    assert [row["row"] for row in shown(page)][:24] == first
    # The keyboard goes on at the first new card.
    assert page.evaluate("document.activeElement.dataset.row") == shown(page)[24]["row"]
    for _ in range(4):
        more.click()
    assert more.inner_text() == "Show 6 more"
    more.click()
    assert count(page) == "150 of 150 rows shown"
    expect(more).to_be_hidden()


def test_a_narrow_page_shows_12_rows_at_a_time(full: Path, open_page: Open) -> None:
    page = open_page(full, 390).page
    assert count(page) == "12 of 150 rows shown"
    page.get_by_role("button", name="Show 12 more").click()
    assert count(page) == "24 of 150 rows shown"


def test_the_keyboard_stops_only_at_boxes_that_scroll(full: Path, open_page: Open) -> None:
    page = open_page(full).page
    matrix = page.get_by_role("region", name="Rows by label and prediction")
    expect(matrix).not_to_have_attribute("tabindex", "0")
    page.set_viewport_size({"width": 300, "height": 900})
    expect(matrix).to_have_attribute("tabindex", "0")


def test_a_cell_of_the_confusion_matrix_filters_the_gallery(full: Path, open_page: Open) -> None:
    page = open_page(full).page
    page.get_by_label("only suspected labels").check()
    page.locator('[data-show="label=0&predicted=1"]').click()
    assert control(page, "True class").input_value() == "0"
    assert control(page, "Predicted class").input_value() == "1"
    assert not page.get_by_label("only suspected labels").is_checked()
    # The example has no such row.
    assert count(page) == "0 of 150 rows shown"
    expect(page.locator("#rows [data-count]")).to_be_focused()
    page.locator('[data-show="label=3&predicted=2"]').click()
    assert {(row["label"], row["predicted"]) for row in shown(page)} == {("3", "2")}


def test_the_suspects_are_one_click_away(full: Path, open_page: Open) -> None:
    page = open_page(full).page
    page.get_by_role("button", name="Show the most suspicious images in the gallery").click()
    rows = shown(page)
    marked = [row["suspect"] for row in rows]
    assert "1" in marked
    assert marked == sorted(marked, reverse=True)
    values = [float(row["suspicion"]) for row in rows]
    assert values == sorted(values, reverse=True)


def test_the_keyboard_filters_sorts_and_toggles(full: Path, open_page: Open) -> None:
    page = open_page(full).page
    control(page, "True class").focus()
    page.keyboard.press("ArrowDown")
    assert {row["label"] for row in shown(page)} == {"0"}
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert {(row["label"], row["suspect"]) for row in shown(page)} == {("0", "1")}
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    assert control(page, "Sort by").input_value() == "disagreement"
    values = [float(row["disagreement"]) for row in shown(page)]
    assert values == sorted(values, reverse=True)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert count(page) == "24 of 150 rows shown"
    page.locator('[data-show="label=3&predicted=2"]').focus()
    page.keyboard.press("Enter")
    assert control(page, "True class").input_value() == "3"


def test_the_matrix_shows_rates_on_demand(full: Path, open_page: Open) -> None:
    page = open_page(full).page
    cell = page.locator('[data-show="label=0&predicted=1"]')
    assert cell.inner_text() == "7"
    page.get_by_label("% of the label's rows").check()
    assert cell.inner_text() == "6.54"
    box, color = cell.locator(".."), "one => getComputedStyle(one).backgroundColor"
    assert box.evaluate(color) == "rgba(213, 94, 0, 0.5)"
    other = page.locator('[data-show="label=3&predicted=2"]').locator("..")
    assert other.evaluate(color) == "rgba(213, 94, 0, 0.15)"
    page.get_by_label("rows", exact=True).check()
    assert other.evaluate(color) == "rgba(213, 94, 0, 0.145)"


def test_26_classes_scroll_inside_their_box_under_fixed_headings(tmp_path: Path, open_page: Open) -> None:
    write_page(tmp_path / "report.html", example_report(labels=LETTERS), example_images())
    page = open_page(tmp_path / "report.html", 390).page
    box = page.get_by_role("region", name="Rows by label and prediction")
    box.evaluate("one => one.scrollTo(300, 300)")
    corner, heading = box.bounding_box(), box.locator("thead th").first.bounding_box()
    assert corner
    assert heading
    assert (heading["x"], heading["y"]) == pytest.approx((corner["x"], corner["y"]), abs=1)


@pytest.mark.parametrize("length", [39, 150])
@pytest.mark.parametrize("width", [390, 1280])
def test_long_names_of_classes_do_not_cover_the_matrix(
    tmp_path: Path, open_page: Open, width: int, length: int
) -> None:
    labels = [f"Tomato_Yellow_Leaf_Curl_Virus_{index:0{length - 30}}" for index in range(10)]
    write_page(tmp_path / "report.html", example_report(labels=labels), example_images())
    opened = open_page(tmp_path / "report.html", width)
    assert opened.violations() == []
    assert not opened.is_wide()
    heading = opened.page.get_by_role("region", name="Rows by label and prediction").locator("tbody th")
    expect(heading.first).to_have_attribute("title", labels[0])
    opened.page.locator('[data-show="label=3&predicted=2"]').click(timeout=2000)
    assert {(row["label"], row["predicted"]) for row in shown(opened.page)} == {("3", "2")}


def test_without_javascript_everything_is_readable(full: Path, open_page: Open) -> None:
    page = open_page(full, javascript=False).page
    assert page.locator("#rows .card:visible").count() == GALLERY
    expect(page.locator("#rows .controls")).to_be_hidden()
    expect(page.get_by_role("button", name="Copy")).to_have_count(0)


def test_the_command_is_copied(full: Path, open_page: Open) -> None:
    page = open_page(full).page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "kit cv -c example --set training.epochs=10"


def test_it_is_printed_in_light_colours_without_controls(full: Path, open_page: Open) -> None:
    page = open_page(full, scheme="dark").page
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    expect(page.locator("#rows .controls")).to_be_hidden()
    expect(page.get_by_role("navigation")).to_be_hidden()


def test_a_printed_page_of_26_classes_fits(tmp_path: Path, open_page: Open) -> None:
    letters = [chr(65 + index) for index in range(26)]
    write_page(tmp_path / "report.html", example_report(labels=letters), example_images())
    # A4 without its margins.
    page = open_page(tmp_path / "report.html", 688).page
    page.emulate_media(media="print")
    boxes = page.locator(".wide:visible").evaluate_all(
        "all => all.map(one => [one.scrollWidth, one.clientWidth])"
    )
    assert boxes
    assert [box for box in boxes if box[0] > box[1]] == []
    for hidden in ("details", "[data-count]", "[data-show]:not(td *)"):
        expect(page.locator(hidden).locator("visible=true")).to_have_count(0)
