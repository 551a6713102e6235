"""report.html: the page of a run, one self-contained file made from report.json and a few images."""

from pathlib import Path
from typing import Any

from kit.images import Images
from kit.metrics import HITS, LOSS, METRICS, Metric
from kit.metrics.classification import EPSILON
from kit.records import Details, Report
from kit.reports.formatting import p_value
from kit.reports.html.render import write
from kit.reports.html.scores import TimedScore, pairs_table, time_plot
from kit.reports.html.text import fewer
from kit.reports.run import plots, score_tables, tables
from kit.reports.run.curves import curves

PAGE_VERSION = 1
"""Raised when the page of the same report changes: `kit report` then writes it again."""

SECTIONS = {
    "scores": "Models, seeds and folds",
    "curves": "Learning curves",
    "growth": "Would more members help?",
    "confusion": "Confusion matrix",
    "gallery": "Hardest rows",
    "labels": "Suspected label errors",
    "reliability": "Calibration",
    "diversity": "Diversity",
    "test": "Test predictions",
    "run": "Time, cost, provenance",
}
"""Titles by anchor; `Finding.anchor` is one of these."""
_OF_DETAILS = ("growth", "labels", "reliability", "diversity", "test")


def write_page(path: Path, report: Report, images: Images) -> None:
    """Write the page of a run, atomically.

    Args:
        path: of the HTML file.
        report: every figure. Reports of earlier versions lack details: their sections are absent.
        images: of the rows in the gallery and of the uncertain test rows; a card without image says so.
    """
    metric = METRICS[report.metric]
    absent = () if report.details else _absent(report)
    context: dict[str, Any] = {
        "version": PAGE_VERSION,
        "report": report,
        "details": report.details,
        "images": images,
        "metric": metric,
        "accuracy": HITS,
        "loss": LOSS,
        "epsilon": EPSILON,
        "sections": {anchor: title for anchor, title in SECTIONS.items() if anchor not in absent},
        "absent": [SECTIONS[anchor] for anchor in absent],
        "line": tables.line,
        "with_label": tables.with_label,
        "spread": score_tables.spread,
        "fewer": fewer,
        "p_value": p_value,
        "scores": score_tables.scores(report, metric),
        "curves": {
            one.model: curves(one.model, [own for own in report.members if own.model == one.model], metric)
            for one in report.models
        },
        "gaps": score_tables.gaps(report, metric),
        "members": score_tables.members(report, metric),
        "confused": tables.confusions(report) if report.confusions else None,
        "worst": tables.worst(report),
    }
    context |= _models(report, metric)
    if report.details:
        context |= _details(report.details, metric)
    write(path, "kit.reports.run", "page.html.jinja", **context)


def _absent(report: Report) -> tuple[str, ...]:
    """Return the sections for which a report without details has no figures."""
    epochs = any(one.epochs.loss for one in report.members)
    return _OF_DETAILS if epochs else ("curves", *_OF_DETAILS)


def _models(report: Report, metric: Metric) -> dict[str, Any]:
    if len(report.models) < 2:
        return {"models": None}
    ordered = sorted(report.models, key=lambda one: one.score.rank(metric))
    timed = [TimedScore(one.model, one.score, one.seconds) for one in ordered]
    timed.append(TimedScore(score_tables.ENSEMBLE, report.oof, report.time.member_seconds))
    return {
        "models": score_tables.models(ordered, report, metric),
        "time_plot": time_plot(timed, metric) if all(one.seconds > 0 for one in timed) else None,
    }


def _details(details: Details, metric: Metric) -> dict[str, Any]:
    labels = details.labels
    context: dict[str, Any] = {
        "matrix": bool(details.confusion),
        "largest": max((count for count, _ in _errors(details)), default=0),
        "largest_rate": max((rate for _, rate in _errors(details)), default=0),
        "errors_shown": sum(one.label != one.predicted for one in details.gallery),
        "reliability_plots": plots.reliability(details.reliability),
        "reliability": tables.reliability(details.reliability),
        "class_plot": plots.classes(details.test, labels),
        "classes": tables.classes(details.test, labels),
        "suspects": tables.suspects(details.label_errors, labels),
        "pairs": pairs_table(details.pairs, metric) if details.pairs else None,
    }
    if details.growth and details.growth.points:
        growth_metric = METRICS[details.growth.metric]
        context["growth_plot"] = plots.growth(details.growth, growth_metric)
        context["growth"] = score_tables.growth(details.growth, growth_metric)
    if details.diversity:
        context["diversity"] = tables.diversity(details.diversity)
    return context


def _errors(details: Details) -> list[tuple[int, float]]:
    """Return the number of rows in each cell off the diagonal, and their share of the label's rows."""
    return [
        (count, count / (sum(row) or 1))
        for label, row in enumerate(details.confusion)
        for other, count in enumerate(row)
        if label != other
    ]
