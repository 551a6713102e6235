"""Finished runs, and whether they are on the same data."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kit.errors import UserError
from kit.oof import Oof
from kit.records import Report, RunRecord
from kit.run_folder import Run
from kit.task.submission import submitted_ids


@dataclass(frozen=True)
class FinishedRun:
    """A finished run.

    Attributes:
        name: unique among the runs that are read together.
        run: its folder.
        record: run.json.
        report: report.json.
        table: oof.csv.
    """

    name: str
    run: Run
    record: RunRecord
    report: Report
    table: Oof

    @property
    def is_old(self) -> bool:
        """Whether version 1 of kit made the run; its fingerprints cannot be compared with later ones."""
        return not self.record.labels


def read_finished(runs: Sequence[Run], what: str) -> list[FinishedRun]:
    """Return finished runs.

    Args:
        runs: one or more.
        what: what only finished runs can be, as in "compared".

    Raises:
        UserError: a run is unfinished or damaged.
    """
    return [_read(run, name, what) for run, name in zip(runs, _names(runs), strict=True)]


def _names(runs: Sequence[Run]) -> list[str]:
    """Return the names of the runs; the path of a run whose name another run has too."""
    places = {(run.name, run.path.resolve()) for run in runs}
    names = [name for name, _ in places]
    return [run.name if names.count(run.name) == 1 else str(run.path) for run in runs]


def _read(run: Run, name: str, what: str) -> FinishedRun:
    record = run.read_record()
    if not run.is_finished():
        raise UserError(
            f"not finished ({run.status()}); only finished runs can be {what}",
            where=str(run.path),
            hint=run.how_to_finish(),
        )
    report, table = run.read_report(), run.read_oof()
    if len(table.labels) != report.oof.rows:
        raise UserError(
            "damaged",
            where=str(run.oof_path),
            expected=f"{report.oof.rows:,} rows, as in report.json",
            received=f"{len(table.labels):,}",
            hint=f"delete it, and rerun the run's command, which keeps its members: `{record.command}`",
        )
    return FinishedRun(name, run, record, report, table)


def check_same_data(first: FinishedRun, other: FinishedRun) -> None:
    """Check sample or competition data, classes in their order, and the fingerprint.

    Raises:
        UserError: they differ; the message says in what.
    """
    if first.record.sample != other.record.sample:
        sources = ["the competition's data", "the bundled sample"]
        raise _different(first, other, [sources[one.record.sample] for one in (first, other)])
    if first.table.names != other.table.names:
        raise _different(first, other, _classes(first.table.names, other.table.names))
    if first.is_old == other.is_old and first.record.fingerprint != other.record.fingerprint:
        data = [
            f"{len(one.table.labels):,} rows (fingerprint {one.record.fingerprint[:8]})"
            for one in (first, other)
        ]
        raise _different(first, other, data)


def check_same_labels(first: FinishedRun, table: Oof, other: FinishedRun, other_table: Oof) -> None:
    """Check the labels of tables with the same rows.

    Raises:
        UserError: a label differs, or there are no rows.
    """
    if not len(table.labels):
        rows = [f"rows {one.table.rows.min()} to {one.table.rows.max()}" for one in (first, other)]
        raise _different(first, other, rows)
    differing = np.flatnonzero(table.labels != other_table.labels)
    if differing.size:
        at, count = differing[0], f"{differing.size:,} of {len(table.labels):,} rows"
        labels = [one.names[one.labels[at]] for one in (table, other_table)]
        raise _different(
            first, other, [f"other labels in {count}, as in row {table.rows[at]}: {labels[0]}", labels[1]]
        )


def check_same_rows(one: FinishedRun, other: FinishedRun) -> None:
    """Check the training rows, their labels, and the ids of the test rows.

    Raises:
        UserError: they differ; the message says in what.
    """
    if not np.array_equal(one.table.rows, other.table.rows):
        raise _different(one, other, [f"{len(each.table.rows):,} training rows" for each in (one, other)])
    check_same_labels(one, one.table, other, other.table)
    ids = [submitted_ids(each.run.submission_path) for each in (one, other)]
    if ids[0] != ids[1]:
        received = [f"{len(each):,} test rows" for each in ids]
        if len(ids[0]) == len(ids[1]):
            at = next(at for at, pair in enumerate(zip(*ids, strict=True)) if pair[0] != pair[1])
            received = [f"test row {at} with id {each[at]}" for each in ids]
        raise _different(one, other, received)


def check_same_metric(one: FinishedRun, other: FinishedRun) -> None:
    """Check the metric of the reports.

    Raises:
        UserError: it differs.
    """
    if one.report.metric != other.report.metric:
        raise UserError(
            "these runs have different metrics",
            where=f"{one.name} and {other.name}",
            expected="the same competition.metric",
            received=f"{one.report.metric} and {other.report.metric}",
            hint=f"rerun the command of {other.name} with --set competition.metric={one.report.metric}, "
            "which keeps its members",
        )


def _different(first: FinishedRun, other: FinishedRun, received: Sequence[str]) -> UserError:
    return UserError(
        "these runs are on different data",
        where=f"{first.name} and {other.name}",
        expected="the same rows, labels and classes",
        received=" and ".join(received),
        hint="train one of them again on the data of the other: `kit cv`",
    )


def _classes(first: Sequence[str], other: Sequence[str]) -> list[str]:
    """Return in which classes two runs differ, for each of them."""
    if len(first) != len(other):
        return [f"{len(names)} classes ({', '.join(names[:3])}, …)" for names in (first, other)]
    at = next(index for index, (a, b) in enumerate(zip(first, other, strict=True)) if a != b)
    return [f"class {at} {names[at]!r}" for names in (first, other)]
