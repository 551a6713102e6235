"""A configuration in memory: read once, changed without a trace."""

from pathlib import Path

import pytest

from kit import config
from kit.config import Source
from kit.errors import UserError

MINE = "seeds: [0]\nmodels:\n  knn: {kind: knn, neighbours: 3}\n"


@pytest.fixture
def source(workdir: Path) -> Source:
    (workdir / "mine.yaml").write_text(MINE)
    return Source.read("mine.yaml", ["folds.count=4"])


def test_it_is_what_load_returns(source: Source) -> None:
    assert source.config == config.load("mine.yaml", ["folds.count=4"])
    changes = ["folds.count=3", "models.knn.neighbours=5"]
    assert source.with_changes(changes) == config.load("mine.yaml", ["folds.count=4", *changes])


def test_changes_leave_the_source_as_it_was(source: Source) -> None:
    source.with_changes(["models.knn.neighbours=5"])
    assert source.with_changes([]) == source.config
    assert source.raw() == source.raw([])
    assert source.files == {"seeds": [0], "models": {"knn": {"kind": "knn", "neighbours": 3}}}


def test_a_file_edited_after_reading_has_no_effect(source: Source) -> None:
    Path("mine.yaml").write_text("models: {svm: {kind: svm}}")
    assert list(source.with_changes(["seeds=2"]).models) == ["knn"]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ("models.knn.neighbours=0", "--set models.knn.neighbours=0"),
        ("models.svm.c=1", "--set models.svm.c=1"),
        ("folds.coun=3", "--set folds.coun=3"),
    ],
)
def test_an_error_names_the_change(source: Source, change: str, where: str) -> None:
    with pytest.raises(UserError) as refused:
        source.with_changes([change])
    assert refused.value.where == where


def test_an_error_names_file_and_line(workdir: Path) -> None:
    (workdir / "mine.yaml").write_text(MINE.replace("3", "0"))
    with pytest.raises(UserError) as refused:
        Source.read("mine.yaml")
    assert refused.value.where == "mine.yaml, line 3"
