"""The page of a study: one self-contained HTML file."""

from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING

from kit.files import atomic
from kit.metrics import METRICS
from kit.records import StudyReport
from kit.reports.study import wording as words
from kit.reports.study.plots import draw_plots

if TYPE_CHECKING:
    from optuna import Study


PAGE_VERSION = 1
"""Number of the page's design: a page of another version is drawn again."""


def write_page(path: Path, study: "Study", report: StudyReport) -> None:
    """Write the page of a study: figures, tables and plots, without external resources.

    Args:
        path: of the HTML file.
        study: for the plots.
        report: the figures.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("kit.reports.study", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["rows"] = lambda cells: zip(*cells.values(), strict=True)
    page = environment.get_template("page.html.jinja").render(
        version=PAGE_VERSION,
        report=report,
        words=words,
        tables=[
            ("Best trials in the search", words.best_table(report)),
            ("Confirmation", words.confirmation_table(report)),
            ("Parameters", words.parameter_table(report)),
            ("Failed trials", words.failure_table(report)),
        ],
        gains=_gains(report),
        plots=[(plot, b64encode(plot.svg or b"").decode()) for plot in draw_plots(study, report)],
        steps=words.next_steps(report),
    )
    with atomic(path) as file:
        file.write(page.encode())


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
