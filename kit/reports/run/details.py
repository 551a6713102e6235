"""Compute what the page of a run shows beyond the summary."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from kit import metrics
from kit.config import Config
from kit.ensembling.calibration import calibrate, robust_temperature
from kit.ensembling.columns import Column, ColumnKey
from kit.ensembling.methods import Combined
from kit.metrics import Decide, LabelErrorEstimate, Metric
from kit.records import (
    Combination,
    Details,
    LabelErrors,
    MemberReport,
    ModelReport,
    Pair,
    Provenance,
    Reliability,
    ReliabilityBin,
    RunRecord,
    Suspect,
    TestClass,
    TestPredictions,
)
from kit.reports.pairs import compare_pairs
from kit.reports.run import gallery
from kit.reports.run.findings import find
from kit.reports.run.notes import teachers_of
from kit.reports.run.parts import Parts, clearly_lower

SUSPECTS = 60
"""Rows that are listed as suspected label errors."""
MOST_ERRORS = 0.1
"""Highest share of errors of an ensemble that is trusted to find wrong labels."""
COMPARED = 12
"""Models that are compared with each other, the best ones: the pairs of 100 models would take minutes."""
MOST_CALIBRATED = 20
"""With more columns, what their calibration would change is not computed: 100 take 20 seconds."""
MATRIX_CLASSES = 60
"""With more classes, report.json has no confusion matrix: that of 1,000 classes would take 7 MB."""
Labels = NDArray[np.integer]


def detail(
    record: RunRecord,
    config: Config,
    *,
    labels: Labels,
    names: Sequence[str],
    columns: Sequence[Column],
    parts: Parts,
    combined: Combined,
    combination: Combination | None,
    folds: NDArray[np.int8],
    test_ids: Sequence[str],
    models: Sequence[ModelReport],
    members: Sequence[MemberReport],
) -> Details:
    """Return the details of a finished run.

    Args:
        record: run.json.
        config: the resolved configuration.
        labels: (training rows,) from 0.
        names: names of class 0, 1, ….
        columns: of the ensemble.
        parts: ensembles of some of these columns.
        combined: the ensemble of these columns.
        combination: all methods on these columns; None with a single column.
        folds: (seeds, rows) int8, the fold that holds the row out.
        test_ids: (test rows,) ids of the submission.
        models: figures of each model.
        members: figures of each member.
    """
    metric, probs = metrics.METRICS[config.competition.metric], combined.oof
    decide = metric.decider(probs, labels)
    predicted = decide(probs)
    each, curve = parts.by_model(), parts.growth()
    # The worst first: the better model of a pair is compared with the other.
    ranked = sorted(models, key=lambda one: one.score.rank(metric), reverse=True)
    best = ranked[-COMPARED:]
    disagreement = metrics.row_disagreement([column.oof for column in columns])
    ensemble = Column(ColumnKey("", "", 0), probs.astype(np.float32), combined.test, folds[0])
    found = metrics.find_label_errors(calibrate(ensemble, labels, robust_temperature).oof, labels)
    wrong = np.flatnonzero(predicted != labels)
    networks = any(one.epochs.loss for one in members)
    errors = _label_errors(found, labels, trusted=networks and len(wrong) <= MOST_ERRORS * len(labels))
    shown = gallery.choose(probs, predicted, labels, found.suspicion, disagreement)
    return Details(
        labels=tuple(names),
        findings=find(
            record,
            metric,
            rows=len(labels),
            models=models,
            members=members,
            growth=curve,
            combination=combination,
            alone=_alone(ranked[-1].model, each, probs, labels, metric),
            without=parts.without(probs) if len(models) <= COMPARED else {},
            label_errors=errors,
            calibration=parts.calibration(probs) if _calibration_matters(config, columns) else None,
            teachers=teachers_of(record, config),
        ),
        confusion=_confusion(predicted, labels, len(names)),
        growth=curve,
        gallery=gallery.describe(
            shown,
            probs,
            predicted,
            labels,
            columns,
            suspicion=found.suspicion,
            disagreement=disagreement,
            suspects={one.row for one in errors.suspects[: round(errors.expected)]},
        ),
        gallery_complete=bool(np.isin(wrong, shown).all()),
        label_errors=errors,
        reliability=_reliability(probs, calibrate(ensemble, labels), labels),
        diversity=parts.diversity(),
        pairs=compare_pairs(
            [one.model for one in best],
            [each[one.model] for one in best],
            labels,
            metric,
            [one.seconds or None for one in best],
        ),
        test=_test(combined, columns, labels, test_ids, decide),
        provenance=_provenance(record),
    )


def _calibration_matters(config: Config, columns: Sequence[Column]) -> bool:
    return not config.ensemble.calibrate and len(columns) <= MOST_CALIBRATED


def _alone(
    name: str,
    each: Mapping[str, NDArray[np.float64]],
    probs: NDArray[np.float64],
    labels: Labels,
    metric: Metric,
) -> Pair | None:
    """Return a model compared with the ensemble; None unless its score is better."""
    alone, together = (metric.value(one, labels) for one in (each[name], probs))
    # Not >=: a score that is not defined is NaN.
    if not metric.loss(alone) < metric.loss(together):
        return None
    [pair] = compare_pairs(["ensemble", name], [probs, each[name]], labels, metric)
    return pair


def confusion_matrix(predicted: Labels, labels: Labels, classes: int) -> NDArray[np.intp]:
    """Return (classes, classes) numbers of rows, by label (outer) and predicted class (inner)."""
    cells = labels.astype(np.intp) * classes + predicted
    return np.bincount(cells, minlength=classes**2).reshape(classes, classes)


def _confusion(predicted: Labels, labels: Labels, classes: int) -> tuple[tuple[int, ...], ...]:
    if classes > MATRIX_CLASSES:
        return ()
    return tuple(tuple(row) for row in confusion_matrix(predicted, labels, classes).tolist())


def _label_errors(found: LabelErrorEstimate, labels: Labels, *, trusted: bool) -> LabelErrors:
    """Return the suspected label errors; the interval begins at 0 unless the ensemble is trusted.

    A temperature does not correct the probabilities of nearest neighbours and support vector machines: they
    are certain of some mistakes, as if the labels were wrong. A weak network may be so, too.
    """
    return LabelErrors(
        expected=found.expected,
        interval=(found.low if trusted else 0.0, found.high),
        suspects=tuple(
            Suspect(
                row=int(row),
                label=int(labels[row]),
                suggested=int(found.suggested[row]),
                suspicion=float(found.suspicion[row]),
            )
            for row in found.order[:SUSPECTS]
        ),
    )


def _reliability(probs: NDArray[np.float64], scaled: Column, labels: Labels) -> Reliability:
    error = metrics.ece(probs, labels)
    return Reliability(
        bins=tuple(ReliabilityBin(**one._asdict()) for one in metrics.reliability_bins(probs, labels)),
        ece=error.value,
        ece_interval=error.interval,
        temperature=scaled.temperature,
        log_loss=metrics.LOSS.value(probs, labels),
        scaled_log_loss=metrics.LOSS.value(scaled.oof, labels),
        clear=clearly_lower(metrics.row_losses(scaled.oof, labels), metrics.row_losses(probs, labels)),
    )


def _test(
    combined: Combined, columns: Sequence[Column], labels: Labels, ids: Sequence[str], decide: Decide
) -> TestPredictions:
    rows, classes = combined.test.shape
    if not rows:
        return TestPredictions(classes=(), uncertain=())
    train = np.bincount(labels, minlength=classes)
    oof, test = (np.bincount(decide(one), minlength=classes) for one in (combined.oof, combined.test))
    return TestPredictions(
        classes=tuple(
            TestClass(
                label=label,
                train_rows=int(train[label]),
                test_rows=int(test[label]),
                train_share=float(train[label] / len(labels)),
                oof_share=float(oof[label] / len(labels)),
                test_share=float(test[label] / rows),
                test_interval=interval,
            )
            for label, interval in enumerate(metrics.share_intervals(oof, rows))
        ),
        uncertain=gallery.least_certain(combined.test, columns, ids),
    )


def _provenance(record: RunRecord) -> Provenance:
    machine = record.machine
    parts = [machine.gpu, machine.cpu, f"{machine.cores} cores" if machine.cores else "", machine.platform]
    return Provenance(
        command=record.command,
        base=record.origin.base,
        differences=record.origin.differences,
        versions=record.versions,
        machine=", ".join(part for part in parts if part),
        fingerprint=record.fingerprint,
        started=record.started,
        finished=record.finished,
    )
