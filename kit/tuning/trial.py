"""One trial: a configuration trained on some of its folds, in one worker process."""

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kit import metrics
from kit.config import Config, load
from kit.data.dataset import Dataset
from kit.errors import KitError, UserError
from kit.members import Member
from kit.training.launch.base import DataFolder, Device, Launcher, Progress
from kit.training.launch.session import Session
from kit.training.plan import make_jobs, resolve_numerics
from kit.tuning.space import Space
from kit.tuning.study import TrialFailedError, TrialStoppedError

if TYPE_CHECKING:
    from optuna import Trial

FOLD = 100
"""Steps of a fold where epochs are reported: percent, so that trials of any number of epochs compare."""
TEST_ROWS = 1000
"""Test images that a worker is given: a trial needs none, and a whole batch compiles no step of its own."""
COPIED = ("seconds", "startup", "loss_folds", "accuracy")
"""User attributes that a trial takes over from an earlier one with the same parameters."""


def check_unchanged(config_name: str, changes: Sequence[str], config: Config) -> None:
    """Check that a configuration still is what it was: nobody may edit its files while it is tuned.

    Raises:
        UserError: it is not.
    """
    if load(config_name, changes) != config:
        raise UserError(
            "the configuration has changed since it began to be tuned",
            where=config_name,
            hint="the same command tunes it as it is now; as it was, it goes on with the same study",
        )


class Slot:
    """Runs trials one after the other on one device, and stops them.

    Args:
        launcher: starts the workers.
        device: what they compute on.
        on_progress: called with the trial's number after each epoch.
    """

    def __init__(
        self, launcher: Launcher, device: Device, on_progress: Callable[[int, Progress], None]
    ) -> None:
        self.launcher, self.device, self.on_progress = launcher, device, on_progress
        self.stopped: str | None = None
        self._session: Session | None = None
        self._lock = threading.Lock()

    @contextmanager
    def session(self, data: DataFolder) -> Iterator[Session]:
        """Give a session that trains the members of one trial, until `stop` ends it."""
        with Session(self.launcher, self.device, data) as session:
            with self._lock:
                self._session = session
                if self.stopped:
                    session.stop()
            yield session

    def stop(self, reason: str) -> None:
        """End the running trial, and any later one, from whatever thread; the first reason counts."""
        with self._lock:
            self.stopped = self.stopped or reason
            if self._session:
                self._session.stop()


@dataclass(frozen=True, eq=False)
class Objective:
    """The log loss, in nats, of a configuration with the parameters of a trial.

    It is that of all rows that the first `tune.folds` folds hold out, trained with the first of the seeds;
    several models are combined by the mean of their probabilities.

    Attributes:
        config_name, changes: the configuration, as `kit.config.load` takes it.
        config: the same, resolved.
        space: what trials choose from.
        dataset: the training rows.
        folds: (rows,) int8, the fold that holds each row out.
    """

    config_name: str
    changes: Sequence[str]
    config: Config
    space: Space
    dataset: Dataset
    folds: NDArray[np.int8]

    def __call__(self, trial: "Trial", slot: Slot) -> float:
        """Train what the trial describes, and keep figures of it as its user attributes.

        A trial with the parameters of an earlier one is not trained: it ends as that one did.

        Raises:
            TrialFailedError: it failed.
            TrialStoppedError: the slot was told to stop.
            optuna.TrialPruned: it is losing.
            UserError: the configuration is no longer what it was.
        """
        check_unchanged(self.config_name, self.changes, self.config)
        params = self.space.suggest(trial)
        known = _known_value(trial)
        if known is not None:
            return known
        try:
            config = load(self.config_name, [*self.changes, *self.space.changes(params)])
            with slot.session(DataFolder.of(self.dataset)) as session:
                return self._train(trial, config, session, slot)
        except KitError as error:
            if slot.stopped:
                raise TrialStoppedError(slot.stopped) from error
            raise TrialFailedError(str(error).splitlines()[0]) from error

    def _train(self, trial: "Trial", config: Config, session: Session, slot: Slot) -> float:
        report = _Report(trial, config)
        labels = self.dataset.train_labels
        rows: list[NDArray[np.int64]] = []
        probs: list[NDArray[np.float64]] = []
        seconds: list[float] = []
        startup = 0.0

        def follow(progress: Progress) -> None:
            slot.on_progress(trial.number, progress)
            if not math.isfinite(progress.val_loss):
                raise TrialFailedError(f"{progress.member}: its loss is {progress.val_loss}")
            report.epoch(progress)

        try:
            for fold in range(report.folds):
                members = [Member(model, fold, config.seeds[0]) for model in config.models]
                jobs = make_jobs(
                    members,
                    config,
                    resolve_numerics(config),
                    self.folds[None],
                    self.dataset,
                    test_rows=TEST_ROWS,
                )
                results = [session.train(job, follow) for job in jobs]
                seconds.append(sum(one.history["seconds"] for one in results))
                startup += sum(one.history["startup_seconds"] for one in results)
                rows.append(results[0].val_rows)
                probs.append(np.stack([one.val_probs for one in results]).mean(axis=0, dtype=np.float64))
                report.fold(metrics.log_loss(probs[-1], labels[rows[-1]]))
        finally:
            for key, value in (("seconds", seconds), ("startup", startup), ("loss_folds", report.losses)):
                trial.set_user_attr(key, value)
        blend, held_out = np.concatenate(probs), labels[np.concatenate(rows)]
        trial.set_user_attr("accuracy", metrics.accuracy(blend, held_out))
        return metrics.log_loss(blend, held_out)


