import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from kit.plotting import MODELS, PLAIN
from kit.reports.html.svg import draw, is_narrow

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def paint(axes: "Axes") -> None:
    axes.plot([1, 2], [3, 4], "o-", color=MODELS[1], label="$x^2$ <b>")
    axes.fill_between([1, 2], [2, 3], [4, 5], color=PLAIN, alpha=0.2)
    axes.set_xlabel("epoch")
    axes.legend()


def test_colours_are_variables_and_text_is_text_in_the_font_of_the_page() -> None:
    svg = draw("A title", "What it shows.", paint).wide
    ElementTree.fromstring(svg)
    assert set(re.findall(r"var\((--[a-z0-9-]+)\)", svg)) == {
        "--text",
        "--soft",
        "--line",
        "--plain",
        "--model-2",
    }
    assert re.search("#[0-9a-f]{6}", svg) is None
    assert "font-family" not in svg
    assert "DejaVu" not in svg
    assert ">epoch</text>" in svg
    assert ">$x^2$ &lt;b&gt;</text>" in svg


def test_the_size_is_left_to_the_page() -> None:
    plot = draw("A title", "What it shows.", paint, height=2)
    for svg, box in ((plot.wide, "0 0 309.6 144"), (plot.narrow, "0 0 244.8 144")):
        start = svg[: svg.index(">")]
        assert f'viewBox="{box}"' in start
        assert " width=" not in start


def test_a_plot_is_painted_for_each_width() -> None:
    narrow = []
    draw("A title", "", lambda axes: narrow.append(is_narrow(axes.figure)))
    assert narrow == [False, True]


def test_ids_of_two_plots_differ() -> None:
    plots = [draw(title, "", paint) for title in ("CNN", "cnn")]
    ids = [re.findall(r'id="([^"]+)"', svg) for plot in plots for svg in (plot.wide, plot.narrow)]
    assert all(ids)
    assert len(set().union(*ids)) == sum(map(len, ids))


def test_references_lead_to_ids() -> None:
    svg = draw("A title", "", paint).wide
    ids = set(re.findall(r'id="([^"]+)"', svg))
    references = set(re.findall(r'(?:href="|url\()#([^")]+)', svg))
    assert references
    assert references <= ids
