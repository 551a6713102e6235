import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from kit.pipeline.compare import compare
from kit.records import RunComparison
from kit.reports.compare.terminal import render
from tests.comparisons import planted, probabilities

pytestmark = pytest.mark.usefixtures("workdir")
LABELS = np.arange(1000) % 10


def compared(wrong: Mapping[str, range], **info: Any) -> RunComparison:
    return compare([planted(name, LABELS, probabilities(LABELS, own), **info) for name, own in wrong.items()])


def lines(comparison: RunComparison, width: int = 120) -> list[str]:
    file = io.StringIO()
    render(comparison, Console(file=file, width=width))
    return [line.rstrip() for line in file.getvalue().splitlines()]


def test_two_runs() -> None:
    shown = lines(compared({"a": range(40), "b": range(30, 50)}))
    assert shown[-2].startswith("b is better than a on 1,000 rows: 20 fewer errors (accuracy +2.000 points,")
    cells = [line.split() for line in shown]
    assert ["b", "98.000", "96.931", "to", "98.702", "20", "0.19325"] in [line[:7] for line in cells]
    assert [*["rows", "gained", "(only", "b)", "30"]] in cells
    assert [*["rows", "lost", "(only", "a)", "10"]] in cells
    assert [*["training", "time", "+0.0", "s"]] in cells
    assert not any("sample" in line for line in shown)


def test_several_runs_are_ordered_by_score() -> None:
    shown = lines(compared({"a": range(40), "c": range(25, 50), "b": range(30, 50)}))
    assert " ".join(shown).endswith(
        "b has the best accuracy, 98.000 %; it is better than a; 1,000 rows can show no difference from c."
    )
    order = [line.split()[:2] for line in shown if line[:2] in {"1.", "2.", "3."}]
    assert order == [["1.", "b"], ["2.", "c"], ["3.", "a"]]
    pairs = [line.split()[:6] for line in shown if " against " in line]
    assert [one[:4] for one in pairs] == [
        ["b", "against", "c", "no"],
        ["b", "against", "a", "better"],
        ["c", "against", "a", "better"],
    ]
    assert any("corrected for 3 comparisons (Holm)" in line for line in shown)


def test_the_best_of_all_is_better_than_each_other() -> None:
    shown = lines(compared({"a": range(200), "b": range(10), "c": range(100)}))
    assert shown[-1] == "b has the best accuracy, 99.000 %; it is better than c and a."


def test_a_run_named_twice_differs_by_nothing() -> None:
    text = "\n".join(lines(compare([planted("a", LABELS, probabilities(LABELS, range(10)))] * 3)))
    assert "1,000 rows can show no difference from a and a." in text
    assert "-0.000" not in text


def test_the_verdict_and_the_page_come_last() -> None:
    file = io.StringIO()
    page = Path("runs/comparisons/a-vs-b.html")
    render(compared({"a": range(40), "b": range(30, 50)}), Console(file=file, width=200), page)
    assert file.getvalue().splitlines()[-2:][0].startswith("b is better than a")
    assert file.getvalue().endswith("\nPage: runs/comparisons/a-vs-b.html\n")


@pytest.mark.parametrize("runs", [2, 3])
def test_it_fits_80_columns(runs: int) -> None:
    names = {f"configuration-{index}-1a2b3c4d": range(40 * index) for index in range(runs)}
    shown = lines(compared(names), width=80)
    assert max(map(len, shown)) <= 80


def test_the_sample_is_named() -> None:
    shown = lines(compared({"a": range(40), "b": range(20)}, sample=True))
    assert "bundled sample: these figures say nothing about the competition" in shown
