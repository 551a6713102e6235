"""CV against leaderboard, as a picture: does the out-of-fold accuracy tell what the score will be?"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kit.files import atomic
from kit.plotting import figure
from kit.submitting.ledger import Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MARKS = {"inside": ("o", "tab:blue"), "above": ("^", "tab:green"), "below": ("v", "tab:red")}


def draw(records: Sequence[Record], path: Path) -> bool:
    """Draw score over OOF accuracy, each with its 95 % interval and its expected range, as a PNG.

    Args:
        records: submissions; those without score or OOF accuracy are left out.
        path: the PNG; not written where fewer than two are left.

    Returns:
        Whether it was written.
    """
    scored = [record for record in records if record.place and record.oof_accuracy and record.oof_interval]
    if len(scored) < 2:
        return False
    with figure(figsize=(8, 6), dpi=120, layout="constrained") as drawing:
        _draw_all(drawing.add_subplot(), scored)
        with atomic(path) as file:
            # Without the version in it, the same ledger gives the same bytes.
            drawing.savefig(file, format="png", metadata={"Software": None})
    return True


def _draw_all(axes: "Axes", scored: Sequence[Record]) -> None:
    for record in scored:
        _draw_one(axes, record)
    start = scored[0].oof_accuracy or 0.0
    axes.axline((start, start), slope=1, color="0.6", linewidth=1, linestyle="--", label="score = OOF")
    handles, labels = axes.get_legend_handles_labels()
    once = dict(zip(labels, handles, strict=True))
    axes.legend(once.values(), once.keys(), loc="best", fontsize="small")
    axes.set_xlabel("out-of-fold accuracy, with its 95 % interval")
    axes.set_ylabel("public score")
    axes.set_title("Cross-validation against leaderboard")
    axes.ticklabel_format(useOffset=False)
    axes.margins(0.15)
    axes.grid(alpha=0.3)


def _draw_one(axes: "Axes", record: Record) -> None:
    if not (record.oof_accuracy and record.oof_interval and record.expected_score and record.score):
        return
    oof, (low, high), (least, most) = record.oof_accuracy, record.oof_interval, record.expected_score
    marker, color = _MARKS[record.place]
    axes.vlines(oof, least, most, color="0.75", linewidth=7, alpha=0.6, label="expected range")
    axes.errorbar(
        oof,
        record.score,
        xerr=[[oof - low], [high - oof]],
        marker=marker,
        color=color,
        capsize=3,
        linestyle="none",
        label=f"{record.place} the expected range",
    )
    axes.annotate(record.name, (oof, record.score), (6, 6), textcoords="offset points", fontsize="x-small")
