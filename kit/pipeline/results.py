"""The results of a run or of an ensemble of runs: report.json, ensemble.json, submission, CSV tables."""

from collections.abc import Iterable, Sequence
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from kit.config import Config
from kit.metrics import METRICS
from kit.oof import Oof
from kit.pipeline.combining import CombinedRun
from kit.records import EnsembleRecord, Report, RunRecord
from kit.reports.run.figures import summarise
from kit.run_folder import Run
from kit.tables import Predictions
from kit.task.submission import check_submission, write_submission
from kit.task.task import Task


def report_of(
    record: RunRecord,
    config: Config,
    done: CombinedRun,
    *,
    labels: NDArray[np.integer],
    names: Sequence[str],
    folds: NDArray[np.int8],
    ids: Sequence[str],
    train_names: Sequence[str] = (),
    warnings: Iterable[str] = (),
) -> Report:
    """Return the report of a run.

    Args:
        record: run.json.
        config: the resolved configuration.
        done: the ensemble.
        labels: (training rows,) from 0.
        names: names of class 0, 1, ….
        folds: (seeds, rows) int8, the fold that holds the row out.
        ids: (test rows,).
        train_names: (training rows,) names of the images, or ids; empty if there are none.
        warnings: to show in the report.
    """
    report = summarise(
        record,
        config,
        labels=labels,
        names=names,
        columns=done.columns,
        combined=done.combined,
        combination=done.combination,
        folds=folds,
        members=done.members,
        test_ids=ids,
        tta=done.tta,
        warnings=warnings,
    )
    return _named(report, train_names) if train_names else report


def write_results(
    run: Run,
    record: RunRecord,
    config: Config,
    done: CombinedRun,
    report: Report,
    *,
    labels: NDArray[np.integer],
    task: Task,
    ids: Sequence[str],
    train_names: Sequence[str] = (),
) -> None:
    """Write the results of a run.

    Args:
        run: where to write.
        record: run.json.
        config: the resolved configuration.
        done: the ensemble.
        report: from `report_of`.
        labels: (training rows,) from 0.
        task: names of the classes, format of the submission.
        ids: (test rows,).
        train_names: (training rows,) names of the images, or ids; empty if there are none.
    """
    decide = METRICS[config.competition.metric].decider(done.combined.oof, labels)
    guesses, predicted = decide(done.combined.oof), decide(done.combined.test)
    run.write_oof(Oof(labels, done.combined.oof, task.labels.labels, ids=train_names, predicted=guesses))
    with run.recorded(run.submission_path) as path:
        write_submission(path, ids, done.combined.test, task.submission, predicted)
    if ids:  # Without test rows, the file is a header alone.
        check_submission(run.submission_path, task.submission, ids=ids)
    names, id_column = task.labels.labels, task.submission.id_column
    run.write_test(Predictions(ids, done.combined.test, names, id_column, predicted))
    run.write_history(report)
    run.write_ensemble(_ensemble(record, config, done))
    run.write_report(report)
    # With an old page, the report would look out of date and be computed again.
    with suppress(OSError):
        run.page_path.unlink()


def _named(report: Report, names: Sequence[str]) -> Report:
    """Return the report with the names of the training images that its page shows."""
    if report.details is None:
        return report
    gallery = tuple(one.model_copy(update={"name": names[one.row]}) for one in report.details.gallery)
    return report.model_copy(update={"details": report.details.model_copy(update={"gallery": gallery})})


def _ensemble(record: RunRecord, config: Config, done: CombinedRun) -> EnsembleRecord:
    keys = [str(column.key) for column in done.columns]
    return EnsembleRecord(
        method=done.method,
        requested=config.ensemble.method,
        tta=any(source.tta for source in record.sources) if record.sources else config.ensemble.tta,
        calibrate=config.ensemble.calibrate,
        weights=dict(zip(keys, done.combined.weights, strict=True)),
        temperatures={key: column.temperature for key, column in zip(keys, done.columns, strict=True)},
        intercepts=done.combined.intercepts,
        runs={source.name: source.hash for source in record.sources},
    )
