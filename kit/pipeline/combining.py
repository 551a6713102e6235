"""Combine the stored members of a run."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kit.config import Config
from kit.ensembling.calibration import calibrate
from kit.ensembling.columns import Column, assemble
from kit.ensembling.methods import Combined, combine
from kit.members import Member, MemberResult
from kit.runs import Run


@dataclass(frozen=True, eq=False)
class CombinedRun:
    """The ensemble of a run.

    Attributes:
        columns: of the ensemble, calibrated if the configuration says so.
        combined: the ensemble of these columns.
        members: the results of which the columns consist; not calibrated.
        tta: the ensemble without and with test-time augmentation; None if no network predicts views.
    """

    columns: list[Column]
    combined: Combined
    members: dict[Member, MemberResult]
    tta: tuple[Combined, Combined] | None


def combine_members(
    run: Run, config: Config, folds: NDArray[np.int8], labels: NDArray[np.integer]
) -> CombinedRun:
    """Read and combine the members of a run.

    Args:
        run: where the members are stored.
        config: the resolved configuration.
        folds: (seeds, rows) int8, the fold that holds the row out.
        labels: (training rows,) from 0.

    Raises:
        KitError: members do not fit together.
        OSError: a member is missing.
    """
    plain = {member: run.read_member(member) for member in run.planned()}
    columns, combined = _combined(run.name, plain, config, folds, labels)
    if all(result.test_probs_tta is None for result in plain.values()):
        return CombinedRun(columns, combined, plain, None)
    views = {member: result.with_views() for member, result in plain.items()}
    view_columns, of_views = _combined(run.name, views, config, folds, labels)
    tta = combined, of_views
    if config.ensemble.tta:
        return CombinedRun(view_columns, of_views, views, tta)
    return CombinedRun(columns, combined, plain, tta)


def _combined(
    run: str,
    members: Mapping[Member, MemberResult],
    config: Config,
    folds: NDArray[np.int8],
    labels: NDArray[np.integer],
) -> tuple[list[Column], Combined]:
    columns = assemble(members, folds, config.seeds, run)
    by_seed = dict(zip(config.seeds, folds, strict=True))
    held_out = np.stack([by_seed[column.key.seed] for column in columns])
    if config.ensemble.calibrate:
        columns = [calibrate(column, labels, own) for column, own in zip(columns, held_out, strict=True)]
    return columns, combine(columns, labels, held_out, config.ensemble.method)
