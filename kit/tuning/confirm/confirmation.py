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
from kit.training.launch.base import Device, Launcher
from kit.training.plan import makespan
from kit.tuning.confirm.replicates import Replicate, ReplicateTrainer, all_replicates
from kit.tuning.confirm.significance import CANDIDATES, FEWEST_FOLDS, LEVEL, judge, winner
from kit.tuning.queued import why_not

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial

    from kit.tuning.space import Space

OVERRUN = 1.25
"""The first round is begun if it is expected to take no more than so many times what is left of the time."""
BASELINE = "baseline"


class ProgressListener(Protocol):
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
    launcher: Launcher,
    devices: Sequence[Device],
    deadline: float | None,
    listener: ProgressListener,
) -> dict[str, Any]:
    """Train the best trials and the baseline on new folds and seeds, and say which trial is better, if any.

    The first round trains `tune.confirm_seeds` replicates, each with its own seed and, if there are enough
    folds, its own fold. Further rounds add replicates while time remains, up to every pair of seed and fold;
    without a deadline, as many again as the first. The number of replicates does not depend on their results.
    There are as many folds as the configuration has, and at least FEWEST_FOLDS.

    Args:
        study: holds the trials, and keeps each loss, so that a confirmation that was stopped goes on, and one
            that has ended is only read again.
        config_name: the baseline, as `kit.config.load` takes it.
        changes: laid on top of it.
        config: both, resolved.
        space: turns a trial's parameters into changes.
        dataset: what is trained on.
        launcher: starts the workers.
        devices: one per member that is trained at once.
        deadline: when to be done, by `time.monotonic()`; None: no limit.
        listener: is told how it goes.

    Returns:
        The confirmation in the study's report. Losses of trainings that failed, and what would follow from
        them, are None; "failed" says why, by trial number or BASELINE.

    Raises:
        InterruptedRunError: Ctrl-C; finished losses are kept.
    """
    started, best = time.monotonic(), candidates(study, space)
    report = _blank(config) | {"needed_seconds": needed_seconds(study, config, space, len(devices))}
    if not best:
        return report
    ended = study.user_attrs.get("confirmation")
    if ended and _covers(ended, report, best):
        return dict(ended)
    if ended:  # Whoever won before competes with those that are new.
        won = {ended["winner"]} - {trial.number for trial in best}
        best += [trial for trial in study.get_trials(deepcopy=False) if trial.number in won]
    folds = max(FEWEST_FOLDS, config.folds.count)
    trainer = ReplicateTrainer(
        study,
        {BASELINE: config}
        | {str(one.number): load(config_name, [*changes, *space.changes(one.params)]) for one in best},
        dataset,
        make_folds(dataset.train_images, dataset.train_labels, folds, report["folds_seed"]),
        launcher=launcher,
        devices=devices,
        costs=_costs(study, config, space),
        on_progress=listener.confirming,
    )
    seeds = report["seeds"]
    replicates = all_replicates(seeds, folds)
    left = math.inf if deadline is None else deadline - time.monotonic()
    if trainer.seconds(replicates[: len(seeds)]) > max(0.0, OVERRUN * left):
        return report | {"status": "no time"}
    try:
        replicates = _train(trainer, replicates, len(seeds), deadline)
    except KeyboardInterrupt:
        raise InterruptedRunError(
            "interrupted while the best trials are confirmed; what was finished is stored",
            hint="the same command goes on from there",
        ) from None
    report |= _judged(
        trainer, [one.number for one in best], replicates, max(CANDIDATES, _ever_confirmed(study))
    )
    report |= {"seconds": time.monotonic() - started}
    study.set_user_attr("confirmation", report)
    return report


def _blank(config: Config) -> dict[str, Any]:
    return {
        "seeds": fresh_seeds(config.seeds, config.tune.confirm_seeds),
        "folds_seed": fresh_shuffle(config),
        "replicates": [],
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


def _train(
    trainer: ReplicateTrainer, replicates: Sequence[Replicate], first: int, deadline: float | None
) -> list[Replicate]:
    """Return the replicates that were trained."""
    end = len(replicates) if deadline is not None else 2 * first
    # Many cores would stand idle over one replicate.
    step = max(1, trainer.jobs // sum(len(config.models) for config in trainer.configs.values()))
    stop = 0
    while stop < end:
        following = min(end, stop + step if stop else first)
        seconds = trainer.seconds(replicates[:following])
        # What is there already costs no time.
        if stop and seconds and deadline is not None and time.monotonic() + seconds > deadline:
            break
        trainer.train(replicates[:following])
        stop = following
        alive = {name for name in trainer.configs if not trainer.failure(name)}
        if BASELINE not in alive or alive == {BASELINE}:
            break
    return list(replicates[:stop])


def _judged(
    trainer: ReplicateTrainer, trials: Sequence[int], replicates: Sequence[Replicate], corrected_for: int
) -> dict[str, Any]:
    losses = {name: trainer.losses(name, replicates) for name in trainer.configs}
    folds = [replicate.fold for replicate in replicates]
    verdicts = [judge(trial, folds, losses[str(trial)], losses[BASELINE], corrected_for) for trial in trials]
    best = winner(verdicts)
    return {
        "replicates": [[replicate.seed, replicate.fold] for replicate in replicates],
        "baseline_losses": _finite(losses[BASELINE]),
        "corrected_for": corrected_for,
        "verdicts": [
            {"trial": one.trial, "losses": _finite(losses[str(one.trial)]), "better": one.better}
            | dict(zip(("mean", "low", "high"), _finite([one.mean, one.low, one.high]), strict=True))
            for one in verdicts
        ],
        "winner": best,
        "status": "none better" if best is None else "confirmed",
        "failed": {name: reason for name in trainer.configs if (reason := trainer.failure(name))},
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