class _Report:
    """Tells Optuna how a trial is doing, in the steps that its pruner is made for.

    The Wilcoxon test pairs the losses of single folds. The others take the mean over folds, that of the
    current one after each epoch; of several models one alone says little, so then after each fold.

    Attributes:
        folds: how many will be trained.
        losses: of those that are done.
    """

    def __init__(self, trial: "Trial", config: Config) -> None:
        self.folds, self.losses = min(config.tune.folds, config.folds.count), list[float]()
        self._trial, self._step = trial, -1
        self._paired = config.tune.pruner == "wilcoxon"
        self._by_epoch = not self._paired and len(config.models) == 1

    def epoch(self, progress: Progress) -> None:
        if self._by_epoch:
            # In tenths, so that trials of different length meet at the same steps.
            tenths = 10 * progress.epoch // progress.epochs
            self._tell(FOLD * progress.member.fold + FOLD // 10 * tenths, [*self.losses, progress.val_loss])

    def fold(self, loss: float) -> None:
        self.losses.append(loss)
        if self._paired:
            self._tell(len(self.losses) - 1, [loss])
        elif not self._by_epoch:
            self._tell(FOLD * len(self.losses), self.losses)

    def _tell(self, step: int, losses: Sequence[float]) -> None:
        from optuna import TrialPruned

        # Of more than 10 epochs some share a tenth. A member that is trained again repeats its epochs.
        if step <= self._step:
            return
        self._step = step
        self._trial.report(float(np.mean(losses)), step)
        # Nothing is saved at the end; and the baseline is what everything is measured by, but it is asked for
        # too, since the pruner takes note of whom it has seen.
        end = self.folds - 1 if self._paired else FOLD * self.folds
        if step < end and self._trial.should_prune() and "baseline" not in self._trial.user_attrs:
            raise TrialPruned


def _known_value(trial: "Trial") -> float | None:
    """Return the value of an earlier trial with the same parameters, and copy what is known of it.

    Raises:
        optuna.TrialPruned: that one was pruned.
    """
    from optuna import TrialPruned
    from optuna.trial import TrialState

    states = (TrialState.COMPLETE, TrialState.PRUNED)
    ended = trial.study.get_trials(deepcopy=False, states=states)
    same = [one for one in ended if one.params == trial.params]
    if not same:
        return None
    earlier = min(same, key=lambda one: (one.state != TrialState.COMPLETE, one.number))
    trial.set_user_attr("repeat_of", earlier.number)
    for key in COPIED:
        if key in earlier.user_attrs:
            trial.set_user_attr(key, earlier.user_attrs[key])
    for step, value in earlier.intermediate_values.items():
        trial.report(value, step)
    if earlier.state == TrialState.PRUNED:
        raise TrialPruned
    return earlier.value
