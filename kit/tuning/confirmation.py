"""Is a trial better than the baseline? Asked again, on folds and seeds that the search did not use.

The best of many trials looks better than it is: part of its lead is luck with the folds and seeds of the
search. New ones know nothing of that luck.
"""

import math
import time
from collections.abc import Iterable, Sequence
from itertools import count, islice
from typing import TYPE_CHECKING, Any, Protocol

from kit.config import Config, load
from kit.data.dataset import Dataset
from kit.data.folds import make_folds
from kit.errors import InterruptedRunError
from kit.training import machine
from kit.training.plan import Setting
from kit.tuning.queued import why_not
from kit.tuning.retraining import Cell, Retraining, all_cells, makespan
from kit.tuning.verdicts import CANDIDATES, FEWEST_FOLDS, LEVEL, judge, winner

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial

    from kit.tuning.space import Space

OVERRUN = 1.25
"""The first round is begun if it is expected to take no more than so many times what is left of the time."""
BASELINE = "baseline"


class Watcher(Protocol):
    """Who wants to see a confirmation go on."""

    def confirming(self, done: int, total: int) -> None:
        """Of `total` trainings that are planned so far, of a trial on a fold each, `done` are stored."""


def candidates(study: "Study", space: "Space", count: int = CANDIDATES) -> "list[FrozenTrial]":
    """Return the best complete trials, best first: distinct, and each better than the baseline in the search.

    A baseline without a value counts as infinitely bad. Trials of another program whose parameters the space
    does not have, or whose value is infinite, are left out.
    """
    from optuna.trial import TrialState

    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    to_beat = min((_value(trial) for trial in complete if "baseline" in trial.user_attrs), default=math.inf)
    best: list[FrozenTrial] = []
    for trial in sorted(complete, key=lambda trial: (_value(trial), trial.number)):
        known = {"baseline", "repeat_of"} & trial.user_attrs.keys()
        if not math.isfinite(_value(trial)) or why_not(space, trial.params):
            continue
        if not known and _value(trial) < to_beat and all(trial.params != one.params for one in best):
            best.append(trial)
    return best[:count]


def needed_seconds(study: "Study", config: Config, space: "Space", jobs: int) -> float | None:
    """Return about how long the first round takes with `jobs` workers; None before a trial is complete."""
    costs = [cost for cost in _costs(study, config, space).values() if cost is not None]
    if not costs:
        return None
    # Candidates that are not found yet may be as slow as the slowest of those that are.
    costs += [max(costs)] * (CANDIDATES + 1 - len(costs))
    models = len(config.models)
    return makespan(
        [cost / models for cost in costs for _ in range(models * config.tune.confirm_seeds)], jobs
    )


def fresh_seeds(used: Iterable[int], number: int) -> list[int]:
    """Return the first `number` seeds that are not among `used`."""
    taken = set(used)
    return list(islice((seed for seed in count() if seed not in taken), number))


def fresh_shuffle(config: Config) -> int:
    """Return the seed of folds for the confirmation: the one after that of the search."""
    return config.folds.seed + (config.seeds[0] if config.folds.reshuffle else 0) + 1


def confirm(
    study: "Study",
    config_name: str,
    changes: Sequence[str],
    config: Config,
    space: "Space",
    *,
    dataset: Dataset,
    chosen: Setting,
    jobs: int,
    deadline: float | None,
    watcher: Watcher,
) -> dict[str, Any]:
    """Train the best trials and the baseline on new folds and seeds, and say which trial is better, if any.

    The first round trains `tune.confirm_seeds` cells, each with a seed and, where there are folds enough, a
    fold of its own. Further rounds add cells while there is time, up to every pair of a seed and a fold;
    without a deadline, as many again as the first. What came of the cells has no say in how many there are.
    There are as many folds as the configuration has, and at least FEWEST_FOLDS.

    Args:
        study: holds the trials, and keeps each loss, so that a confirmation that was stopped goes on, and one
            that has ended is only read again.
        config_name: the baseline, as `kit.config.load` takes it.
        changes: laid on top of it.
        config: both, resolved.
        space: turns a trial's parameters into changes.
        dataset: what is trained on.
        chosen: backend and precisions.
        jobs: members at once.
        deadline: when to be done, by `time.monotonic()`; None: no limit.
        watcher: is told how it goes.

    Returns:
        The confirmation in the study's report. Losses of trainings that failed, and what would follow from
        them, are None; "failed" says why, by trial number or BASELINE.

    Raises:
        InterruptedRunError: Ctrl-C; finished losses are kept.
    """
    started, best = time.monotonic(), candidates(study, space)
    report = _blank(config) | {"needed_seconds": needed_seconds(study, config, space, jobs)}
    if not best:
        return report
    ended = study.user_attrs.get("confirmation")
    if ended and _covers(ended, report, best):
        return dict(ended)
    if ended:  # Whoever won before competes with those that are new.
        won = {ended["winner"]} - {trial.number for trial in best}
        best += [trial for trial in study.get_trials(deepcopy=False) if trial.number in won]
    folds = max(FEWEST_FOLDS, config.folds.count)
    retraining = Retraining(
        study,
        {BASELINE: config}
        | {str(one.number): load(config_name, [*changes, *space.changes(one.params)]) for one in best},
        dataset,
        make_folds(dataset.train_images, dataset.train_labels, folds, report["folds_seed"]),
        jobs=jobs,
        pinned=chosen.backend is None or machine.usable_gpu(chosen.backend) is None,
        costs=_costs(study, config, space),
        on_progress=watcher.confirming,
    )
    seeds = report["seeds"]
    cells = all_cells(seeds, folds)
    left = math.inf if deadline is None else deadline - time.monotonic()
    if retraining.seconds(cells[: len(seeds)]) > max(0.0, OVERRUN * left):
        return report | {"status": "no time"}
    try:
        cells = _train(retraining, cells, len(seeds), deadline)
    except KeyboardInterrupt:
        raise InterruptedRunError(
            "interrupted while the best trials are confirmed; what was finished is stored",
            hint="the same command goes on from there",
        ) from None
    report |= _judged(
        retraining, [one.number for one in best], cells, max(CANDIDATES, _ever_confirmed(study))
    )
    report |= {"seconds": time.monotonic() - started}
    study.set_user_attr("confirmation", report)
    return report


