"""Assemble members into columns: checked OOF probabilities in row order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kit.errors import KitError
from kit.members import ALL_ROWS, Member, MemberResult

TOLERANCE = 1e-3
"""Maximum deviation of a row's sum of probabilities from 1."""


class ColumnKey(NamedTuple):
    """Key of a column, unique over all runs; `run` is empty where the model's name has the run."""

    run: str
    model: str
    seed: int

    @property
    def column(self) -> str:
        """Model and seed, unique within a run."""
        return f"{self.model}-s{self.seed}"

    def __str__(self) -> str:
        return f"{self.run}/{self.column}" if self.run else self.column


@dataclass(frozen=True, eq=False)
class Column:
    """The predictions of all members of one model and seed.

    Attributes:
        key: run, model and seed.
        oof: (training rows, classes) float32, each row from the member that did not see it.
        test: (test rows, classes) float64, the mean over its members. A member trained on all rows saw
            folds / (folds - 1) times as many rows as the others; without held-out rows, its advantage cannot
            be measured, so it has the same weight.
        held_out: (training rows,) int8, the fold that holds each row out.
        temperature: temperature of the calibrated test probabilities; 1 without calibration.
    """

    key: ColumnKey
    oof: NDArray[np.float32]
    test: NDArray[np.float64]
    held_out: NDArray[np.int8]
    temperature: float = 1.0


def assemble(
    members: Mapping[Member, MemberResult], folds: NDArray[np.int8], seeds: Sequence[int], run: str = ""
) -> list[Column]:
    """Combine members into columns, ordered by model and then as `seeds`.

    The result does not depend on the order of `members`. Members of other seeds are ignored.

    Args:
        members: results of one or more models.
        folds: (seeds, rows), the fold that holds the row out.
        seeds: the seed of each row of `folds`.
        run: name of the run, for the keys of the columns.

    Raises:
        KitError: a member predicts other rows than its fold holds out, a column does not predict each row
            exactly once, classes or test rows differ between members, or a row is not a probability vector.
    """
    first = min(members)
    sizes = members[first].val_probs.shape[1], len(members[first].test_probs)
    columns = []
    for model in sorted({member.model for member in members}):
        for seed, held_out in zip(seeds, folds, strict=True):
            own = {
                member: members[member]
                for member in sorted(members)
                if (member.model, member.seed) == (model, seed)
            }
            for member, result in own.items():
                _check_rows(member, result, np.flatnonzero(held_out == member.fold))
                _check_sizes(member, result, sizes, first)
                _check_probabilities(member, result)
            _check_each_row_once(f"{model}-s{seed}", own, len(held_out))
            columns.append(_column(ColumnKey(run, model, seed), list(own.values()), held_out))
    return columns


def _column(key: ColumnKey, results: Sequence[MemberResult], held_out: NDArray[np.int8]) -> Column:
    oof = np.empty((len(held_out), results[0].val_probs.shape[1]), np.float32)
    for result in results:
        oof[result.val_rows] = result.val_probs
    tests = np.stack([result.test_probs for result in results])
    return Column(key, oof, tests.mean(axis=0, dtype=np.float64), held_out)


def _check_rows(member: Member, result: MemberResult, held_out: NDArray[np.intp]) -> None:
    if len(result.val_probs) != len(result.val_rows):
        raise KitError(
            "probabilities and rows differ in number",
            where=f"member {member}",
            expected=f"{len(result.val_rows)} rows of probabilities",
            received=str(len(result.val_probs)),
            hint="train it again: `kit cv --fresh`",
        )
    if not np.array_equal(result.val_rows, held_out):
        foreign = len(np.setdiff1d(result.val_rows, held_out))
        raise KitError(
            f"it predicts other rows than fold {member.fold} holds out",
            where=f"member {member}",
            expected=f"the fold's {len(held_out)} rows, ascending",
            received=f"{len(result.val_rows)} rows, {foreign} of them not in the fold",
            hint="the folds changed after it was trained; train again: `kit cv --fresh`",
        )


def _check_sizes(member: Member, result: MemberResult, sizes: tuple[int, int], first: Member) -> None:
    classes, test_rows = sizes
    if result.val_probs.shape[1] != classes or result.test_probs.shape != (test_rows, classes):
        val, test = result.val_probs.shape, result.test_probs.shape
        raise KitError(
            "its probabilities have another shape",
            where=f"member {member}",
            expected=f"{classes} classes and {test_rows} test rows, as member {first} has",
            received=f"{val[1]} classes for held-out rows; {test[1]} classes and {test[0]} rows for test",
            hint="the data changed after it was trained; train again: `kit cv --fresh`",
        )


def _check_probabilities(member: Member, result: MemberResult) -> None:
    for kind, probs in (("held-out", result.val_probs), ("test", result.test_probs)):
        with np.errstate(invalid="ignore"):
            sums = probs.sum(axis=1, dtype=np.float64)
        # Negated, so that NaN, which compares as false, counts as wrong.
        wrong = np.flatnonzero(~((np.abs(sums - 1) <= TOLERANCE) & (probs >= 0).all(axis=1)))
        if wrong.size:
            row = probs[wrong[0]]
            raise KitError(
                f"{wrong.size} of its {len(probs)} {kind} rows are not probabilities",
                where=f"member {member}",
                expected="numbers of at least 0 that sum to 1",
                received=f"{row.min():.4g} to {row.max():.4g}, sum {sums[wrong[0]]:.4g}",
                hint="the training diverged; lower training.learning_rate",
            )


def _check_each_row_once(column: str, own: Mapping[Member, MemberResult], rows: int) -> None:
    times = np.zeros(rows, np.int64)
    for result in own.values():
        times[result.val_rows] += 1
    wrong = np.flatnonzero(times != 1)
    if wrong.size:
        raise KitError(
            f"{wrong.size} of {rows} training rows are not predicted exactly once (first: row {wrong[0]})",
            where=f"column {column}",
            expected="one member per fold",
            received=f"folds {', '.join(str(one.fold) for one in own if one.fold != ALL_ROWS) or 'none'}",
            hint="train the missing members: `kit cv`",
        )
