import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from kit.reports.html.svg import SERIES, draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def paint(axes: "Axes") -> None:
    axes.plot([1, 2], [3, 4], "o-", color=SERIES[1], label="$x^2$ <b>")
    axes.fill_between([1, 2], [2, 3], [4, 5], color=SERIES[0], alpha=0.2)
    axes.set_xlabel("epoch")
    axes.legend()


def test_colours_are_variables_and_text_is_text_in_the_font_of_the_page() -> None:
    svg = draw("A title", "What it shows.", paint).svg
    ElementTree.fromstring(svg)
    assert set(re.findall(r"var\((--[a-z0-9-]+)\)", svg)) == {
        "--text",
        "--soft",
        "--line",
        "--series-1",
        "--series-2",
    }
    assert re.search("#[0-9a-f]{6}", svg) is None
    assert "font-family" not in svg
    assert "DejaVu" not in svg
    assert ">epoch</text>" in svg
    assert ">$x^2$ &lt;b&gt;</text>" in svg


def test_the_size_is_left_to_the_page() -> None:
    svg = draw("A title", "What it shows.", paint, size=(4, 2)).svg
    start = svg[: svg.index(">")]
    assert 'viewBox="0 0 288 144"' in start
    assert " width=" not in start


def test_ids_of_two_plots_differ() -> None:
    ids = [set(re.findall(r'id="([^"]+)"', draw(title, "", paint).svg)) for title in ("CNN", "cnn")]
    assert ids[0]
    assert not ids[0] & ids[1]


def test_references_lead_to_ids() -> None:
    svg = draw("A title", "", paint).svg
    ids = set(re.findall(r'id="([^"]+)"', svg))
    references = set(re.findall(r'(?:href="|url\()#([^")]+)', svg))
    assert references
    assert references <= ids
