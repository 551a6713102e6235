"""A study that threads, processes and machines share: open it, claim trials, retry lost ones.

Optuna stores the trials. This module adds an exact count (never more than `--trials N`), the baseline as
trial 0, and the position that a trial keeps when it is stopped or lost and queued again.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from kit.config import Tune
from kit.errors import UserError
from kit.masking import masked
from kit.reports.study.figures import TOOK
from kit.tuning.database_lock import DatabaseLock
from kit.tuning.failures import damage_named
from kit.tuning.join import join
from kit.tuning.pruning import pruner_of
from kit.tuning.queued import invalid_reason
from kit.tuning.retries import (
    BEYOND,
    counted,
    is_retry,
    next_position,
    position,
    queue_again,
    queue_lost,
    restart,
)
from kit.tuning.sampling import sampler_at
from kit.tuning.space import Space
from kit.tuning.storage import check_storage, open_storage
from kit.tuning.study_lock import StudyLock
from kit.tuning.warm_start import WarmStart

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.storages import RDBStorage
    from optuna.trial import FrozenTrial


class TrialFailedError(Exception):
    """A trial failed, and the study continues; the message is the reason."""


class TrialStoppedError(TrialFailedError):
    """A trial was stopped from outside; its parameters are queued again at its position."""


@dataclass(frozen=True)
class SharedStudy:
    """An open study; see `open`.

    Attributes:
        study: for reading; `claim` starts trials.
        storage: of the study.
        tune: sampler, pruner and seed.
        space: the search space.
        lock: held while a process claims a trial.
    """

    study: "Study"
    storage: "RDBStorage"
    tune: Tune
    space: Space
    lock: StudyLock

    @classmethod
    def open(  # noqa: PLR0917 - few pass them, in the order in which they depend on each other
        cls,
        name: str,
        url: str,
        folder: Path,
        tune: Tune,
        space: Space,
        made_of: Mapping[str, str],
        warm_start: WarmStart | None = None,
    ) -> Self:
        """Create a study, or join the existing one.

        Args:
            name: of the study, in its storage.
            url: an Optuna storage URL: SQLite or a database server.
            folder: of the study's files; created.
            tune: sampler, pruner and seed.
            space: the search space; its baseline is queued as trial 0.
            made_of: the settings that a trial's loss depends on; stored as the user attribute "kit".
            warm_start: what a new study takes from an earlier one.

        Raises:
            UserError: the storage cannot be opened, or its study of that name has other settings or did not
                start from the same study.
        """
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        file = check_storage(url, folder)
        lock_file = file.with_name(f"{file.name}.lock") if file else folder / "study.lock"
        try:
            lock_file.parent.mkdir(parents=True, exist_ok=True)
            lock_file.touch()
        except OSError as error:
            raise UserError(f"cannot be written: {error.strerror}", where=str(lock_file)) from error
        lock = StudyLock(name, lock_file, DatabaseLock.of(url), is_server=file is None)
        with damage_named(url), lock.opening():
            storage = open_storage(url, queue_lost, local=file is not None)
            study = optuna.create_study(storage=storage, study_name=name, load_if_exists=True)
            study.get_trials(deepcopy=False)  # Damage is found before anything is computed.
            join(study, space, made_of, warm_start)
        folder.mkdir(parents=True, exist_ok=True)
        return cls(study, storage, tune, space, lock)

    def trial_count(self) -> int:
        """Return the number of trials, waiting and running ones included; retries do not count."""
        return len(counted(self.study.get_trials(deepcopy=False)))

    def started_count(self) -> int:
        """Return the number of trials that were ever started; retries do not count."""
        from optuna.trial import TrialState

        trials = counted(self.study.get_trials(deepcopy=False))
        return sum(one.state != TrialState.WAITING for one in trials)

    def running(self) -> dict[int, object]:
        """Return the running trials of all processes by number, each with its latest heartbeat.

        Trials of other programs have none (None).
        """
        import sqlalchemy
        from optuna.trial import TrialState

        running = self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        if not running:
            return {}
        with self.storage.engine.connect() as connection:
            beats = connection.execute(sqlalchemy.text("SELECT trial_id, heartbeat FROM trial_heartbeats"))
            signs = {row.trial_id: row.heartbeat for row in beats}
        return {trial.number: signs.get(trial._trial_id) for trial in running}

    def claim(self, objective: "Callable[[Trial], float]", trials: int | None) -> "FrozenTrial | None":
        """Start a trial, run it, and return its final state; None if the study has `trials` already.

        Args:
            objective: called with the trial, whose parameters are chosen. It returns the loss, or raises
                TrialFailedError, TrialStoppedError or optuna.TrialPruned; any other error is raised here,
                after the trial is recorded as failed.
            trials: maximum of the study; None: no limit.
        """
        from optuna.exceptions import StorageInternalError, TrialPruned, UpdateFinishedTrialError

        study = copy(self.study)
        claimed: list[int] = []
        errors: list[Exception] = []
        with ExitStack() as claim:
            # Locked until the trial is running, so that no other thread or process takes its position.
            claim.enter_context(self.lock.claiming())
            self._fail_lost()
            taken = next_position(self.study.get_trials(deepcopy=False))
            if trials is not None and taken >= trials:
                return None
            study.sampler, study.pruner = sampler_at(taken, self.tune, self.space), pruner_of(self.tune)

            def run(trial: "Trial") -> float:
                try:
                    self._check_position(trial, trials)
                    claimed.append(trial.number)
                    # Optuna's thread sends one soon; a trial killed before it would count as running forever.
                    self.storage.record_heartbeat(trial._trial_id)
                    # Still locked, since a sampler avoids the parameters of running trials.
                    self._choose(trial)
                    claim.close()
                    began = time.monotonic()
                    try:
                        return objective(trial)
                    finally:
                        trial.set_user_attr(TOOK, time.monotonic() - began)
                except (TrialPruned, UpdateFinishedTrialError):
                    raise
                except TrialFailedError as error:
                    self._fail(trial, error)
                    raise
                except StorageInternalError as error:
                    errors.append(error)
                    # Not the trial has failed: it is trained again, if the storage can take a note of that.
                    with suppress(StorageInternalError):
                        self._fail(trial, TrialStoppedError("the storage failed"))
                    raise
                except Exception as error:
                    errors.append(error)
                    raise

            try:
                # Only `optimize` sends heartbeats.
                study.optimize(run, n_trials=1, catch=(Exception,))
            except Exception as error:
                # If this process was suspended for longer than GRACE, another one has failed its trial and
                # queued it again; Optuna then rejects the result.
                if not (claimed and self._trial(claimed[0]).state.is_finished()):
                    # Without a storage Optuna cannot record the failure, and raises AssertionError.
                    raise (errors or [error])[0] from error
        if errors:
            raise errors[0]
        return self._trial(claimed[0]) if claimed else None

    def fail_lost(self) -> None:
        """Fail trials whose process has ended, and queue them again; `claim` does so before each trial."""
        with self.lock.claiming():
            self._fail_lost()

    def _fail_lost(self) -> None:
        from optuna.storages import fail_stale_trials

        fail_stale_trials(self.study)
        # Killed before its first heartbeat: it has no parameters but those of the trial that it retries,
        # although no process is claiming now.
        for number, heartbeat in self.running().items() if self.lock.exclusive else ():
            trial = self._trial(number)
            unset = not trial.params and (self.space.baseline or "baseline" not in trial.user_attrs)
            if unset or (heartbeat is None and is_retry(trial)):
                restart(self.study, trial)

    def _trial(self, number: int) -> "FrozenTrial":
        return self.study.get_trials(deepcopy=False)[number]

    def _check_position(self, trial: "Trial", trials: int | None) -> None:
        """Fail a trial if a process that does not share the lock took the last position."""
        known = self.study.get_trials(deepcopy=False)
        if trials is not None and position(known[trial.number], known) >= trials:
            raise TrialFailedError(BEYOND)

    def _choose(self, trial: "Trial") -> None:
        """Choose the parameters of a trial; fail it if it was queued with invalid ones."""
        given = {**self._trial(trial.number).system_attrs.get("fixed_params", {}), **trial.params}
        if reason := invalid_reason(self.space, given):
            raise TrialFailedError(f"it was queued with an invalid {reason}")
        try:
            self.space.suggest(trial)
        except ValueError as error:
            # Another program added a parameter of this name with other choices.
            raise TrialFailedError(f"its parameters cannot be chosen: {error}") from error

    def _fail(self, trial: "Trial", error: TrialFailedError) -> None:
        frozen = self._trial(trial.number)
        if isinstance(error, TrialStoppedError) and not frozen.state.is_finished():
            queue_again(self.study, frozen)
        trial.set_user_attr("failed", masked(str(error)))
