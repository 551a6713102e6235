"""Plot of OOF score against leaderboard score: does cross-validation predict the leaderboard?"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kit.files import atomic
from kit.metrics import METRICS
from kit.plotting import BEST, PLAIN, SOFT, WRONG, figure
from kit.submitting.ledger import Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MARKERS = {"inside": "o", "above": "^", "below": "v"}
_SIZE, _DPI = (4.2, 3.9), 230
"""Inches, and pixels per inch: text is legible on a phone, and sharp on a large screen."""


def draw_score_plot(records: Sequence[Record], path: Path) -> bool:
    """Plot public score against OOF score, with 95 % interval and expected range, as a PNG.

    Args:
        records: submissions; those without public or OOF score, or with another metric than the newest,
            are left out.
        path: the PNG; not written with fewer than two points.

    Returns:
        Whether it was written.
    """
    scored = [
        record for record in records if record.score_position and record.oof_score and record.oof_interval
    ]
    scored = [record for record in scored if record.metric == scored[-1].metric]
    if len(scored) < 2:
        return False
    with figure(figsize=_SIZE, dpi=_DPI, layout="constrained") as drawing:
        _draw_all(drawing.add_subplot(), scored)
        with atomic(path) as file:
            # Without matplotlib's version, the same ledger gives the same bytes.
            drawing.savefig(file, format="png", metadata={"Software": None})
    return True


def _draw_all(axes: "Axes", scored: Sequence[Record]) -> None:
    scores = [record.oof_score or 0.0 for record in scored]
    middle = (min(scores) + max(scores)) / 2
    for record, score in zip(scored, scores, strict=True):
        _draw_one(axes, record, is_right=score > middle)
    start = scores[0]
    axes.axline((start, start), slope=1, color=SOFT, linewidth=1, linestyle=":", label="score = OOF")
    handles, labels = axes.get_legend_handles_labels()
    once = dict(zip(labels, handles, strict=True))
    axes.legend(once.values(), once.keys(), loc="best", fontsize=9, framealpha=0.6)
    metric = METRICS.get(scored[0].metric)
    axes.set_xlabel(f"OOF {metric.title if metric else 'score'}, with its 95 % interval")
    axes.set_ylabel("public score")
    axes.set_title("Cross-validation against leaderboard")
    axes.ticklabel_format(useOffset=False)
    axes.margins(0.15)
    axes.grid(alpha=0.3)


def _draw_one(axes: "Axes", record: Record, *, is_right: bool) -> None:
    """Draw a submission; the name of one in the right half is to its left."""
    if not (record.oof_score and record.oof_interval and record.expected_score and record.score):
        return
    oof, (low, high), (least, most) = record.oof_score, record.oof_interval, record.expected_score
    axes.vlines(oof, least, most, color=SOFT, linewidth=7, alpha=0.4, label="expected range")
    axes.errorbar(
        oof,
        record.score,
        xerr=[[oof - low], [high - oof]],
        marker=_MARKERS[record.score_position],
        color=_color(record),
        capsize=3,
        linestyle="none",
        label=f"{record.score_position} the expected range",
    )
    axes.annotate(
        record.name,
        (oof, record.score),
        (-6 if is_right else 6, 6),
        textcoords="offset points",
        ha="right" if is_right else "left",
        fontsize=9,
    )


def _color(record: Record) -> str:
    if record.score_position == "inside":
        return PLAIN
    metric = METRICS.get(record.metric)
    better = "above" if metric is None or metric.greater_is_better else "below"
    return BEST if record.score_position == better else WRONG
