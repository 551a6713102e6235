"""Confirm the best trials: compare them with the baseline on folds and seeds that the search did not use.

The best of many trials looks better than it is: part of its lead is luck with the folds and seeds of the
search. New folds and seeds do not share that luck.
"""

import math
import time
from collections.abc import Iterable, Sequence
from itertools import count, islice
from typing import TYPE_CHECKING, Protocol

from pydantic import ValidationError

from kit.config import Config, Source
from kit.data.dataset import Dataset
from kit.data.folds import make_folds, shuffle_seed
from kit.errors import InterruptedRunError
from kit.metrics import METRICS
from kit.records import Confirmation, Replicate
from kit.training.launch.base import Device, Event, Launcher
from kit.training.plan import makespan
from kit.tuning.confirm.replicates import ReplicateTrainer, all_replicates
from kit.tuning.confirm.significance import CANDIDATES, FEWEST_FOLDS, LEVEL, compare, winner
from kit.tuning.queued import invalid_reason

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial

    from kit.tuning.space import Space

OVERRUN = 1.25
"""The first round starts if its estimated duration is at most this multiple of the time left."""
BASELINE = "baseline"
ATTRIBUTE = "confirmation"
"""The user attribute of the study that stores the confirmation."""


class ProgressListener(Protocol):
    """Receives progress events of a confirmation."""

    def confirming(self, done: int, total: int) -> None:
        """Of `total` planned trainings, one per trial and replicate, `done` are finished."""

    def replicate_acts(self, name: str, replicate: Replicate, event: Event | None) -> None:
        """The worker of a trial's replicate does something; None: it is finished. From other threads.

        Args:
            name: number of the trial, or BASELINE.
            replicate: its seed and fold.
            event: what the worker does.
        """


def candidates(study: "Study", space: "Space", count: int = CANDIDATES) -> "list[FrozenTrial]":
    """Return the best complete trials that are distinct and better than the baseline, best first.

    A baseline without a value counts as infinitely bad. Trials of other programs are excluded if their
    parameters are not in the space or their value is infinite.
    """
    from optuna.trial import TrialState

    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    baseline = min((_value(trial) for trial in complete if "baseline" in trial.user_attrs), default=math.inf)
    best: list[FrozenTrial] = []
    for trial in sorted(complete, key=lambda trial: (_value(trial), trial.number)):
        excluded = {"baseline", "repeat_of"} & trial.user_attrs.keys()
        if not math.isfinite(_value(trial)) or invalid_reason(space, trial.params):
            continue
        if not excluded and _value(trial) < baseline and all(trial.params != one.params for one in best):
            best.append(trial)
    return best[:count]


def needed_seconds(study: "Study", config: Config, space: "Space", jobs: int) -> float | None:
    """Return the estimated seconds of the first round with `jobs` workers; None if no trial is complete."""
    costs = [cost for cost in _costs(study, config, space).values() if cost is not None]
    if not costs:
        return None
    # Candidates that are not found yet may be as slow as the slowest one so far.
    costs += [max(costs)] * (CANDIDATES + 1 - len(costs))
    models = len(config.models)
    return makespan(
        [cost / models for cost in costs for _ in range(models * config.tune.confirm_seeds)], jobs
    )


def fresh_seeds(used: Iterable[int], number: int) -> list[int]:
    """Return the first `number` seeds that are not in `used`."""
    taken = set(used)
    return list(islice((seed for seed in count() if seed not in taken), number))


def fresh_shuffle(config: Config) -> int:
    """Return the shuffle seed of the confirmation's folds: that of the search plus 1."""
    return shuffle_seed(config.folds, config.seeds[0]) + 1


def confirm(
    study: "Study",
    source: Source,
    space: "Space",
    *,
    dataset: Dataset,
    launcher: Launcher,
    devices: Sequence[Device],
    deadline: float | None,
    listener: ProgressListener,
) -> Confirmation:
    """Train the best trials and the baseline on new folds and seeds, and compare them.

    The first round trains `tune.confirm_seeds` replicates, each with its own seed and, if there are enough
    folds, its own fold. Further rounds add replicates while time remains, up to every pair of seed and fold;
    without a deadline, as many again as the first. The number of replicates does not depend on their results.
    There are as many folds as the configuration has, and at least FEWEST_FOLDS.

    Args:
        study: holds the trials and stores each loss: an interrupted confirmation resumes, a finished one is
            read back.
        source: the baseline.
        space: turns a trial's parameters into changes.
        dataset: the training rows.
        launcher: starts the workers.
        devices: one per member that is trained at once.
        deadline: by `time.monotonic()`; None: no limit.
        listener: receives progress events.

    Raises:
        InterruptedRunError: Ctrl-C; finished losses are stored.
    """
    started, best, config = time.monotonic(), candidates(study, space), source.config
    planned = _planned(study, config, space, len(devices))
    if not best:
        return planned
    before = stored_confirmation(study)
    if before and _covers(before, planned, best):
        return before
    if before:  # The previous winner competes with new candidates.
        won = {before.winner} - {trial.number for trial in best}
        best += [trial for trial in study.get_trials(deepcopy=False) if trial.number in won]
    folds = max(FEWEST_FOLDS, config.folds.count)
    trainer = ReplicateTrainer(
        study,
        {BASELINE: config}
        | {str(one.number): source.with_changes(space.changes(one.params)) for one in best},
        dataset,
        make_folds(dataset.train_images, dataset.train_labels, folds, planned.folds_seed),
        metric=METRICS[config.tune.metric],
        launcher=launcher,
        devices=devices,
        costs=_costs(study, config, space),
        on_progress=listener.confirming,
        on_event=listener.replicate_acts,
    )
    first = len(planned.seeds)
    replicates = all_replicates(planned.seeds, folds)
    left = math.inf if deadline is None else deadline - time.monotonic()
    if trainer.seconds(replicates[:first]) > max(0.0, OVERRUN * left):
        return planned.model_copy(update={"status": "no time"})
    try:
        replicates = _train(trainer, replicates, first, deadline)
    except KeyboardInterrupt:
        raise InterruptedRunError(
            "interrupted during the confirmation; finished trainings are stored",
            hint="rerun the same command to resume",
        ) from None
    confirmed = _compared(planned, trainer, [one.number for one in best], replicates, _ever_confirmed(study))
    confirmed = confirmed.model_copy(update={"seconds": time.monotonic() - started})
    study.set_user_attr(ATTRIBUTE, confirmed.model_dump(mode="json"))
    return confirmed


