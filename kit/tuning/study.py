"""A study that several threads, processes and machines share: opened, claimed trial by trial, never lost.

Optuna keeps the trials. What is added here is the count (`--trials N` is never overshot), the baseline as
trial 0, and the place in the study that a trial keeps when it is stopped or lost and queued again.
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from kit.config import Tune
from kit.errors import UserError
from kit.masking import masked
from kit.tuning.queued import invalid_reason
from kit.tuning.retries import BEYOND, counted, next_position, position, queue_again, queue_lost
from kit.tuning.space import Space
from kit.tuning.storage import check_storage, locked, open_storage

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler
    from optuna.storages import RDBStorage
    from optuna.trial import FrozenTrial

RANDOM_TRIALS = 5
"""Before TPE begins; Optuna's 10 would be half of a study of an hour."""
# The median rule is the default by measurement: 26 random configurations of lenet-regularized (7,500
# rows, 10 epochs), replayed in 100 orders with 2 folds a trial. It takes 51 % of the time, misses the best
# loss by 0.0 %, and keeps 2.5 of the three best trials, which the confirmation wants. Halving: 43 %, 0.0 %,
# 1.9 trials (from 30 percent on: 28 %, 0.5 %, 1.0). The Wilcoxon test saves nothing at 2 or 3 folds.
MEDIAN_FIRST, MEDIAN_TRIALS = 50, 5
"""In percent of a fold, and in complete trials: from then on a trial must not be worse than most were."""
HALVING_FIRST, HALVING_FACTOR = 50, 2
"""In percent of a fold, folds counted on: of those that reach 50, 100, 200, ... the better half goes on."""
WILCOXON_P, WILCOXON_FOLDS = 0.2, 2
"""Of n folds the least p is 2**-n: this one acts from the third fold on."""


class TrialFailedError(Exception):
    """A trial failed for the reason given, and the study goes on."""


class TrialStoppedError(TrialFailedError):
    """A trial was stopped from outside: its parameters are queued again, in its place."""


