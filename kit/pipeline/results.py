"""Write what a run or an ensemble of runs results in: OOF table, submission, ensemble.json, report.json."""

from collections.abc import Iterable, Sequence
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from kit.config import Config
from kit.oof import Oof
from kit.pipeline.combining import CombinedRun
from kit.pipeline.run_record import now
from kit.records import EnsembleRecord, Report, RunRecord
from kit.reports.run.figures import summarise
from kit.runs import Run
from kit.task.submission import check_submission, write_submission
from kit.task.task import Task


def write_results(
    run: Run,
    record: RunRecord,
    config: Config,
    done: CombinedRun,
    *,
    labels: NDArray[np.integer],
    folds: NDArray[np.int8],
    task: Task,
    ids: Sequence[str],
    warnings: Iterable[str] = (),
) -> Report:
    """Write the results of a run, and return its report.

    Args:
        run: where to write.
        record: run.json.
        config: the resolved configuration.
        done: the ensemble.
        labels: (training rows,) from 0.
        folds: (seeds, rows) int8, the fold that holds the row out.
        task: names of the classes, format of the submission.
        ids: (test rows,).
        warnings: to show in the report.
    """
    names, form = task.labels.labels, task.submission
    run.write_oof(Oof(labels, done.combined.oof, names))
    write_submission(run.submission_path, ids, done.combined.test, form)
    check_submission(run.submission_path, form, ids=ids)
    run.write_ensemble(_ensemble(record, config, done))
    report = summarise(
        record.model_copy(update={"finished": now()}),
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
    run.write_report(report)
    # With an old page, the report would look out of date and be computed again.
    with suppress(OSError):
        run.page_path.unlink()
    return report


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
