"""One trial: a configuration trained on some of its folds, in one worker process."""

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kit.config import Config, Source
from kit.data.dataset import Dataset
from kit.errors import KitError
from kit.members import Member
from kit.metrics import LOSS, METRICS, Metric
from kit.reports.study.figures import SCORE
from kit.training.launch.base import DataFolder, Device, Event, Launcher, Progress
from kit.training.launch.session import Session
from kit.training.plan import make_jobs, resolve_numerics
from kit.tuning.fidelity import search_folds, shortened, trial_folds, work_share
from kit.tuning.space import Space
from kit.tuning.study import TrialFailedError, TrialStoppedError

if TYPE_CHECKING:
    from optuna import Trial

FOLD = 100
"""Steps per fold in reports after each epoch: percent, so that trials of any number of epochs compare."""
TEST_ROWS = 1000
"""Test images per worker: a trial needs none, and a full batch avoids compiling another step."""
TRIALS_PER_WORKER = 8
"""Start-up takes about 5 s, as long as a short trial."""
WATCHED = 4000
"""Held-out rows that pruning sees after each epoch; all 21,000 of the competition would take 40 % of the time
of a trial. All are predicted at the end."""
COPIED = ("seconds", "share", "startup", "loss_folds", SCORE)
"""User attributes that a trial copies from an earlier one with the same parameters."""


class TrialSlot:
    """Runs trials one after the other on one device, and stops them.

    A worker trains up to TRIALS_PER_WORKER trials, and no other one after a trial that was pruned or failed.

    Args:
        launcher: starts the workers.
        device: what they compute on.
        on_progress: called with the trial's number after each epoch, and in between about once a second.
    """

    def __init__(self, launcher: Launcher, device: Device, on_progress: Callable[[int, Event], None]) -> None:
        self.launcher, self.device, self.on_progress = launcher, device, on_progress
        self.stopped: str | None = None
        self._session: Session | None = None
        self._trained = 0
        self._lock = threading.Lock()

    @contextmanager
    def session(self, data: DataFolder) -> Iterator[Session]:
        """Yield a session that trains the members of one trial, until `stop` ends it."""
        with self._lock:
            session = self._session = self._session or Session(self.launcher, self.device, data)
            if self.stopped:
                session.stop()
        with ExitStack() as ending:
            ending.enter_context(session)
            yield session
            self._trained += 1
            if self._trained % TRIALS_PER_WORKER:
                ending.pop_all()

    def close(self) -> None:
        """End the worker that waits for another trial, if there is one."""
        if self._session:
            self._session.close()

    def stop(self, reason: str) -> None:
        """End the running trial and any later one, from any thread; the first reason counts."""
        with self._lock:
            self.stopped = self.stopped or reason
            if self._session:
                self._session.stop()


