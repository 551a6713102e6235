"""Progress of a study: one line per trial, and live bars on a terminal."""

import threading
import time
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from kit.cli.progress import FIRST_LINE, LAST_PAUSE
from kit.data.dataset import Dataset
from kit.metrics import HITS, LOSS, Metric
from kit.records import Params
from kit.reports.formatting import duration
from kit.reports.study.figures import known_score
from kit.reports.study.wording import value_text
from kit.terminals import can_redraw
from kit.tuning.search import STOP_REASONS
from kit.typed import in_typed_form

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from kit.pipeline.tune import TuneRequest


class TuningTerminal:
    """Shows the progress of a study on stderr; a `kit.pipeline.tune.ProgressListener`.

    Args:
        console: where to write.
        first_line: without a terminal, seconds until the first status line.
    """

    def __init__(self, console: Console | None = None, first_line: float = FIRST_LINE) -> None:
        self.console, self.first_line = console or Console(stderr=True), first_line
        self.live = can_redraw(self.console)
        self.bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[figures]}"),
            console=self.console,
            disable=not self.live,
        )
        self._lock, self._over = threading.Lock(), threading.Event()
        self._bars: dict[int, TaskID] = {}
        self._doing: dict[int, str] = {}
        self._ended, self._best = 0, float("inf")
        self._baseline: float | None = None
        self._confirmation = ""
        self._metric: Metric = LOSS
        self._score: Metric = HITS
        self._folds = 1
        self._began = self._spoke = time.monotonic()

    def __enter__(self) -> Self:
        self.bars.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        self.bars.stop()

    def study_started(self, request: "TuneRequest", dataset: Dataset, known: int) -> None:
        """Print data, limits and parallelism."""
        self._metric, self._score = request.metric, request.score
        self._folds = min(request.source.config.tune.folds, request.source.config.folds.count)
        rows = f"{len(dataset.train_labels):,} training rows from {dataset.source}"
        self._say(f"{request.name}: {len(request.space.parameters)} parameters, {rows}")
        if dataset.sample:
            self._say(
                in_typed_form("This is the bundled sample: get the competition's data with `kit data fetch`.")
            )
        for warning in dataset.warnings:
            self._say(f"warning: {warning}")
        limits = [f"{request.trials} trials"] if request.trials else []
        limits += [duration(request.seconds)] if request.seconds else []
        parallel = f"{request.jobs} parallel trial{'s' if request.jobs > 1 else ''}"
        folds = f"{self._folds} of {request.source.config.folds.count} folds per trial"
        self._say(f"{' or '.join(limits) or 'until Ctrl-C'}, {parallel}, {folds}")
        if known > 1:
            self._say(f"resuming a study of {known} trials")
        if not self.live:
            threading.Thread(target=self._report_status, daemon=True).start()

    def trial_started(self, number: int, params: Params) -> None:  # noqa: ARG002 - the listener's signature
        """Add a bar for the trial."""
        with self._lock:
            self._doing[number] = f"trial {number} starting"
            self._bars[number] = self.bars.add_task(f"trial {number}", total=None, figures="")

    def trial_progressed(self, number: int, fold: int, epoch: int, epochs: int, loss: float) -> None:
        """Advance the bar of the trial."""
        with self._lock:
            done, total = fold * epochs + epoch, self._folds * epochs
            self._doing[number] = f"trial {number} at {done / total:.0%}"
            if number in self._bars:
                self.bars.update(
                    self._bars[number],
                    completed=done,
                    total=total,
                    figures=f"{LOSS.title} {LOSS.format(loss)}",
                )

    def trial_ended(self, trial: "FrozenTrial") -> None:
        """Print the result of a trial."""
        with self._lock:
            at = self._doing.pop(trial.number, "").rpartition(" at ")[2]
            if trial.number in self._bars:
                self.bars.remove_task(self._bars.pop(trial.number))
            self._ended += 1
            self._say(f"trial {trial.number}: {self._outcome(trial, at)}")

    def waiting(self, trials: Mapping[int, bool], seconds: float) -> None:
        """Print which trials of other processes the search waits for, and how long."""
        if own := [number for number, alive in trials.items() if alive]:
            self._say(f"waiting for {_listed(own)} of other processes while they send heartbeats")
        if foreign := [number for number, alive in trials.items() if not alive]:
            self._say(
                f"waiting for {_listed(foreign)}, started by a program without heartbeats: "
                f"{duration(seconds)} at most"
            )

    def given_up(self, trials: Collection[int]) -> None:
        """Print which trials the search no longer waits for."""
        self._say(f"no longer waiting for {_listed(trials)}")

    def confirming(self, done: int, total: int) -> None:
        """Show the progress of the confirmation."""
        with self._lock:
            if not self._confirmation:
                self._say(f"confirming the best trials on new folds and seeds: {total} trainings")
                self._bars[-1] = self.bars.add_task("confirmation", total=total, figures="")
            self._confirmation = f"confirmation {done} of {total}"
            self.bars.update(self._bars[-1], completed=done, total=total)

    def _outcome(self, trial: "FrozenTrial", at: str) -> str:
        seconds = trial.duration.total_seconds() if trial.duration else 0.0
        if trial.state.name == "PRUNED":
            return f"pruned at {at or 'the start'} ({duration(seconds)})"
        if trial.state.name != "COMPLETE" or trial.value is None:
            reason = trial.user_attrs.get("failed", "no reason given")
            return reason if reason in STOP_REASONS else f"failed: {reason}"
        if "repeat_of" in trial.user_attrs:
            return f"the same as trial {trial.user_attrs['repeat_of']}"
        figures = value_text(self._metric, self._metric.from_loss(trial.value))
        if self._score is not self._metric:
            figures += f", {value_text(self._score, known_score(trial))}"
        notes = [duration(seconds)]
        if trial.user_attrs.get("baseline"):
            self._baseline = trial.value
            notes.append("the configuration itself")
        elif trial.value < self._best:
            notes.append("best so far")
        self._best = min(self._best, trial.value)
        return f"{figures} ({', '.join(notes)})"

    def _report_status(self) -> None:
        pause = self.first_line
        while not self._over.wait(pause):
            if time.monotonic() - self._spoke < pause:
                continue
            with self._lock:
                doing = [self._confirmation] if self._confirmation else sorted(self._doing.values())
                self._say(
                    f"{duration(time.monotonic() - self._began)}: {', '.join(doing) or 'between trials'}"
                )
            pause = min(LAST_PAUSE, pause * 1.5)

    def _say(self, text: str) -> None:
        self._spoke = time.monotonic()
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)


def _listed(trials: Collection[int]) -> str:
    """Return trials by number, as in "trials 3 and 4"."""
    *others, last = map(str, sorted(trials))
    return f"trials {', '.join(others)} and {last}" if others else f"trial {last}"
