"""Join a study: queue its first trials if it is new, else check that it has the same settings."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from kit.errors import UserError
from kit.tuning.space import Space
from kit.tuning.warm_start import STARTED_FROM, WarmStart

if TYPE_CHECKING:
    from optuna import Study


def join(study: "Study", space: Space, made_of: Mapping[str, str], warm_start: WarmStart | None) -> None:
    """Queue the baseline and the trials of an earlier study, or check an existing study.

    The caller holds the lock of the study.

    Args:
        study: new or existing.
        space: the search space; its baseline is queued as trial 0.
        made_of: the settings that a trial's loss depends on; stored as the user attribute "kit".
        warm_start: what a new study takes from an earlier one.

    Raises:
        UserError: another program created the study, it has other settings, or it did not start from the
            same study.
    """
    from optuna.study import StudyDirection

    where, hint = f"study {study.study_name}", "choose another --study NAME"
    before, trials = study.user_attrs.get("kit"), study.get_trials(deepcopy=False)
    if before is None:
        foreign = any(not {"baseline", STARTED_FROM} & trial.user_attrs.keys() for trial in trials)
        if foreign or study.directions != [StudyDirection.MINIMIZE]:
            raise UserError("`kit tune` did not create this study", where=where, hint=hint)
        if not trials:
            study.enqueue_trial(space.baseline, user_attrs={"baseline": True})
        if warm_start:
            warm_start.queue(study)
        # Last, so that a process killed before this line leaves nothing that is refused later.
        study.set_user_attr("kit", dict(made_of))
        return
    differs = sorted(key for key in before.keys() | made_of.keys() if before.get(key) != made_of.get(key))
    if differs:
        what = f"the study was created with other settings; different: {', '.join(differs)}"
        if "version" in differs:
            what = "another version of kit created this study"
        raise UserError(what, where=where, hint=hint)
    if warm_start:
        warm_start.check_resumed(study)
