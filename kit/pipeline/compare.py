"""`kit compare`: several runs on the same rows, from their folders alone."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import reduce
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kit.data.source import find_local
from kit.errors import UserError
from kit.interrupts import is_interrupt
from kit.metrics import METRICS, Metric, row_losses
from kit.oof import Oof
from kit.pipeline.same_data import FinishedRun, check_same_data, check_same_labels, read_finished
from kit.records import ChangedRow, Contender, Prediction, RunComparison, Score
from kit.reports.compare.page import MOST_CARDS, write_page
from kit.reports.pairs import compare_pairs
from kit.run_folder import Run, comparison_path


def compare(runs: Sequence[Run]) -> RunComparison:
    """Compare two or more finished runs on the rows that all of them have.

    Raises:
        UserError: fewer than two runs, an unfinished or damaged run, or runs on different data.
    """
    if len(runs) < 2:
        raise UserError(
            "a single run cannot be compared", expected="two or more runs", hint="`kit runs` lists them"
        )
    finished = read_finished(runs, "compared")
    first = finished[0]
    # All pairs: a run of version 1 has no fingerprint that later ones can be compared with.
    for one, other in combinations(finished, 2):
        check_same_data(one, other)
    tables = _shared([one.table for one in finished])
    labels, rows = tables[0].labels, tables[0].rows
    for other, table in zip(finished[1:], tables[1:], strict=True):
        check_same_labels(first, tables[0], other, table)
    metric, probs = METRICS[first.report.metric], [table.probs for table in tables]
    return RunComparison(
        metric=metric.name,
        rows=len(rows),
        labels=first.table.names,
        fingerprint=min(finished, key=lambda one: one.is_old).record.fingerprint,
        sample=first.record.sample,
        contenders=tuple(
            _contender(one, Score.of(metric, own, labels)) for one, own in zip(finished, probs, strict=True)
        ),
        pairs=compare_pairs(
            [one.name for one in finished],
            probs,
            labels,
            metric,
            [one.report.time.member_seconds or None for one in finished],
        ),
        changed=_changed(rows, labels, probs, metric),
        notes=tuple(_notes(finished, len(rows))),
    )


def draw(comparison: RunComparison, runs: Sequence[Run], say: Callable[[str], None]) -> Path | None:
    """Write the page of a comparison.

    Args:
        comparison: the figures.
        runs: the runs.
        say: receives why the page cannot be written.

    Returns:
        The path; None if the page cannot be written.
    """
    path = comparison_path([one.run for one in comparison.contenders])
    try:
        write_page(path, comparison, _images(comparison, runs))
    except OSError as error:
        say(f"the page cannot be written: {path}: {error.strerror}")
        return None
    except Exception as error:
        if is_interrupt(error):  # within an import, whose error replaces it
            raise KeyboardInterrupt from error
        # The comparison is shown, whatever is wrong with its page.
        say(f"the page cannot be drawn: {type(error).__name__}: {error}")
        return None
    return path


def _images(comparison: RunComparison, runs: Sequence[Run]) -> dict[int, NDArray[np.uint8]]:
    """Return images of changed rows by row: from the runs, else from the data if this machine has it."""
    missing = {one.row for one in comparison.changed[:MOST_CARDS]}
    images: dict[int, NDArray[np.uint8]] = {}
    for run in runs:
        with suppress(UserError):
            images |= run.read_images().train
    missing -= images.keys()
    records = [run.read_record() for run in runs]
    record = next(one for one in records if one.fingerprint == comparison.fingerprint)
    dataset = find_local(record) if missing else None
    return images | {row: np.asarray(dataset.train_images[row]) for row in missing} if dataset else images


def _shared(tables: Sequence[Oof]) -> list[Oof]:
    """Return the tables with the rows that all of them have, ascending."""
    rows = reduce(np.intersect1d, [table.rows for table in tables])
    shared = []
    for table in tables:
        order = np.argsort(table.rows)
        at = order[np.searchsorted(table.rows, rows, sorter=order)]
        shared.append(replace(table, labels=table.labels[at], probs=table.probs[at], numbers=rows))
    return shared


def _contender(one: FinishedRun, score: Score) -> Contender:
    report = one.report
    return Contender(
        run=one.name,
        config=report.config,
        models=tuple(model.model for model in report.models),
        members=len(report.members),
        ensemble=report.ensemble,
        score=score,
        wall_seconds=report.time.wall_seconds,
        training_seconds=report.time.member_seconds,
    )


def _changed(
    rows: NDArray[np.integer],
    labels: NDArray[np.integer],
    probs: Sequence[NDArray[np.floating]],
    metric: Metric,
) -> tuple[ChangedRow, ...]:
    """Return the rows that some runs predict correctly and others not, the largest change of loss first."""
    guesses = np.stack([metric.decisions(own, labels) for own in probs])
    losses = np.stack([row_losses(own, labels) for own in probs])
    correct, change = guesses == labels, np.ptp(losses, axis=0)
    found = np.flatnonzero(correct.any(axis=0) & ~correct.all(axis=0))
    return tuple(
        ChangedRow(
            row=int(rows[at]),
            label=int(labels[at]),
            predictions=tuple(
                Prediction(
                    predicted=int(guess[at]),
                    confidence=float(own[at, guess[at]]),
                    probability=float(own[at, labels[at]]),
                    correct=bool(guess[at] == labels[at]),
                )
                for own, guess in zip(probs, guesses, strict=True)
            ),
            loss_change=float(change[at]),
        )
        for at in found[np.argsort(-change[found], kind="stable")]
    )


def _notes(finished: Sequence[FinishedRun], rows: int) -> list[str]:
    """Return what limits the comparison, one sentence each."""
    first, notes = finished[0], []
    for one in finished:
        if len(one.table.labels) > rows:
            notes.append(f"{one.name} has {len(one.table.labels):,} rows; {rows:,} are shared.")
        if one.report.metric != first.report.metric:
            own, used = METRICS[one.report.metric].title, METRICS[first.report.metric].title
            notes.append(f"{one.name} has another metric, {own}; the {used} of {first.name} is used for all.")
        if one.is_old and not all(other.is_old for other in finished):
            notes.append(
                f"{one.name} was made by an earlier version of kit, and its data fingerprint cannot be "
                "compared; its labels are the same."
            )
    # An ensemble of runs with different folds has none.
    folds = {one.name: len(one.report.folds.each) for one in finished if one.report.folds.each}
    if len(set(folds.values())) > 1:
        counts = ", ".join(f"{name} {count}" for name, count in folds.items())
        notes.append(f"Numbers of folds differ ({counts}): with more folds, members have more training rows.")
    return notes
