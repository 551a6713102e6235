"""Confirm the best trials: compare them with the baseline on folds and seeds that the search did not use.

The best of many trials looks better than it is: part of its lead is luck with the folds and seeds of the
search. New folds and seeds do not share that luck.
"""

import time
from collections.abc import Iterable, Sequence
from itertools import count, islice
from typing import TYPE_CHECKING, Protocol

from pydantic import ValidationError

from kit.config import Source
from kit.data.dataset import Dataset
from kit.errors import InterruptedRunError
from kit.records import Comparison, Confirmation, Replicate, Screened
from kit.training.launch.base import Device, Event, Launcher
from kit.tuning.confirm import race
from kit.tuning.confirm.budget import enough_seconds
from kit.tuning.confirm.candidates import BASELINE, candidates, replicate_costs, shortest, value_of
from kit.tuning.confirm.race import Race
from kit.tuning.confirm.replicates import ReplicateTrainer
from kit.tuning.confirm.significance import LEVEL, winner
from kit.tuning.fidelity import search_folds
from kit.tuning.warm_start import SEEDS_ELSEWHERE

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial

    from kit.tuning.space import Space

ATTRIBUTE = "confirmation"
"""The user attribute of the study that stores the confirmation."""


class ProgressListener(race.Listener, Protocol):
    """Receives progress events of a confirmation."""

    def confirming(self, done: int, total: int) -> None:
        """Of the `total` trainings of a round or a look, `done` are finished."""

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
    """Train the best trials and the baseline on new folds and seeds, and compare them; see `Race`.

    Each result is stored: an interrupted confirmation resumes, a finished one is read back, and a later call
    with more time or better trials adds to it. An earlier winner competes with new candidates.

    Args:
        study: holds the trials and stores the results.
        source: the baseline.
        space: turns a trial's parameters into changes.
        dataset: the training rows.
        launcher: starts the workers.
        devices: one per member that is trained at once.
        deadline: by `time.monotonic()`; None: no limit.
        listener: receives progress events.

    Raises:
        InterruptedRunError: Ctrl-C; finished trainings are stored.
    """
    started, config = time.monotonic(), source.config
    costs = replicate_costs(study, config, space, len(devices))
    before = _before(study, source, shortest(costs, config, len(devices)))
    best = _contenders(study, space, before)
    if not best:
        return before
    trainer = ReplicateTrainer(
        study,
        {BASELINE: config}
        | {str(one.number): source.with_changes(space.changes(one.params)) for one in best},
        dataset,
        launcher=launcher,
        devices=devices,
        costs=costs,
        on_progress=listener.confirming,
        on_event=listener.replicate_acts,
    )
    # The search has used its seed, and the shuffle of seed 0.
    used = {0, *config.seeds, *study.user_attrs.get(SEEDS_ELSEWHERE, ())}
    seeds = fresh_seeds(used, race.ROUNDS + race.MOST_SEEDS)
    contest = Race(trainer, seeds, before.folds, config.tune.confirm_seeds, deadline, listener)
    try:
        screened = contest.screen({one.number: value_of(one) for one in best})
        compared = contest.compare([one.trial for one in screened], before.comparisons)
    except KeyboardInterrupt:
        raise InterruptedRunError(
            "interrupted during the confirmation; finished trainings are stored",
            hint="rerun the same command to resume",
        ) from None
    if not compared:
        return before.model_copy(update={"status": "no time", "left_out": len(best)})
    confirmed = _confirmed(before, screened, compared, seeds[: race.ROUNDS], config.folds.seed)
    if confirmed == before:
        return before
    update = {
        "more_seconds": contest.more_seconds(compared[-1]),
        "failed": {name: reason for name in trainer.configs if (reason := trainer.failure(name))},
        "seconds": before.seconds + time.monotonic() - started,
    }
    confirmed = confirmed.model_copy(update=update)
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


def _before(study: "Study", source: Source, needed: float | None) -> Confirmation:
    """Return the stored confirmation, or one before its first training."""
    folds = search_folds(source.config)
    before = stored_confirmation(study) or Confirmation(
        status="no candidate", folds=folds.count, shuffle=folds.seed, level=LEVEL
    )
    enough = None if needed is None else enough_seconds(needed)
    return before.model_copy(update={"needed_seconds": needed, "enough_seconds": enough})


def _contenders(study: "Study", space: "Space", before: Confirmation) -> "list[FrozenTrial]":
    """Return the candidates and the earlier winner, best in the search first."""
    best = candidates(study, space)
    known = {one.number for one in best}
    best += [
        one
        for one in study.get_trials(deepcopy=False)
        if one.number == before.winner and one.number not in known
    ]
    return sorted(best, key=lambda trial: (value_of(trial), trial.number))


def _confirmed(
    before: Confirmation,
    screened: Sequence[Screened],
    compared: Sequence[Comparison],
    rounds: Sequence[int],
    shuffle: int,
) -> Confirmation:
    """Return the confirmation with its comparisons and its winner.

    Args:
        before: that of the last call.
        screened: the candidates.
        compared: the comparisons.
        rounds: the seeds of the screening.
        shuffle: the seed of the shuffle of seed 0.
    """
    best, names = winner(compared), {one.trial for one in compared}
    used = sorted({*rounds, *(replicate.seed for one in compared for replicate in one.replicates)})
    return before.model_copy(
        update={
            "status": "none better" if best is None else "confirmed",
            "seeds": tuple(used),
            "shuffle": shuffle + used[-1] + 1,
            "screened": tuple(screened),
            "comparisons": tuple(compared),
            "winner": best,
            "left_out": sum(not one.losses and one.trial not in names for one in screened),
        }
    )
