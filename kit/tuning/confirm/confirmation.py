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
from kit.tuning.confirm.budget import enough_seconds
from kit.tuning.confirm.candidates import (
    BASELINE,
    candidates,
    confirmation_folds,
    first_rounds,
    replicate_costs,
)
from kit.tuning.confirm.replicates import ReplicateTrainer, all_replicates
from kit.tuning.confirm.significance import CANDIDATES, LEVEL, compare, winner

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial

    from kit.tuning.space import Space

OVERRUN = 1.1
"""The first round starts if its estimated duration is at most this multiple of the time left; what is still
running after that multiple is ended."""
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
    without a deadline, as many again as the first. With too little time for all candidates, those that looked
    best in the search are confirmed, and with too little time for one, nothing is trained. What the deadline
    ends half-way is not compared. Numbers of replicates and of candidates depend on time, never on the
    results. There are as many folds as the configuration has, and at least FEWEST_FOLDS.

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
    if before:  # The previous winner competes with new candidates; its stored results take no time.
        won = {before.winner} - {trial.number for trial in best}
        best = [*(trial for trial in study.get_trials(deepcopy=False) if trial.number in won), *best]
    trainer = ReplicateTrainer(
        study,
        {BASELINE: config}
        | {str(one.number): source.with_changes(space.changes(one.params)) for one in best},
        dataset,
        make_folds(
            dataset.train_images,
            dataset.train_labels,
            confirmation_folds(config),
            planned.folds_seed,
            groups=dataset.groups,
        ),
        metric=METRICS[config.tune.metric],
        launcher=launcher,
        devices=devices,
        costs=replicate_costs(study, config, space),
        on_progress=listener.confirming,
        on_event=listener.replicate_acts,
    )
    first = len(planned.seeds)
    replicates = all_replicates(planned.seeds, confirmation_folds(config))
    try:
        replicates = _train(trainer, replicates, first, deadline)
    except KeyboardInterrupt:
        raise InterruptedRunError(
            "interrupted during the confirmation; finished trainings are stored",
            hint="rerun the same command to resume",
        ) from None
    if not replicates:
        return before or planned.model_copy(update={"status": "no time"})
    compared = [one.number for one in best if str(one.number) in trainer.configs]
    confirmed = _compared(planned, trainer, compared, replicates, _ever_confirmed(study))
    seconds = time.monotonic() - started + (before.seconds if before else 0.0)
    confirmed = confirmed.model_copy(update={"seconds": seconds, "left_out": len(best) - len(compared)})
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
    needed = first_rounds(replicate_costs(study, config, space), config, jobs)
    return Confirmation(
        status="no candidate",
        seeds=tuple(fresh_seeds(config.seeds, config.tune.confirm_seeds)),
        folds_seed=fresh_shuffle(config),
        level=LEVEL,
        corrected_for=CANDIDATES,
        needed_seconds=needed[0] if needed else None,
        enough_seconds=enough_seconds(needed) if needed else None,
    )


def _covers(before: Confirmation, planned: Confirmation, best: "Sequence[FrozenTrial]") -> bool:
    """Return whether an earlier confirmation used the same seeds and folds for all of these trials."""
    same = (before.seeds, before.folds_seed) == (planned.seeds, planned.folds_seed)
    return same and {trial.number for trial in best} <= {one.trial for one in before.comparisons}


def _train(
    trainer: ReplicateTrainer, replicates: Sequence[Replicate], first: int, deadline: float | None
) -> list[Replicate]:
    """Return the replicates that every remaining configuration finished; none if the time is too short.

    The first round leaves configurations out, the last first, if the deadline is too near for all.
    """
    left = math.inf if deadline is None else max(0.0, deadline - time.monotonic())
    latest = None if deadline is None else time.monotonic() + OVERRUN * left
    trainer.keep_what_fits(replicates[:first], OVERRUN * left)
    if len(trainer.configs) < 2:
        return []
    trainer.train(replicates[:first], latest)
    trainer.keep_finished(replicates[:first])
    if len(trainer.configs) < 2:
        return []
    end = len(replicates) if deadline is not None else 2 * first
    # One replicate would leave many cores idle.
    step = max(1, trainer.jobs // sum(len(config.models) for config in trainer.configs.values()))
    stop = first
    while stop < end and trainer.alive() - {BASELINE} and BASELINE in trainer.alive():
        following = min(end, stop + step)
        seconds = trainer.seconds(replicates[:following])
        # Stored results take no time.
        if seconds and deadline is not None and time.monotonic() + seconds > deadline:
            break
        trainer.train(replicates[:following], latest)
        if trainer.missing(replicates[:following]):
            break
        stop = following
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
