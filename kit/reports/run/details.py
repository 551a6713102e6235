"""Compute what the page of a run shows beyond the summary."""

from collections.abc import Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from kit import metrics
from kit.config import Config
from kit.ensembling.calibration import calibrate
from kit.ensembling.columns import Column, ColumnKey
from kit.ensembling.methods import Combined, combine
from kit.metrics import LabelErrorEstimate, Metric
from kit.metrics.growth import growth
from kit.records import (
    Details,
    Diversity,
    Forecast,
    Growth,
    GrowthPoint,
    LabelErrors,
    MemberReport,
    ModelReport,
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

SUSPECTS = 60
"""Rows that are listed as suspected label errors."""
ONE_SEED = "a run with one seed does not show what more seeds give"
Labels = NDArray[np.integer]


def detail(
    record: RunRecord,
    config: Config,
    *,
    labels: Labels,
    names: Sequence[str],
    columns: Sequence[Column],
    combined: Combined,
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
        combined: the ensemble of these columns.
        folds: (seeds, rows) int8, the fold that holds the row out.
        test_ids: (test rows,) ids of the submission.
        models: figures of each model.
        members: figures of each member.
    """
    metric, probs = metrics.METRICS[config.competition.metric], combined.oof
    held_out = dict(zip(config.seeds, folds, strict=True))
    each = _by_model(columns, labels, held_out, config.ensemble.method)
    disagreement = metrics.row_disagreement([column.oof for column in columns])
    found = metrics.find_label_errors(probs, labels)
    errors = _label_errors(found, labels)
    shown = gallery.choose(probs, labels, found.suspicion, disagreement)
    wrong = np.flatnonzero(probs.argmax(axis=1) != labels)
    curve = _growth(columns, labels, metric, held_out, config.ensemble.method)
    reliability, clear = _reliability(combined, labels, folds[0])
    return Details(
        labels=tuple(names),
        findings=find(
            record,
            metric,
            rows=len(labels),
            models=models,
            members=members,
            growth=curve,
            label_errors=errors,
            reliability=reliability if clear else None,
        ),
        confusion=confusion_matrix(probs, labels),
        growth=curve,
        gallery=gallery.describe(
            shown,
            probs,
            labels,
            columns,
            suspicion=found.suspicion,
            disagreement=disagreement,
            suspects={one.row for one in errors.suspects},
        ),
        gallery_complete=bool(np.isin(wrong, shown).all()),
        label_errors=errors,
        reliability=reliability,
        diversity=_diversity(columns, labels),
        pairs=compare_pairs(list(each), list(each.values()), labels, metric, [one.seconds for one in models]),
        test=_test(combined, columns, labels, test_ids),
        provenance=_provenance(record),
    )


def confusion_matrix(probs: NDArray[np.floating], labels: Labels) -> tuple[tuple[int, ...], ...]:
    """Return the number of rows by label (outer) and predicted class (inner)."""
    classes = probs.shape[1]
    cells = labels.astype(np.intp) * classes + probs.argmax(axis=1)
    counts = np.bincount(cells, minlength=classes**2).reshape(classes, classes)
    return tuple(tuple(row) for row in counts.tolist())


def _by_model(
    columns: Sequence[Column], labels: Labels, held_out: dict[int, NDArray[np.int8]], method: str
) -> dict[str, NDArray[np.float64]]:
    """Return the OOF matrix of each model's columns, combined."""
    return {
        model: _combined(list(own), labels, held_out, method)
        for model, own in groupby(columns, key=lambda column: column.key.model)
    }


def _combined(
    columns: Sequence[Column], labels: Labels, held_out: dict[int, NDArray[np.int8]], method: str
) -> NDArray[np.float64]:
    folds = np.stack([held_out[column.key.seed] for column in columns])
    return combine(columns, labels, folds, method).oof


def _growth(
    columns: Sequence[Column],
    labels: Labels,
    metric: Metric,
    held_out: dict[int, NDArray[np.int8]],
    method: str,
) -> Growth | None:
    """Return the score against the number of seeds; with one seed, against the number of columns."""
    if len(columns) == 1:
        return None
    seeds = dict.fromkeys(column.key.seed for column in columns)
    of_seeds = len(seeds) > 1
    groups = [[one for one in columns if one.key.seed == seed] for seed in seeds]
    units = groups if of_seeds else [[column] for column in columns]
    found = growth([_combined(unit, labels, held_out, method) for unit in units], labels, metric)
    per_unit = len(units[0])
    return Growth(
        unit="seed" if of_seeds else "column",
        metric=metric.name,
        points=tuple(
            GrowthPoint(**point._asdict(), members=point.units * per_unit) for point in found.points
        ),
        forecast=tuple(
            Forecast(**one._asdict(), members=one.units * per_unit) for one in found.forecasts * of_seeds
        ),
        missing=found.missing if of_seeds else ONE_SEED,
        errors_saved=found.errors_saved if of_seeds else None,
        errors_saved_band=found.errors_saved_band if of_seeds else None,
    )


def _label_errors(found: LabelErrorEstimate, labels: Labels) -> LabelErrors:
    return LabelErrors(
        expected=found.expected,
        interval=(found.low, found.high),
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


def _reliability(combined: Combined, labels: Labels, held_out: NDArray[np.int8]) -> tuple[Reliability, bool]:
    """Return the reliability, and whether the temperature lowers the log loss clearly (2 standard errors)."""
    probs = combined.oof
    scaled = calibrate(
        Column(ColumnKey("", "", 0), probs.astype(np.float32), combined.test), labels, held_out
    )
    gains = metrics.row_losses(probs, labels) - metrics.row_losses(scaled.oof, labels)
    error = metrics.ece(probs, labels)
    found = Reliability(
        bins=tuple(ReliabilityBin(**one._asdict()) for one in metrics.reliability_bins(probs, labels)),
        ece=error.value,
        ece_interval=error.interval,
        temperature=scaled.temperature,
        log_loss=metrics.LOSS.value(probs, labels),
        scaled_log_loss=metrics.LOSS.value(scaled.oof, labels),
    )
    return found, bool(gains.mean() > 2 * gains.std() / np.sqrt(len(gains)))


def _diversity(columns: Sequence[Column], labels: Labels) -> Diversity | None:
    if len(columns) == 1:
        return None
    predicted = np.stack([column.oof.argmax(axis=1) for column in columns])
    return Diversity(
        columns=tuple(f"{column.key.model}-s{column.key.seed}" for column in columns),
        disagreement=metrics.disagreement(predicted).tolist(),
        error_correlation=metrics.error_correlation(predicted != labels).tolist(),
    )


def _test(
    combined: Combined, columns: Sequence[Column], labels: Labels, ids: Sequence[str]
) -> TestPredictions:
    rows, classes = combined.test.shape
    train = np.bincount(labels, minlength=classes)
    test = np.bincount(combined.test.argmax(axis=1), minlength=classes)
    shares = train / len(labels)
    return TestPredictions(
        classes=tuple(
            TestClass(
                label=label,
                train_rows=int(train[label]),
                test_rows=int(test[label]),
                train_share=float(shares[label]),
                test_share=float(test[label] / rows),
                test_interval=metrics.expected_score(float(shares[label]), len(labels), rows),
            )
            for label in range(classes)
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