@dataclass(frozen=True, eq=False)
class Objective:
    """The loss of a configuration with the parameters of a trial: what the study minimises.

    `Metric.loss` of `tune.metric` over the rows that the first `tune.folds` folds hold out, trained with the
    first seed on `tune.rows` rows and for `tune.epoch_share` of the epochs; several models are combined by
    the mean of their probabilities.

    Attributes:
        source: the configuration that is tuned.
        space: the search space.
        dataset: the training rows.
        folds: (rows,) int8, the fold that holds each row out.
    """

    source: Source
    space: Space
    dataset: Dataset
    folds: NDArray[np.int8]

    def __call__(self, trial: "Trial", slot: TrialSlot) -> float:
        """Train the trial, and store figures as its user attributes.

        A trial with the parameters of an earlier one is not trained, but gets the same result.

        Raises:
            TrialFailedError: it failed.
            TrialStoppedError: the slot was stopped.
            optuna.TrialPruned: it was pruned.
        """
        params = self.space.suggest(trial)
        known = _known_value(trial)
        if known is not None:
            return known
        try:
            config = shortened(self.source.with_changes(self.space.changes(params)))
            with slot.session(DataFolder.of(self.dataset)) as session:
                return self._train(trial, config, session, slot)
        except KitError as error:
            if slot.stopped:
                raise TrialStoppedError(slot.stopped) from error
            raise TrialFailedError(str(error).splitlines()[0]) from error

    def _train(self, trial: "Trial", config: Config, session: Session, slot: TrialSlot) -> float:
        metric, score = METRICS[config.tune.metric], METRICS[config.competition.metric]
        report = _PruningReporter(trial, config, metric)
        labels = self.dataset.train_labels
        rows: list[NDArray[np.int64]] = []
        probs: list[NDArray[np.float64]] = []
        seconds: list[float] = []
        startup, is_warm = 0.0, session.is_running

        def follow(progress: Event) -> None:
            slot.on_progress(trial.number, progress)
            if not isinstance(progress, Progress):
                return
            if not math.isfinite(progress.val_loss):
                raise TrialFailedError(f"{progress.member}: the loss is {progress.val_loss}")
            report.epoch(progress)

        try:
            for fold in range(report.folds):
                members = [Member(model, fold, config.seeds[0]) for model in config.models]
                jobs = make_jobs(
                    members,
                    config,
                    resolve_numerics(config),
                    trial_folds(self.folds, fold, config.tune.rows)[None],
                    self.dataset,
                    test_rows=TEST_ROWS,
                    watched=WATCHED,
                )
                results = [session.train(job, follow) for job in jobs]
                seconds.append(sum(one.history.seconds or 0.0 for one in results))
                startup += sum(one.history.startup_seconds for one in results)
                rows.append(results[0].val_rows)
                probs.append(np.stack([one.val_probs for one in results]).mean(axis=0, dtype=np.float64))
                report.fold(_loss(metric, probs[-1], labels[rows[-1]]))
        finally:
            share = work_share(self.folds, 0, config.tune)
            stored = {"seconds": seconds, "share": share, "loss_folds": report.losses}
            # The time of a worker that was there already says nothing about the start-up of others.
            for key, value in (stored if is_warm else stored | {"startup": startup}).items():
                trial.set_user_attr(key, value)
        ensemble, held_out = np.concatenate(probs), labels[np.concatenate(rows)]
        trial.set_user_attr(SCORE, score.value(ensemble, held_out))
        return _loss(metric, ensemble, held_out)


def _loss(metric: Metric, probs: NDArray[np.float64], labels: NDArray[np.integer]) -> float:
    value = metric.value(probs, labels)
    if not math.isfinite(value):
        raise TrialFailedError(f"the {metric.title} is {value}")
    return metric.loss(value)


class _PruningReporter:
    """Reports the losses of a trial to Optuna, in the steps that its pruner needs.

    The Wilcoxon test pairs the losses of single folds. The other pruners get the mean over folds after each
    epoch if training minimises the metric and there is one model, else after each fold.

    Attributes:
        folds: number of folds of the trial.
        losses: of the finished folds.
    """

    def __init__(self, trial: "Trial", config: Config, metric: Metric) -> None:
        self.folds, self.losses = min(config.tune.folds, search_folds(config).count), list[float]()
        self._trial, self._step = trial, -1
        self._paired = config.tune.pruner == "wilcoxon"
        self._by_epoch = not self._paired and len(config.models) == 1 and metric is LOSS

    def epoch(self, progress: Progress) -> None:
        if self._by_epoch:
            # In tenths, so that trials with different numbers of epochs report the same steps.
            tenths = 10 * progress.epoch // progress.epochs
            self._report(FOLD * progress.member.fold + FOLD // 10 * tenths, [*self.losses, progress.val_loss])

    def fold(self, loss: float) -> None:
        self.losses.append(loss)
        if self._paired:
            self._report(len(self.losses) - 1, [loss])
        elif not self._by_epoch:
            self._report(FOLD * len(self.losses), self.losses)

    def _report(self, step: int, losses: Sequence[float]) -> None:
        from optuna import TrialPruned

        # With more than 10 epochs, some share a tenth. A member that is trained again repeats its epochs.
        if step <= self._step:
            return
        self._step = step
        self._trial.report(float(np.mean(losses)), step)
        # At the end pruning saves nothing. The baseline is never pruned, but `should_prune` is called for it
        # too, since a pruner may record the trials that it sees.
        end = self.folds - 1 if self._paired else FOLD * self.folds
        if step < end and self._trial.should_prune() and "baseline" not in self._trial.user_attrs:
            raise TrialPruned


def _known_value(trial: "Trial") -> float | None:
    """Return the value of an earlier trial with the same parameters, and copy its figures.

    Raises:
        optuna.TrialPruned: the earlier trial was pruned.
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
