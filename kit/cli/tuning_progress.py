"""Progress of a study: one line per trial; a live table on a terminal, and status lines elsewhere."""

import math
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from kit.cli.progress import FIRST_LINE, LAST_PAUSE, OTHER_LINES
from kit.cli.tuning_state import StudyState, library_of
from kit.data.dataset import Dataset
from kit.metrics import HITS, LOSS, Metric
from kit.records import Params, Replicate
from kit.reports.formatting import duration
from kit.reports.progress_text import SAMPLE, clock_time
from kit.reports.study.figures import known_score, seconds_of
from kit.reports.study.wording import minutes, value_text
from kit.terminals import can_redraw
from kit.training.launch.base import Activity, Event, Progress
from kit.tuning.fidelity import search_folds
from kit.tuning.search import STOP_REASONS
from kit.typed import in_typed_form

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from kit.pipeline.tune import TuneRequest

ABOUT = 22
"""Columns of a terminal for the parameters of a trial."""


class TuningTerminal:
    """Shows the progress of a study on stderr; a `kit.pipeline.tune.ProgressListener`.

    Args:
        console: where to write.
        first_line: without a terminal, seconds until the first status line.
    """

    def __init__(self, console: Console | None = None, first_line: float = FIRST_LINE) -> None:
        self.console, self.first_line = console or Console(stderr=True), first_line
        self.live = can_redraw(self.console)
        self.state = StudyState()
        self._over = threading.Event()
        self._metric: Metric = LOSS
        self._score: Metric = HITS
        self._began = self._spoke = time.monotonic()
        self._table = Live(
            get_renderable=lambda: drawn(self.state, self._metric, self.console.height - OTHER_LINES),
            console=self.console,
            refresh_per_second=4,
            transient=True,
        )

    def __enter__(self) -> Self:
        if self.live:
            self._table.start()
        else:
            threading.Thread(target=self._report_status, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        self._table.stop()

    def say(self, text: str) -> None:
        """Print a line that stays, as about a worker of a cluster."""
        self._say(text)

    def stage(self, text: str) -> None:
        """Show what the command itself does."""
        self.state.do(text)

    def study_started(self, request: "TuneRequest", dataset: Dataset, known: int) -> None:
        """Print data, limits and parallelism."""
        self._metric, self._score = request.metric, request.score
        config, state = request.source.config, self.state
        with state.lock:
            split = search_folds(config).count
            state.folds, state.limit = min(config.tune.folds, split), request.seconds
            state.epochs = {
                name: model.epochs if model.needs_backend else 0 for name, model in config.models.items()
            }
            state.library = library_of(request.backend)
        state.do("")
        rows = f"{len(dataset.train_labels):,} training rows from {dataset.source}"
        self._say(f"{request.name}: {len(request.space.parameters)} parameters, {rows}")
        if dataset.sample:
            self._say(in_typed_form(SAMPLE))
        for warning in dataset.warnings:
            self._say(f"warning: {warning}")
        limits = [f"{request.trials} trials"] if request.trials else []
        limits += [duration(request.seconds)] if request.seconds else []
        parallel = f"{request.jobs} parallel trial{'s' if request.jobs > 1 else ''}"
        folds = f"{state.folds} of {split} folds per trial"
        self._say(f"{' or '.join(limits) or 'until Ctrl-C'}, {parallel}, {folds}")
        if known > 1:
            self._say(f"resuming a study of {known} trials")
        elif request.warm_start and not known:
            trials, earlier = len(request.warm_start.trials), request.warm_start.study
            self._say(f"first the configuration, then the best {trials} trials of study {earlier}")

    def trial_started(self, number: int, params: Params) -> None:
        """Show the trial."""
        self.state.trial_started(number, params)

    def trial_acts(self, number: int, activity: Activity) -> None:
        """Show what the worker of a trial does."""
        self.state.trial_acts(number, activity)

    def trial_progressed(self, number: int, progress: Progress) -> None:
        """Show the loss of a trial."""
        self.state.trial_acts(number, progress)

    def search_ends(self, at: float) -> None:
        """Note when the confirmation will start."""
        self.state.search_ends = at

    def trial_ended(self, trial: "FrozenTrial") -> None:
        """Print the result of a trial."""
        with self.state.lock:
            best = self.state.best
            doing = self.state.trial_ended(trial)
            at = f"{doing.share:.0%}" if doing and doing.share else ""
            self._say(f"trial {trial.number}: {self._outcome(trial, at, best)}")

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

    def too_short(self, needed: float, limit: float, enough: float) -> None:
        """Print that a confirmation does not fit into the time limit."""
        self._say(
            f"a confirmation needs about {duration(needed)}, too long for the {duration(limit)} of this call;"
        )
        self._say("unless later trials are faster, nothing will be confirmed:")
        self._say(f"use --timeout {minutes(enough)}, or train fewer epochs")

    def confirming(self, done: int, total: int) -> None:
        """Show the progress of the confirmation."""
        self.state.confirming(done, total)

    def screening(self, trials: Sequence[int]) -> None:
        """Print which trials a round of the confirmation trains."""
        self._say(f"screening {_listed(trials)} on new folds, with another seed")

    def comparing(self, trial: int, seeds: int) -> None:
        """Print which trial is compared with the baseline."""
        self._say(f"comparing trial {trial} with the baseline: up to {seeds} seeds, all folds")

    def replicate_acts(self, name: str, replicate: Replicate, event: Event | None) -> None:
        """Show what the worker of a replicate does."""
        self.state.replicate_acts(name, replicate, event)

    def _outcome(self, trial: "FrozenTrial", at: str, best: float) -> str:
        seconds = seconds_of(trial) or 0.0
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
            notes.append("the configuration itself")
        elif not trial.value >= best:
            notes.append("best so far")
        return f"{figures} ({', '.join(notes)})"

    def _report_status(self) -> None:
        pause = self.first_line
        while not self._over.wait(pause):
            if time.monotonic() - self._spoke < pause:
                continue
            self._say(f"{duration(time.monotonic() - self._began)}: {status(self.state)}")
            pause = min(LAST_PAUSE, pause * 1.5)

    def _say(self, text: str) -> None:
        self._spoke = time.monotonic()
        self.console.print(text, highlight=False, markup=False, soft_wrap=not self.live)


def status(state: StudyState) -> str:
    """Return what the study does now, as one line."""
    with state.lock:
        if state.stage:
            return state.stage
        now = state.clock()
        doing = [f"{one.title} {one.doing(now)} ({one.share:.0%} of all)" for one in state.running.values()]
        if state.planned:
            doing.insert(0, f"confirmation {state.confirmed} of {state.planned}")
        return "; ".join(doing) or "between trials"


def drawn(state: StudyState, metric: Metric, most: int) -> Group:
    """Return the study as a few lines and a table of what runs, at most 80 columns wide.

    Args:
        state: the study.
        metric: what is tuned.
        most: number of rows of the table; if more are running, the latest ones.
    """
    with state.lock:
        now = state.clock()
        if state.stage:
            return Group(Text(f"{state.stage} … {clock_time(now - state.stage_began)}"))
        grid = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
        for heading in ("running", "with", "now"):
            grid.add_column(heading, no_wrap=True, header_style="dim")
        for heading in ("fold", "done", "time", LOSS.title):
            grid.add_column(heading, no_wrap=True, justify="right", header_style="dim")
        for one in sorted(state.running.values(), key=lambda one: one.started)[-max(1, most) :]:
            grid.add_row(
                one.title,
                Text(one.about if len(one.about) <= ABOUT else f"{one.about[: ABOUT - 1]}…"),
                one.doing(now),
                "" if state.planned else f"{one.fold}/{state.folds}",
                f"{math.floor(100 * one.shown_share(now))}%",
                clock_time(now - one.started),
                LOSS.format(one.loss),
            )
        lines = [_time_line(state, now), *_trials_lines(state, metric)]
        return Group(
            *(Text(line, no_wrap=True, overflow="ellipsis") for line in lines),
            *([grid] if state.running else []),
        )


def _time_line(state: StudyState, now: float) -> str:
    used, phase = now - state.began, "confirmation" if state.planned else "search"
    if state.limit is None:
        return f"{phase}: {clock_time(used)} used, no time limit"
    left = clock_time(max(0.0, state.limit - used))
    text = f"{phase}: {clock_time(used)} of {clock_time(state.limit)} used, {left} left"
    if state.planned:
        return text
    search = max(0.0, state.search_ends - now)
    return text if math.isinf(search) else f"{text}; confirmation within {clock_time(search)}"


def _trials_lines(state: StudyState, metric: Metric) -> list[str]:
    if state.planned:
        counts = ", ".join(
            f"{name if name == 'baseline' else f'trial {name}'} {number}"
            for name, number in sorted(state.replicates.items())
        )
        return [f"{state.confirmed} of {state.planned} trainings" + f": {counts}" * bool(counts)]
    counts = ", ".join(f"{number} {name}" for name, number in sorted(state.ended.items()))
    lines = [f"trials: {counts or 'none has ended'}"]
    if not math.isnan(state.best):
        best = f"best: trial {state.best_trial}, {value_text(metric, metric.from_loss(state.best))}"
        gain = (state.baseline - state.best) / state.baseline if state.baseline > 0 else math.nan
        lines.append(best + (f", its loss {gain:.1%} below that of the baseline" if gain > 0 else ""))
    return lines


def _listed(trials: Collection[int]) -> str:
    """Return trials by number, as in "trials 3 and 4"."""
    *others, last = map(str, sorted(trials))
    return f"trials {', '.join(others)} and {last}" if others else f"trial {last}"
