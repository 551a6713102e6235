"""The page of a study: one self-contained HTML file."""

from pathlib import Path
from typing import TYPE_CHECKING

from kit.metrics import METRICS
from kit.records import StudyReport
from kit.reports.html import render
from kit.reports.html.tables import Table
from kit.reports.study import wording as words
from kit.reports.study.plots import draw_plots

if TYPE_CHECKING:
    from optuna import Study


PAGE_VERSION = 2
"""Number of the page's design: a page of another version is drawn again."""


def write_page(path: Path, study: "Study", report: StudyReport) -> None:
    """Write the page of a study: figures, tables and plots, without external resources.

    Args:
        path: of the HTML file.
        study: for the plots.
        report: the figures.
    """
    render.write(
        path,
        "kit.reports.study",
        "page.html.jinja",
        version=PAGE_VERSION,
        report=report,
        words=words,
        best=_table("The lowest losses", words.best_table(report)),
        confirmed=_table("Means over the replicates", words.confirmation_table(report)),
        gains=_table("Loss of the baseline minus that of each trial", _gains(report)),
        parameters=_table("Values and importance", words.parameter_table(report)),
        failures=_table("Trials without a loss", words.failure_table(report)),
        plots=draw_plots(study, report),
        steps=words.next_steps(report),
    )


def _table(caption: str, cells: words.Cells) -> Table | None:
    """Return a table; None if there are no rows."""
    return Table(caption, list(cells), list(zip(*cells.values(), strict=True))) if cells else None


def _gains(report: StudyReport) -> words.Cells:
    """Return the gains in the confirmation, one row per replicate, by column."""
    metric, confirmed = METRICS[report.metric], report.confirmation
    if not confirmed or not confirmed.comparisons:
        return {}
    baseline = confirmed.baseline_losses
    return {
        "Seed": [str(one.seed) for one in confirmed.replicates],
        "Fold": [str(one.fold) for one in confirmed.replicates],
        "Baseline": [words.loss_text(metric, loss) for loss in baseline],
    } | {
        f"Trial {one.trial}, gain": [
            metric.format_difference(None if before is None or loss is None else before - loss)
            for before, loss in zip(baseline, one.losses, strict=True)
        ]
        for one in confirmed.comparisons
    }