def _blank(config: Config) -> dict[str, Any]:
    return {
        "seeds": fresh_seeds(config.seeds, config.tune.confirm_seeds),
        "folds_seed": fresh_shuffle(config),
        "cells": [],
        "baseline_losses": [],
        "level": LEVEL,
        "corrected_for": CANDIDATES,
        "verdicts": [],
        "winner": None,
        "status": "no candidate",
        "failed": {},
        "seconds": 0.0,
        "config_path": None,
    }


def _covers(ended: dict[str, Any], report: dict[str, Any], best: "Sequence[FrozenTrial]") -> bool:
    """Say whether a confirmation that has ended asked the same of all of these trials."""
    same = all(ended[key] == report[key] for key in ("seeds", "folds_seed"))
    return same and {trial.number for trial in best} <= {verdict["trial"] for verdict in ended["verdicts"]}


def _train(retraining: Retraining, cells: Sequence[Cell], first: int, deadline: float | None) -> list[Cell]:
    """Return the cells that were trained."""
    end = len(cells) if deadline is not None else 2 * first
    # Many cores would stand idle over one cell.
    step = max(1, retraining.jobs // sum(len(config.models) for config in retraining.configs.values()))
    stop = 0
    while stop < end:
        following = min(end, stop + step if stop else first)
        seconds = retraining.seconds(cells[:following])
        # What is there already costs no time.
        if stop and seconds and deadline is not None and time.monotonic() + seconds > deadline:
            break
        retraining.train(cells[:following])
        stop = following
        alive = {name for name in retraining.configs if not retraining.failure(name)}
        if BASELINE not in alive or alive == {BASELINE}:
            break
    return list(cells[:stop])


def _judged(
    retraining: Retraining, trials: Sequence[int], cells: Sequence[Cell], corrected_for: int
) -> dict[str, Any]:
    losses = {name: retraining.losses(name, cells) for name in retraining.configs}
    folds = [cell.fold for cell in cells]
    verdicts = [judge(trial, folds, losses[str(trial)], losses[BASELINE], corrected_for) for trial in trials]
    best = winner(verdicts)
    return {
        "cells": [[cell.seed, cell.fold] for cell in cells],
        "baseline_losses": _finite(losses[BASELINE]),
        "corrected_for": corrected_for,
        "verdicts": [
            {"trial": one.trial, "losses": _finite(losses[str(one.trial)]), "better": one.better}
            | dict(zip(("mean", "low", "high"), _finite([one.mean, one.low, one.high]), strict=True))
            for one in verdicts
        ],
        "winner": best,
        "status": "none better" if best is None else "confirmed",
        "failed": {name: reason for name in retraining.configs if (reason := retraining.failure(name))},
    }


def _finite(values: Iterable[float]) -> list[float | None]:
    return [value if math.isfinite(value) else None for value in values]


def _ever_confirmed(study: "Study") -> int:
    """Return how many trials were trained again, by this call and all before."""
    names = {key.split("/")[1] for key in study.user_attrs if key.startswith("confirm/")}
    return len(names - {BASELINE})


def _costs(study: "Study", config: Config, space: "Space") -> dict[str, float | None]:
    """Return how many seconds the baseline and each candidate took for a fold, with a process a model."""
    from optuna.trial import TrialState

    costs: dict[str, float | None] = {}
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    baseline = [trial for trial in complete if "baseline" in trial.user_attrs]
    for trial in [*baseline[:1], *candidates(study, space)]:
        name = BASELINE if trial in baseline else str(trial.number)
        costs[name] = _cost(trial.user_attrs.get("seconds"), trial.user_attrs.get("startup"), config)
    return costs


def _cost(folds: Any, startup: Any, config: Config) -> float | None:
    """Return the seconds of a fold; None where another program left nothing, or something else, of them."""
    numbers = isinstance(folds, list) and all(isinstance(one, int | float) for one in folds)
    if not folds or not numbers:
        return None
    mean = float(sum(folds) / len(folds))
    return mean + (startup * len(config.models) if isinstance(startup, int | float) else 0.0)


def _value(trial: "FrozenTrial") -> float:
    return float(trial.values[0])
