"""The page of a study: one HTML file that needs nothing else."""

from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kit.files import atomic
from kit.reports.study import wording as words
from kit.reports.study.plots import draw_plots

if TYPE_CHECKING:
    from optuna import Study


def write_page(path: Path, study: "Study", report: Mapping[str, Any]) -> None:
    """Write the page of a study: figures, tables and plots, without anything from elsewhere.

    Args:
        path: of the HTML file.
        study: for the plots.
        report: as `kit.reports.study.figures.summarise_study` gives it.
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
        report=report,
        words=words,
        tables=[
            ("Best trials in the search", words.best_table(report)),
            ("Confirmation", words.confirmation_table(report)),
            ("Parameters", words.parameter_table(report)),
            ("Failed trials", words.failure_table(report)),
        ],
        gains=_gains(report["confirmation"]),
        plots=[(plot, b64encode(plot.svg or b"").decode()) for plot in draw_plots(study, report)],
        steps=words.next_steps(report),
    )
    with atomic(path) as file:
        file.write(page.encode())


def _gains(confirmed: Mapping[str, Any] | None) -> dict[str, list[str]]:
    """Return the gains in the confirmation, a row a cell, by column."""
    if not confirmed or not confirmed["comparisons"]:
        return {}
    baseline = confirmed["baseline_losses"]
    return {
        "Seed": [str(seed) for seed, _ in confirmed["replicates"]],
        "Fold": [str(fold) for _, fold in confirmed["replicates"]],
        "Baseline": [words.loss(value) for value in baseline],
    } | {
        f"Trial {one['trial']}, gain": [
            words.gain(None if before is None or value is None else before - value)
            for before, value in zip(baseline, one["losses"], strict=True)
        ]
        for one in confirmed["comparisons"]
    }
