from dataclasses import replace
from pathlib import Path

from kit.submitting.ledger import Record
from kit.submitting.score_plot import draw_score_plot

SCORED = Record(
    tag="kit-1",
    status="complete",
    competition="digit-recognizer",
    run="a",
    file="submissions/a.csv",
    sha256="00",
    message="a",
    oof_score=0.995,
    oof_interval=(0.994, 0.996),
    expected_score=(0.993, 0.997),
    ref=1,
    public_score="0.99571",
)


def test_one_score_makes_no_plot(tmp_path: Path) -> None:
    unscored = replace(SCORED, tag="kit-2", public_score="")
    foreign = replace(SCORED, tag="kit-3", oof_score=None, oof_interval=None, expected_score=None)
    assert not draw_score_plot([SCORED, unscored, foreign], tmp_path / "picture.png")
    assert list(tmp_path.iterdir()) == []


def test_two_scores_make_a_plot_with_the_same_bytes_each_time(tmp_path: Path) -> None:
    records = [SCORED, replace(SCORED, tag="kit-2", run="b", oof_score=0.9945, public_score="0.98")]
    path = tmp_path / "submissions" / "picture.png"
    assert draw_score_plot(records, path)
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG")
    assert draw_score_plot(records, path)
    assert path.read_bytes() == content
