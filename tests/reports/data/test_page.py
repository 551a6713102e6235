import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kit.data.dataset import Dataset
from kit.reports.data.page import LEAST_PER_CLASS, PER_CLASS, per_class, write_page
from tests import tasks

Open = Callable[..., Any]


def dataset(classes: int = 3, rows: int = 60, size: int = 28, channels: int = 3, **changes: Any) -> Dataset:
    """Return smooth images: row r has class r modulo classes."""
    random = np.random.default_rng(0)
    blocks = random.integers(0, 256, (rows + 30, -(-size // 8), -(-size // 8), channels), np.uint8)
    images = blocks.repeat(8, axis=1).repeat(8, axis=2)[:, :size, :size]
    fields: dict[str, Any] = {
        "train_images": images[:rows],
        "train_labels": (np.arange(rows) % classes).astype(np.uint8),
        "test_images": images[rows:],
        "task": tasks.make(
            labels=[f"kind <{number}>" for number in range(classes)], image_shape=[size, size, channels]
        ),
        "fingerprint": "ab" * 32,
        "sample": False,
        "source": "data/",
        "warnings": (),
        "folder": Path(),
    }
    return Dataset(**{**fields, **changes})


def folds(rows: int = 60) -> Any:
    return (np.arange(rows) // 3 % 2).astype(np.int8)


@pytest.fixture
def drawn(tmp_path: Path) -> Callable[..., str]:
    def draw(**changes: Any) -> str:
        write_page(tmp_path / "page.html", dataset(**changes), folds(changes.get("rows", 60)), "birds")
        return (tmp_path / "page.html").read_text()

    return draw


def test_every_class_has_ten_images_and_the_test_rows_twenty(drawn: Callable[..., str]) -> None:
    page = drawn()
    for label in range(3):
        assert page.count(f'alt="label kind &lt;{label}&gt;, row ') == PER_CLASS
    assert page.count('alt="test image, ') == 20


def test_images_have_their_own_names_and_labels(drawn: Callable[..., str]) -> None:
    page = drawn(train_names=tuple(f"bird-{row}.png" for row in range(60)))
    named = re.findall(r'alt="label kind &lt;(\d)&gt;, bird-(\d+)\.png"', page)
    assert len(named) == 30
    assert all(int(label) == int(row) % 3 for label, row in named)


def test_the_page_shows_shares_folds_and_warnings(drawn: Callable[..., str]) -> None:
    page = drawn(warnings=("2 rows of `train.csv` are odd",))
    assert "<span>20 rows</span><span>33.3 %</span>" in page
    assert "2 rows of <code>train.csv</code> are odd" in page
    assert '<th scope="row">0</th><td>30</td><td>kind &lt;0&gt;: 10 rows</td>' in re.sub(r">\s+<", "><", page)


def test_groups_are_summed_up(drawn: Callable[..., str]) -> None:
    page = drawn(groups=np.arange(60) // 3 % 4)
    assert "4 groups: the largest has 15 rows, 25.0 %." in page


def test_the_same_data_gives_the_same_page(drawn: Callable[..., str]) -> None:
    assert drawn() == drawn()


@pytest.mark.parametrize(("classes", "images"), [(2, 10), (80, 10), (120, 6), (300, LEAST_PER_CLASS)])
def test_many_classes_have_fewer_images_each(classes: int, images: int) -> None:
    assert per_class(classes) == images


def test_a_page_of_many_classes_is_small(tmp_path: Path) -> None:
    data = dataset(classes=250, rows=2500, size=64)
    write_page(tmp_path / "page.html", data, folds(2500), "birds")
    assert (tmp_path / "page.html").stat().st_size < 3e6


@pytest.mark.parametrize("width", [400, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("classes", [3, 40])
def test_the_page_is_accessible_and_fits(
    tmp_path: Path, open_page: Open, width: int, scheme: str, classes: int
) -> None:
    data = dataset(classes, rows=120, warnings=("a warning",), groups=np.arange(120) // 3)
    write_page(tmp_path / "page.html", data, folds(120), "birds")
    opened = open_page(tmp_path / "page.html", width, scheme)
    assert opened.violations() == []
    assert not opened.is_wide()
    assert (opened.messages, opened.requests) == ([], [])
