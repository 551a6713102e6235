"""Combine the stored members of a run, or of several."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kit.config import Config
from kit.ensembling.calibration import calibrate
from kit.ensembling.columns import Column, assemble
from kit.ensembling.methods import Combined, combine
from kit.ensembling.selection import choose
from kit.ensembling.sources import SourceColumns
from kit.members import Member, MemberResult
from kit.metrics import METRICS
from kit.records import Combination
from kit.run_folder import Run


@dataclass(frozen=True, eq=False)
class CombinedRun:
    """The ensemble of a run.

    Attributes:
        columns: of the ensemble, calibrated if the configuration says so.
        combined: the ensemble of these columns.
        combination: all methods on these columns; None with a single column.
        members: the results of which the columns consist; not calibrated.
        tta: the ensemble without and with test-time augmentation; None if no network predicts views.
    """

    columns: list[Column]
    combined: Combined
    combination: Combination | None
    members: dict[Member, MemberResult]
    tta: tuple[Combined, Combined] | None

    @property
    def method(self) -> str:
        """The method that was used."""
        return self.combination.method if self.combination else "mean"


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
    views = {member: result.with_views() for member, result in plain.items()}
    used, other = (views, plain) if config.ensemble.tta else (plain, views)
    metric = METRICS[config.competition.metric]
    columns = _columns(run.name, used, config, folds, labels)
    combined, combination = choose(columns, labels, config.ensemble.method, metric)
    done = CombinedRun(columns, combined, combination, used, None)
    if all(result.test_probs_tta is None for result in plain.values()):
        return done
    others = combine(_columns(run.name, other, config, folds, labels), labels, done.method, metric)
    return replace(done, tta=(others, combined) if config.ensemble.tta else (combined, others))


def combine_sources(
    parts: Sequence[SourceColumns], config: Config, labels: NDArray[np.integer]
) -> CombinedRun:
    """Combine the columns of several runs.

    Args:
        parts: of each run.
        config: the resolved configuration of the ensemble.
        labels: (training rows,) from 0.
    """
    labelled = [part.labelled() for part in parts]
    columns = [column for own, _ in labelled for column in own]
    if config.ensemble.calibrate:
        columns = [calibrate(column, labels) for column in columns]
    metric = METRICS[config.competition.metric]
    combined, combination = choose(columns, labels, config.ensemble.method, metric)
    members = {member: result for _, own in labelled for member, result in own.items()}
    return CombinedRun(columns, combined, combination, members, None)


def _columns(
    run: str,
    members: Mapping[Member, MemberResult],
    config: Config,
    folds: NDArray[np.int8],
    labels: NDArray[np.integer],
) -> list[Column]:
    columns = assemble(members, folds, config.seeds, run)
    return [calibrate(column, labels) for column in columns] if config.ensemble.calibrate else columns