@dataclass(frozen=True)
class SharedStudy:
    """A study that is open; see `open`.

    Attributes:
        study: for reading; trials are begun with `claim`.
        storage: where it is kept.
        tune: sampler, pruner and seed.
        space: what trials choose from.
        lock: the file that processes on this machine lock while they claim.
        local: whether nobody claims without that lock.
    """

    study: "Study"
    storage: "RDBStorage"
    tune: Tune
    space: Space
    lock: Path
    local: bool

    @classmethod
    def open(  # noqa: PLR0917 - few pass them, in the order in which they depend on each other
        cls, name: str, url: str, folder: Path, tune: Tune, space: Space, made_of: Mapping[str, str]
    ) -> Self:
        """Create a study, or join it where it is there already.

        Args:
            name: of the study, in its storage.
            url: an Optuna storage URL: SQLite or a database server.
            folder: of the study's files; created.
            tune: sampler, pruner and seed.
            space: what trials choose from; its baseline is queued as trial 0.
            made_of: what decides the value of a trial; kept as the study's user attribute "kit".

        Raises:
            UserError: the storage cannot be opened, or its study of that name is made of something else.
        """
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        file = check_storage(url, folder)
        lock = file.with_name(f"{file.name}.lock") if file else folder / "study.lock"
        try:
            lock.parent.mkdir(parents=True, exist_ok=True)
            lock.touch()
        except OSError as error:
            raise UserError(f"cannot be written: {error.strerror}", where=str(lock)) from error
        with locked(lock):
            storage = open_storage(url, queue_lost, local=file is not None)
            study = optuna.create_study(storage=storage, study_name=name, load_if_exists=True)
            _join(study, space, made_of)
        folder.mkdir(parents=True, exist_ok=True)
        return cls(study, storage, tune, space, lock, file is not None)

    def trial_count(self) -> int:
        """Return how many trials there are, waiting and running ones too; one queued again counts once."""
        return len(counted(self.study.get_trials(deepcopy=False)))

    def running(self) -> dict[int, Any]:
        """Return the trials that are running, in whatever process, each with its latest sign of life.

        Only those that kit runs give any; of others it is None.
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
        """Begin a trial, run it, and return how it ended; None where the study has its `trials`.

        Args:
            objective: called with the trial, which has its parameters already. It returns the trial's value,
                or raises TrialFailedError, TrialStoppedError or optuna.TrialPruned; whatever else it raises
                is raised here, once the trial is recorded as failed.
            trials: of the study, at most; None: no limit.
        """
        from optuna.exceptions import TrialPruned, UpdateFinishedTrialError

        study = copy(self.study)
        claimed: list[int] = []
        errors: list[Exception] = []
        with ExitStack() as claim:
            # Held until the trial is running, so that no other thread or process here takes the same place.
            claim.enter_context(locked(self.lock))
            self._fail_lost()
            taken = next_position(self.study.get_trials(deepcopy=False))
            if trials is not None and taken >= trials:
                return None
            # Seeded by the position: a study that was interrupted goes on as if it had not been, and two
            # processes with one seed never propose the same.
            study.sampler, study.pruner = self._sampler(taken), self._pruner()

            def run(trial: "Trial") -> float:
                try:
                    self._check_position(trial, trials)
                    claimed.append(trial.number)
                    # Optuna's thread does so soon, but who is killed before would be running for ever.
                    self.storage.record_heartbeat(trial._trial_id)
                    # Still locked, since a sampler keeps away from what running trials try.
                    self._choose(trial)
                    claim.close()
                    return objective(trial)
                except (TrialPruned, UpdateFinishedTrialError):
                    raise
                except TrialFailedError as error:
                    self._fail(trial, error)
                    raise
                except Exception as error:
                    errors.append(error)
                    raise

            try:
                # Trials have a heartbeat in `optimize` alone.
                study.optimize(run, n_trials=1, catch=(Exception,))
            except Exception:
                # A process that was asleep for longer than GRACE finds its trial failed, and queued again, by
                # another; Optuna then refuses the trial's end.
                if not (claimed and self._trial(claimed[0]).state.is_finished()):
                    raise
        if errors:
            raise errors[0]
        return self._trial(claimed[0]) if claimed else None

    def fail_lost(self) -> None:
        """Fail trials whose process is gone, and queue them again, as `claim` does before each trial."""
        with locked(self.lock):
            self._fail_lost()

    def _fail_lost(self) -> None:
        from optuna.storages import fail_stale_trials
        from optuna.trial import TrialState

        fail_stale_trials(self.study)
        for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            # Killed before its first heartbeat: it lacks its parameters, though nobody is claiming now.
            lacks = not trial.params and (self.space.baseline or "baseline" not in trial.user_attrs)
            if self.local and lacks:
                self.study.tell(trial.number, state=TrialState.FAIL)
                queue_again(self.study, trial)

    def _trial(self, number: int) -> "FrozenTrial":
        return self.study.get_trials(deepcopy=False)[number]

    def _check_position(self, trial: "Trial", trials: int | None) -> None:
        """Fail a trial that another machine, which does not know the lock, left no place for."""
        known = self.study.get_trials(deepcopy=False)
        if trials is not None and position(known[trial.number], known) >= trials:
            raise TrialFailedError(BEYOND)

    def _choose(self, trial: "Trial") -> None:
        """Let a trial choose its parameters; fail one that was queued with what the space does not have."""
        given = {**self._trial(trial.number).system_attrs.get("fixed_params", {}), **trial.params}
        if reason := invalid_reason(self.space, given):
            raise TrialFailedError(f"it was queued with a wrong {reason}")
        try:
            self.space.suggest(trial)
        except ValueError as error:
            # Another program gave the study a parameter of this name that has other choices.
            raise TrialFailedError(f"its parameters cannot be chosen: {error}") from error

    def _fail(self, trial: "Trial", error: TrialFailedError) -> None:
        frozen = self._trial(trial.number)
        if isinstance(error, TrialStoppedError) and not frozen.state.is_finished():
            queue_again(self.study, frozen)
        trial.set_user_attr("failed", masked(str(error)))

    def _sampler(self, position: int) -> "BaseSampler":
        from optuna.samplers import RandomSampler, TPESampler

        seed = int(np.random.SeedSequence([self.tune.seed, position]).generate_state(1)[0])
        if self.tune.sampler == "random":
            return RandomSampler(seed)
        return TPESampler(
            n_startup_trials=RANDOM_TRIALS, multivariate=True, group=self.space.conditional, seed=seed
        )

    def _pruner(self) -> "BasePruner":
        from optuna.pruners import MedianPruner, NopPruner, SuccessiveHalvingPruner, WilcoxonPruner

        match self.tune.pruner:
            case "median":
                return MedianPruner(MEDIAN_TRIALS, MEDIAN_FIRST - 1)
            case "halving":
                return SuccessiveHalvingPruner(HALVING_FIRST, HALVING_FACTOR)
            case "wilcoxon":
                return WilcoxonPruner(p_threshold=WILCOXON_P, n_startup_steps=WILCOXON_FOLDS)
            case "none":
                return NopPruner()


def _join(study: "Study", space: Space, made_of: Mapping[str, str]) -> None:
    from optuna.study import StudyDirection

    where, hint = f"study {study.study_name}", "choose another --study NAME"
    before, trials = study.user_attrs.get("kit"), study.get_trials(deepcopy=False)
    if before is None:
        foreign = any("baseline" not in trial.user_attrs for trial in trials)
        if foreign or study.directions != [StudyDirection.MINIMIZE]:
            raise UserError("this study was not made by kit tune", where=where, hint=hint)
        if not trials:
            study.enqueue_trial(space.baseline, user_attrs={"baseline": True})
        # Comes last: whoever is killed before has made nothing that is refused later.
        study.set_user_attr("kit", dict(made_of))
        return
    differs = sorted(key for key in before.keys() | made_of.keys() if before.get(key) != made_of.get(key))
    if differs:
        what = f"this study is made of something else; what differs: {', '.join(differs)}"
        raise UserError(what, where=where, hint=hint)
