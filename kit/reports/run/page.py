"""report.html: the page of a run, one self-contained file made from report.json and a few images."""

from pathlib import Path
from typing import Any

from kit.images import Images
from kit.metrics import HITS, LOSS, METRICS, Metric
from kit.metrics.classification import EPSILON
from kit.plotting import CHOSEN, PLAIN, Mark, marks
from kit.records import Combination, Details, Report
from kit.reports.formatting import p_value
from kit.reports.html.render import write
from kit.reports.html.scores import TimedScore, pairs_table, time_plot
from kit.reports.html.text import fewer
from kit.reports.run import ensemble, ensemble_plots, plots, score_tables, tables
from kit.reports.run.curves import curves

PAGE_VERSION = 5
"""Raised when the page of the same report changes: `kit report` then writes it again."""

SECTIONS = {
    "scores": "Models, seeds and folds",
    "ensemble": "Ensemble",
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
MODELS_DRAWN = 12
"""Models in plots, the best ones: the learning curves of 100 models would take 15 seconds."""
_OF_DETAILS = ("growth", "labels", "reliability", "diversity", "test")


def write_page(path: Path, report: Report, images: Images) -> None:
    """Write the page of a run, atomically.

    Args:
        path: of the HTML file.
        report: every figure. Reports of earlier versions lack details: their sections are absent.
        images: of the rows in the gallery and of the uncertain test rows; a card without image says so.
    """
    metric = METRICS[report.metric]
    absent = _absent(report)
    left_out = {*absent, *(() if len(report.columns) > 1 else ("ensemble",))}
    marked = marks([one.model for one in report.models])
    context: dict[str, Any] = {
        "version": PAGE_VERSION,
        "report": report,
        "details": report.details,
        "images": images,
        "metric": metric,
        "accuracy": HITS,
        "loss": LOSS,
        "epsilon": EPSILON,
        "sections": {anchor: title for anchor, title in SECTIONS.items() if anchor not in left_out},
        "absent": [SECTIONS[anchor] for anchor in absent],
        "makeup": ensemble.makeup(report),
        "fitted": report.combination is not None and report.combination.used.fitted_score is not None,
        "line": tables.line,
        "with_label": tables.with_label,
        "spread": score_tables.spread,
        "fewer": fewer,
        "p_value": p_value,
        "scores": score_tables.scores(report, metric),
        "curves": {
            one.model: curves(
                one.model,
                [own for own in report.members if own.model == one.model],
                metric,
                marked[one.model].color,
            )
            for one in sorted(report.models, key=lambda one: one.score.rank(metric))[:MODELS_DRAWN]
        },
        "gaps": score_tables.gaps(report, metric),
        "members": score_tables.members(report, metric),
        "confused": tables.confusions(report) if report.confusions else None,
        "worst": tables.worst(report),
    }
    context |= _models(report, metric)
    if report.combination:
        context |= _ensemble(report, report.combination, metric)
    if report.details:
        context |= _details(report.details, metric)
    write(path, "kit.reports.run", "page.html.jinja", **context)


def _absent(report: Report) -> tuple[str, ...]:
    """Return the sections for which a report of an earlier version has no figures."""
    absent = ["ensemble"] if len(report.columns) > 1 and report.combination is None else []
    if report.details is None:
        epochs = any(one.epochs.loss for one in report.members)
        absent += _OF_DETAILS if epochs else ("curves", *_OF_DETAILS)
    return tuple(absent)


def _models(report: Report, metric: Metric) -> dict[str, Any]:
    if len(report.models) < 2:
        return {"models": None}
    ordered = sorted(report.models, key=lambda one: one.score.rank(metric))
    timed = [TimedScore(one.model, one.score, one.seconds) for one in ordered[:MODELS_DRAWN]]
    timed.append(TimedScore(score_tables.ENSEMBLE, report.oof, report.time.member_seconds))
    marked = marks([one.model for one in report.models]) | {score_tables.ENSEMBLE: Mark(PLAIN, CHOSEN)}
    return {
        "model_plot": plots.models(report, [one.model for one in ordered[:MODELS_DRAWN]], metric, marked),
        "models": score_tables.models(ordered, report, metric, marked),
        "time_plot": time_plot(timed, metric, marked) if all(one.seconds > 0 for one in timed) else None,
    }


def _ensemble(report: Report, given: Combination, metric: Metric) -> dict[str, Any]:
    return {
        "summary": ensemble.summary(given),
        "answer": ensemble.answer(given),
        "confidence": ensemble.confidence(given),
        "methods": ensemble.methods_table(given, metric),
        "gains": ensemble.gains_table(given),
        "values": ensemble.columns_table(report, given, metric),
        "methods_plot": ensemble_plots.methods(given),
        "weights_plot": ensemble_plots.weights(given, marks([one.model for one in report.models])),
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
        "class_plot": plots.classes(details.test, labels) if details.test.classes else None,
        "classes": tables.classes(details.test, labels) if details.test.classes else None,
        "suspects": tables.suspects(details),
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
