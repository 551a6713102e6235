"""Read the runs that `kit ensemble` combines, and refuse those that cannot be combined."""

import shlex
from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

from kit.config.root import FITTED_METHODS
from kit.ensembling.sources import SourceColumns, read_source
from kit.errors import UserError
from kit.files import REPAIR
from kit.pipeline.same_data import (
    FinishedRun,
    check_same_data,
    check_same_metric,
    check_same_rows,
    read_finished,
)
from kit.run_folder import RUNS, Run

_ONCE = "the method decides how much each column counts"


def read_combinable(runs: Sequence[Run]) -> list[FinishedRun]:
    """Return finished runs on the same data, none of them an ensemble.

    Args:
        runs: one or more.

    Raises:
        UserError: they cannot be combined.
    """
    [(place, times)] = Counter(run.path.resolve() for run in runs).most_common(1)
    if times > 1:
        raise UserError(
            f"this run is named {'twice' if times == 2 else f'{times} times'}",
            where=place.name,
            hint=f"name each run once; {_ONCE}",
        )
    finished = read_finished(runs, "combined")
    for one in finished:
        if one.record.sources:
            raise UserError(
                "this is an ensemble, and an ensemble cannot be combined",
                where=one.name,
                hint=f"combine the runs that it consists of: {command_of(_without_ensembles(finished))}",
            )
    for one, other in combinations(finished, 2):
        check_same_data(one, other)
    for other in finished[1:]:
        check_same_rows(finished[0], other)
        check_same_metric(finished[0], other)
    return finished


def read_columns(finished: Sequence[FinishedRun], method: str, *, tta: bool | None) -> list[SourceColumns]:
    """Return the columns of each run.

    Args:
        finished: from `read_combinable`.
        method: one of `kit.ensembling.methods.METHODS`, or auto.
        tta: use the mean over views; None: as each run does.

    Raises:
        UserError: a run is damaged, two runs have the same columns, no network has views for `tta`, or a
            fitted method has a single column.
    """
    parts = [_columns(one, tta) for one in finished]
    for one, other in combinations([part.source for part in parts], 2):
        if one.content == other.content:
            raise UserError(
                "these runs have the same predictions",
                where=f"{one.name} and {other.name}",
                hint=f"name one of them; {_ONCE}",
            )
    if tta and not any(part.source.tta for part in parts):
        raise UserError(
            "no network of these runs predicts views",
            where="--set ensemble.tta=true",
            hint="train one with --set models.NAME.augmentation.tta=true",
        )
    if sum(len(part.columns) for part in parts) == 1 and method in FITTED_METHODS:
        raise UserError(
            f"method {method} needs two columns or more, and there is one",
            where=parts[0].source.name,
            hint="add a run, train more seeds, or choose --method mean",
        )
    return parts


def command_of(paths: Sequence[Path]) -> str:
    """Return the command that combines runs, without options: a run outside of runs/ is named by its path."""
    names = [path.name if path.parent == RUNS else str(path) for path in paths]
    return shlex.join(["kit", "ensemble", *names])


def _without_ensembles(finished: Sequence[FinishedRun]) -> list[Path]:
    """Return the folders of the runs, and in place of each ensemble those of its sources, each once."""
    paths = [
        [Path(source.path) for source in one.record.sources] if one.record.sources else [one.run.path]
        for one in finished
    ]
    return list(dict.fromkeys(path for some in paths for path in some))


def _columns(one: FinishedRun, tta: bool | None) -> SourceColumns:
    part = read_source(one.run, one.name, tta=tta)
    first, classes = part.columns[0], len(one.table.names)
    expected = (len(one.table.labels), classes), (one.record.test_rows or len(first.test), classes)
    if (first.oof.shape, first.test.shape) != expected:
        raise UserError(
            "damaged: its members do not fit its oof.csv",
            where=str(one.run.path),
            expected="training rows, test rows and classes " + _sizes(*expected),
            received=_sizes(first.oof.shape, first.test.shape),
            hint=REPAIR,
        )
    return part


def _sizes(train: Sequence[int], test: Sequence[int]) -> str:
    return f"{train[0]:,}, {test[0]:,} and {train[1]}"
