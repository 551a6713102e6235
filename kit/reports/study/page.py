"""The page of a study: one self-contained HTML file."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from kit.metrics import METRICS
from kit.records import StudyReport
from kit.reports.html import render
from kit.reports.html.tables import Table
from kit.reports.study import summary, tables
from kit.reports.study.plots import draw_plots
from kit.reports.study.steps import next_steps
from kit.reports.study.wording import loss_title, short_names

if TYPE_CHECKING:
    from optuna import Study


PAGE_VERSION = 3
"""Number of the page's design: a page of another version is drawn again."""
SCREENED = (
    "The best trials of the search, trained once per round on new folds and seeds. The mean includes the "
    "search; the better half reaches the next round, and the first is compared with the baseline."
)
CONFIRMED = (
    "Means over replicates that neither the search nor the screening used. Percentages are of the baseline's "
    "{loss}. P(better): probability that the trial is better, if nothing else is known about it."
)


def write_page(path: Path, study: "Study", report: StudyReport) -> None:
    """Write the page of a study: figures, tables and plots, without external resources.

    Args:
        path: of the HTML file.
        study: for the plots.
        report: the figures.
    """
    prefix, names = short_names(report.importance)
    values = "Values and importance" + f"; names omit the prefix {prefix}" * bool(prefix)
    compared = report.confirmation.comparisons if report.confirmation else ()
    better = [place for place, one in enumerate(compared) if one.better]
    confirmed = CONFIRMED.format(loss=loss_title(METRICS[report.metric]))
    render.write(
        path,
        "kit.reports.study",
        "page.html.jinja",
        version=PAGE_VERSION,
        report=report,
        words=summary,
        best=_table("The lowest losses", tables.best_table(report)),
        screened=_table(SCREENED, tables.screening_table(report)),
        confirmed=_table(confirmed, tables.confirmation_table(report), strong=better),
        replicates=_table("Each replicate", tables.replicate_table(report)),
        parameters=_table(values, tables.parameter_table(report, names)),
        failures=_table("Trials without a loss", tables.failure_table(report)),
        plots=draw_plots(study, report),
        steps=next_steps(report),
    )


def _table(caption: str, cells: tables.Cells, strong: Iterable[int] = ()) -> Table | None:
    """Return a table, with indices of rows to emphasise; None if there are no rows."""
    rows = list(zip(*cells.values(), strict=True))
    return Table(caption, list(cells), rows, frozenset(strong)) if cells else None