def stored_confirmation(study: "Study") -> Confirmation | None:
    """Return the confirmation that the study stores; None if there is none of this version."""
    stored = study.user_attrs.get(ATTRIBUTE)
    if not isinstance(stored, dict) or stored.get("version") != Confirmation.model_fields["version"].default:
        return None
    try:
        return Confirmation.model_validate(stored)
    except ValidationError:
        return None


def _planned(study: "Study", config: Config, space: "Space", jobs: int) -> Confirmation:
    """Return a confirmation before its first training."""
    return Confirmation(
        status="no candidate",
        seeds=tuple(fresh_seeds(config.seeds, config.tune.confirm_seeds)),
        folds_seed=fresh_shuffle(config),
        level=LEVEL,
        corrected_for=CANDIDATES,
        needed_seconds=needed_seconds(study, config, space, jobs),
    )


def _covers(before: Confirmation, planned: Confirmation, best: "Sequence[FrozenTrial]") -> bool:
    """Return whether an earlier confirmation used the same seeds and folds for all of these trials."""
    same = (before.seeds, before.folds_seed) == (planned.seeds, planned.folds_seed)
    return same and {trial.number for trial in best} <= {one.trial for one in before.comparisons}


def _train(
    trainer: ReplicateTrainer, replicates: Sequence[Replicate], first: int, deadline: float | None
) -> list[Replicate]:
    """Return the replicates that were trained."""
    end = len(replicates) if deadline is not None else 2 * first
    # One replicate would leave many cores idle.
    step = max(1, trainer.jobs // sum(len(config.models) for config in trainer.configs.values()))
    stop = 0
    while stop < end:
        following = min(end, stop + step if stop else first)
        seconds = trainer.seconds(replicates[:following])
        # Stored results take no time.
        if stop and seconds and deadline is not None and time.monotonic() + seconds > deadline:
            break
        trainer.train(replicates[:following])
        stop = following
        alive = {name for name in trainer.configs if not trainer.failure(name)}
        if BASELINE not in alive or alive == {BASELINE}:
            break
    return list(replicates[:stop])


def _compared(
    planned: Confirmation,
    trainer: ReplicateTrainer,
    trials: Sequence[int],
    replicates: Sequence[Replicate],
    ever_confirmed: int,
) -> Confirmation:
    """Return the confirmation with its comparisons and its winner."""
    corrected_for = max(CANDIDATES, ever_confirmed)
    folds, baseline = [one.fold for one in replicates], trainer.losses(BASELINE, replicates)
    comparisons = [
        compare(trial, folds, trainer.losses(str(trial), replicates), baseline, corrected_for)
        for trial in trials
    ]
    best = winner(comparisons)
    return planned.model_copy(
        update={
            "status": "none better" if best is None else "confirmed",
            "replicates": tuple(replicates),
            "baseline_losses": tuple(baseline),
            "corrected_for": corrected_for,
            "comparisons": tuple(comparisons),
            "winner": best,
            "failed": {name: reason for name in trainer.configs if (reason := trainer.failure(name))},
        }
    )


def _ever_confirmed(study: "Study") -> int:
    """Return how many trials were ever trained in a confirmation of this study."""
    names = {key.split("/")[1] for key in study.user_attrs if key.startswith("confirm/")}
    return len(names - {BASELINE})


def _costs(study: "Study", config: Config, space: "Space") -> dict[str, float | None]:
    """Return the seconds per fold of the baseline and each candidate, with one process per model."""
    from optuna.trial import TrialState

    costs: dict[str, float | None] = {}
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    baseline = [trial for trial in complete if "baseline" in trial.user_attrs]
    for trial in [*baseline[:1], *candidates(study, space)]:
        name = BASELINE if trial in baseline else str(trial.number)
        costs[name] = _cost(trial.user_attrs.get("seconds"), trial.user_attrs.get("startup"), config)
    return costs


def _cost(folds: object, startup: object, config: Config) -> float | None:
    """Return the seconds per fold; None if another program stored none, or something else."""
    if not isinstance(folds, list) or not folds or not all(isinstance(one, int | float) for one in folds):
        return None
    mean = float(sum(folds) / len(folds))
    return mean + (startup * len(config.models) if isinstance(startup, int | float) else 0.0)


def _value(trial: "FrozenTrial") -> float:
    return float(trial.values[0])
