"""Start a study from an earlier one: train the best trials of that one again, as the first trials.

Their values are not taken over. They were chosen with the seeds of the earlier search and confirmation, so
the new confirmation must use none of these.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from kit.config.errors import nearest
from kit.errors import UserError
from kit.masking import MASK, masked
from kit.records import ParamValue, StudyOrigin
from kit.reports.study.figures import finite_loss, is_repeat
from kit.studies import StudyFolder, all_studies, find_study
from kit.tuning.failures import storage_failures
from kit.tuning.queued import invalid_reason
from kit.tuning.space import Space
from kit.tuning.storage import load_study, storage_url

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

SEEDS_ELSEWHERE = "seeds used elsewhere"
"""User attribute of a study that started from an earlier one: a list of the seeds that chose its first
trials. They are those of the searches and confirmations of that study and of those that it started from."""
STARTED_FROM = "started from"
"""User attribute of such a study, and of the trials that it was given: the name of the earlier study."""
TRIALS = 5
"""Most trials that are trained again."""


@dataclass(frozen=True)
class WarmStart:
    """What a new study takes from an earlier one.

    Attributes:
        study: name of the earlier study.
        trials: parameters in the space of the new study, the most promising first.
        seeds: for SEEDS_ELSEWHERE.
    """

    study: str
    trials: tuple[dict[str, ParamValue], ...]
    seeds: tuple[int, ...]

    def queue(self, study: "Study") -> None:
        """Queue the trials that are not queued yet: a process may have been killed while it queued them."""
        study.set_user_attr(SEEDS_ELSEWHERE, list(self.seeds))
        study.set_user_attr(STARTED_FROM, self.study)
        queued = sum(STARTED_FROM in one.user_attrs for one in study.get_trials(deepcopy=False))
        for params in self.trials[queued:]:
            study.enqueue_trial(params, user_attrs={STARTED_FROM: self.study})

    def check_resumed(self, study: "Study") -> None:
        """Check that an existing study started from the same one.

        Raises:
            UserError: it did not, and it is too late now.
        """
        before = study.user_attrs.get(STARTED_FROM)
        if before != self.study:
            raise UserError(
                f"the study exists and did not start from {self.study}",
                where=f"study {study.study_name}",
                received=f"one that started from {before}" if before else None,
                hint="choose another --study NAME for a new study, or leave out --warm-start",
            )


def read_warm_start(
    name: str, *, own: StudyFolder, storage: str | None, space: Space, made_of: Mapping[str, str]
) -> WarmStart:
    """Return what a new study takes from an earlier one.

    Args:
        name: of the earlier study, or the path of its folder.
        own: the folder of the new study.
        storage: the `--storage` of the new study; the earlier one may be in it, too.
        space: of the new study.
        made_of: settings of the new study, see `SharedStudy.open`.

    Raises:
        UserError: there is no such study, it cannot be read, it is the new study itself, it has other data or
            another metric, or no complete trial that is valid in the space and differs from the baseline.
    """
    where, files = f"--warm-start {name}", find_study(name)
    if files is None:
        near = nearest(name, [one.name for one in all_studies()])
        hint = "`kit runs` lists the studies; a study that started from a deleted one resumes without it"
        raise UserError(f"there is no study {name!r}{near}", where=where, hint=hint)
    if os.path.realpath(files.path) == os.path.realpath(own.path):
        hint = "choose another --study NAME for the new study; to resume this one, leave out --warm-start"
        raise UserError("a study cannot start from itself", where=where, hint=hint)
    origin = files.read_origin()
    url = _url(files, origin, storage)
    with storage_failures(url):
        study = load_study(url, origin.study)
    _check_comparable(study.user_attrs["kit"], made_of, where)
    confirmed = origin.confirmation
    trials = _best_first(study, confirmed.winner if confirmed else None)
    if not trials:
        hint = f"resume it: `{origin.command}`"
        raise UserError("this study has no complete trial", where=where, hint=hint)
    seeds = {int(study.user_attrs["kit"]["seed of a trial"]), *study.user_attrs.get(SEEDS_ELSEWHERE, ())}
    seeds |= set(confirmed.seeds if confirmed else ())
    return WarmStart(files.name, _restricted(trials, space, where), tuple(sorted(seeds)))


def _url(files: StudyFolder, origin: StudyOrigin, storage: str | None) -> str:
    """Return the URL of the earlier study's storage."""
    if files.database.is_file():
        return storage_url(files.path, None)
    if storage is not None:
        given = storage_url(files.path, storage)
        if masked(given) == origin.storage:
            return given
    if MASK in origin.storage:
        raise UserError(
            "study.json does not have the password of the storage",
            where=str(files.path),
            hint=f"give the same --storage, {origin.storage}, with its password",
        )
    return storage_url(files.path, origin.storage)


def _check_comparable(earlier: Mapping[str, str], made_of: Mapping[str, str], where: str) -> None:
    """Check that both studies have the same data and the same metric."""
    if earlier.get("data") != made_of.get("data"):
        hint = "trials that are good on other data say little about these; leave out --warm-start"
        raise UserError("this study has other data", where=where, hint=hint)
    if earlier.get("metric") != made_of.get("metric"):
        raise UserError(
            "this study has another metric",
            where=where,
            expected=made_of.get("metric"),
            received=earlier.get("metric"),
            hint=f"--set tune.metric={earlier.get('metric')} gives the new study the same",
        )


def _best_first(study: "Study", winner: int | None) -> "list[FrozenTrial]":
    """Return the complete trials that are no repeats: the confirmed one, then the others by value."""
    known = [
        (one.number != winner, loss, one.number, one)
        for one in study.get_trials(deepcopy=False)
        if (loss := finite_loss(one)) is not None and not is_repeat(one)
    ]
    return [one for *_, one in sorted(known, key=lambda entry: entry[:3])]


def _restricted(
    trials: "Sequence[FrozenTrial]", space: Space, where: str
) -> tuple[dict[str, ParamValue], ...]:
    """Return parameters that are in the space and distinct; others get the values of the new baseline.

    Raises:
        UserError: there are none.
    """
    keys = [one.key for one in space.parameters]
    shared = [{key: value for key, value in trial.params.items() if key in keys} for trial in trials]
    if not any(shared):
        earlier = sorted({key for trial in trials for key in trial.params})
        raise UserError(
            "no parameter of this study is in the search space",
            where=where,
            expected=_some(keys),
            received=_some(earlier),
        )
    reasons = [invalid_reason(space, params) for params in shared]
    valid = [space.baseline | one for one, reason in zip(shared, reasons, strict=True) if not reason]
    if not valid:
        raise UserError(
            f"no trial of this study is valid in the search space; the best: {reasons[0]}", where=where
        )
    distinct = [one for place, one in enumerate(valid) if one not in [space.baseline, *valid[:place]]]
    if not distinct:
        raise UserError("no trial of this study differs from the configuration", where=where)
    return tuple(islice(distinct, TRIALS))


def _some(keys: Sequence[str]) -> str:
    return ", ".join(keys[:TRIALS]) + (", …" if len(keys) > TRIALS else "")
