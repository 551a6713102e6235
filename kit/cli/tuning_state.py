"""What a study does now: the state that the live display of `kit tune` draws."""

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from kit.records import Params, Replicate
from kit.reports.member_progress import LIBRARIES, State, by_time, phase_text
from kit.training.launch.base import Activity, Event, Progress

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


START, START_SECONDS = 0.2, 15.0
"""Share of the work of a trial that its start-up counts as, and its usual seconds."""


@dataclass(frozen=True)
class Running:
    """A trial, or a replicate of the confirmation, that a worker trains.

    Attributes:
        title: "trial 3", or "baseline" in a confirmation.
        about: its parameters, or fold and seed, in few words.
        started: by the clock of the state.
        since: when its worker began what it does.
        phase: what its worker does.
        epoch, epochs: number of the current epoch, and of all; 0 if there is none.
        steps: part of the current epoch that is done, from 0 to 1.
        share: part of all its work that is done, from 0 to 1.
        fold: number of the fold that it trains, from 1.
        loss: latest training loss on held-out rows, in nats; NaN if there is none.
        library: what the backend is called.
    """

    title: str
    about: str
    started: float
    since: float
    phase: State = "starting"
    epoch: int = 0
    epochs: int = 0
    steps: float = 0.0
    share: float = 0.0
    fold: int = 1
    loss: float = math.nan
    library: str = "TensorFlow"

    def doing(self, now: float) -> str:
        """Return what its worker does, as in "epoch 3 of 11, 24%" or "compiling 3 s"."""
        if self.phase == "training":
            return f"epoch {self.epoch} of {self.epochs}, {math.floor(100 * self.steps)}%"
        return phase_text(self.phase, self.library, now - self.since)

    def shown_share(self, now: float) -> float:
        """Return the share with the start-up, which is START of the whole and grows with time."""
        if self.share:
            return START + (1 - START) * self.share
        return START * by_time(now - self.started, START_SECONDS)

    def after(self, event: Event, now: float, epochs: int, *, folds: int, place: float) -> "Running":
        """Return it after an event of its worker.

        Args:
            event: what the worker does, or the end of an epoch.
            now: by the clock of the state.
            epochs: number of epochs of the model; 0 if it has none.
            folds: number of members that it trains, one after the other.
            place: how many of these are finished.
        """
        steps = event.share if isinstance(event, Activity) and event.phase == "training" else 1.0
        done = (event.epoch - 1 + steps) / epochs if epochs and event.epoch else 0.0
        after = isinstance(event, Activity) and event.phase in {"predicting", "storing"}
        new = replace(
            self,
            fold=event.member.fold + 1,
            share=max(self.share, (place + (1.0 if after else done)) / folds),
        )
        if isinstance(event, Progress):
            return replace(new, loss=event.val_loss)
        since = self.since if event.phase == self.phase else now
        return replace(new, since=since, phase=event.phase, epoch=event.epoch, epochs=epochs, steps=steps)


@dataclass
class StudyState:
    """A study, as its events describe it; every method may be called from any thread.

    Attributes:
        clock: seconds, as in `kit.tuning.search.ProgressListener.search_ends`.
        stage: what the command itself does, as in "reading train.csv"; empty while trials run.
        limit: seconds of the call; None: no limit.
        search_ends: until when the search has time; infinity: no limit.
        epochs: number of epochs of each model; 0 for a model without epochs.
        folds: number of folds of a trial.
        running: by number of the trial, or by name, seed and fold of a replicate.
        ended: number of trials by state, in lower case.
        baseline, best: losses; NaN: none yet.
        best_trial: number of the best trial.
        confirmed, planned: number of finished and of planned trainings of the confirmation.
        replicates: number of replicates that this call finished, by configuration.
    """

    clock: Callable[[], float] = time.monotonic
    stage: str = ""
    limit: float | None = None
    search_ends: float = math.inf
    epochs: Mapping[str, int] = field(default_factory=dict)
    folds: int = 1
    library: str = "TensorFlow"
    running: dict[tuple[str | int, ...], Running] = field(default_factory=dict)
    ended: Counter[str] = field(default_factory=Counter)
    baseline: float = math.nan
    best: float = math.nan
    best_trial: int = -1
    confirmed: int = 0
    planned: int = 0
    replicates: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.began = self.stage_began = self.clock()
        self.lock = threading.RLock()

    def do(self, stage: str) -> None:
        """Note what the command itself does."""
        with self.lock:
            self.stage, self.stage_began = stage, self.clock()

    def trial_started(self, number: int, params: Params) -> None:
        """A worker has a trial."""
        with self.lock:
            now = self.clock()
            self.running[number,] = Running(
                f"trial {number}", short_params(params), now, now, library=self.library
            )

    def trial_acts(self, number: int, event: Event) -> None:
        """The worker of a trial does something."""
        with self.lock:
            if one := self.running.get((number,)):
                models = list(self.epochs)
                name, total = event.member.model, max(1, len(models)) * self.folds
                place = event.member.fold * max(1, len(models)) + (
                    models.index(name) if name in models else 0
                )
                epochs = self.epochs.get(name, 0)
                self.running[number,] = one.after(event, self.clock(), epochs, folds=total, place=place)

    def trial_ended(self, trial: "FrozenTrial") -> Running | None:
        """A trial is complete, pruned or failed; return what it was doing."""
        with self.lock:
            repeat = "repeat_of" in trial.user_attrs
            self.ended["repeated" if repeat else trial.state.name.lower().replace("fail", "failed")] += 1
            value = trial.value if trial.state.name == "COMPLETE" else None
            if value is not None and "baseline" in trial.user_attrs:
                self.baseline = value
            if value is not None and not value >= self.best:
                self.best, self.best_trial = value, trial.number
            return self.running.pop((trial.number,), None)

    def confirming(self, done: int, total: int) -> None:
        """The confirmation has finished `done` of `total` trainings."""
        with self.lock:
            self.confirmed, self.planned = done, total

    def replicate_acts(self, name: str, replicate: Replicate, event: Event | None) -> None:
        """The worker of a replicate does something; None: it is finished."""
        key = (name, replicate.seed, replicate.fold)
        with self.lock:
            if event is None:
                self.running.pop(key, None)
                self.replicates[name] += 1
                return
            title = name if name == "baseline" else f"trial {name}"
            about = f"fold {replicate.fold}, seed {replicate.seed}"
            now, epochs = self.clock(), self.epochs.get(event.member.model, 0)
            one = self.running.get(key) or Running(title, about, now, now, library=self.library)
            self.running[key] = one.after(event, now, epochs, folds=1, place=0)


def short_params(params: Params) -> str:
    """Return parameters as in "dropout=0.12 learning_rate=0.003": each by the last part of its key."""
    texts = (
        f"{key.rpartition('.')[2]}={value:.3g}"
        if isinstance(value, float)
        else f"{key.rpartition('.')[2]}={value}"
        for key, value in params.items()
    )
    return " ".join(texts) or "the baseline"


def library_of(backend: str | None) -> str:
    """Return the name of a backend's library."""
    return LIBRARIES.get(backend or "none", "libraries")
