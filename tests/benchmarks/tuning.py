"""(h) What stopping trials early saves, on a space whose lower half is known to be bad.

The same random trials, in the same order, with pruning and without. The learning rate is drawn from 1e-5 to
1e-2, and below the middle, 3e-4, the few steps of such a training lead nowhere.
"""

import shutil
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from kit.config import Source, load
from kit.data.folds import folds_by_seed
from kit.training import machine
from kit.training.launch.base import Activity, Progress
from kit.training.launch.local import LocalLauncher
from kit.tuning.search import search
from kit.tuning.space import make_space
from kit.tuning.storage import storage_url
from kit.tuning.study import SharedStudy
from kit.tuning.trial import Objective
from tests.benchmarks.bench import Bench, Row

SPACE = "{training.learning_rate: {kind: float, low: 1.0e-5, high: 1.0e-2, log: true}}"
PRUNERS = ("none", "median")


class _Silent:
    """A listener that says nothing."""

    def trial_started(self, number: int, params: Mapping[str, Any]) -> None: ...
    def trial_progressed(self, number: int, progress: Progress) -> None: ...
    def trial_acts(self, number: int, activity: Activity) -> None: ...
    def search_ends(self, at: float) -> None: ...
    def trial_ended(self, trial: Any) -> None: ...
    def waiting(self, trials: Mapping[int, bool], seconds: float) -> None: ...
    def given_up(self, trials: Collection[int]) -> None: ...


def run(bench: Bench) -> Iterator[Row]:
    trials, epochs = (3, 1) if bench.quick else (16, 10)
    seconds: dict[str, list[float]] = {pruner: [] for pruner in PRUNERS}
    best: dict[str, list[float]] = {pruner: [] for pruner in PRUNERS}
    for seed in range(bench.repeat):
        for pruner in PRUNERS:
            tune = f"tune={{space: {SPACE}, sampler: random, pruner: {pruner}, seed: {seed}}}"
            changes = [tune, f"training.epochs={epochs}"]
            ended = _studied(bench, changes, bench.folder / f"{pruner}-{seed}", trials)
            seconds[pruner].append(sum(trial.duration.total_seconds() for trial in ended))
            best[pruner].append(min(trial.value for trial in ended if trial.state.name == "COMPLETE"))
    note = f"{trials} trials of {load('quick').tune.folds} fold, {epochs} epochs"
    plain, pruned = (
        Row(f"study, {what}", "s", tuple(seconds[pruner]), note)
        for pruner, what in zip(PRUNERS, ("every trial to its end", "losing trials stopped"), strict=True)
    )
    yield from (plain, pruned, pruned.over(plain, "time of trials, stopped / to the end"))
    for pruner in PRUNERS:
        yield Row(f"best log loss, pruner: {pruner}", "nats", tuple(best[pruner]))


def _studied(bench: Bench, changes: list[str], folder: Path, trials: int) -> list[Any]:
    source = Source.read("quick", changes)
    config, space = source.config, make_space(source)
    shared = SharedStudy.open("bench", storage_url(folder, None), folder, config.tune, space, {})
    folds = folds_by_seed(bench.dataset, config.folds, config.seeds[:1])[0]
    objective = Objective(source, space, bench.dataset, folds)
    launcher = LocalLauncher()
    search(
        shared,
        objective,
        trials=trials,
        stop_at=lambda: float("inf"),
        launcher=launcher,
        devices=launcher.devices(machine.backend()),
        listener=_Silent(),
    )
    ended = shared.study.get_trials()
    shutil.rmtree(folder)
    return ended
