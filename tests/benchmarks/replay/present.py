"""The confirmation before the race: three candidates, five folds, Student's interval over folds.

As in kit/tuning/confirm of commit e37238e.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from statistics import fmean

from kit.metrics import student_interval
from kit.records import Replicate
from kit.training.plan import makespan
from kit.tuning.confirm.candidates import candidates
from tests.benchmarks.replay.racing import STREAM, Confirmed
from tests.benchmarks.replay.searching import WORKERS, Reserve, Searched
from tests.benchmarks.replay.strategies import (
    EPOCHS,
    PREDICT_ROW,
    ROWS,
    STARTUP,
    TRAIN_ROW,
    Confirming,
)
from tests.benchmarks.replay.world import Draws, World

CANDIDATES, SEEDS, FOLDS, LEVEL, FEWEST_FOLDS = 3, 3, 5, 0.05, 3
RESERVE_FOR_FOLDS, LONGEST_RESERVE, ENOUGH_REPLICATES = 0.45, 0.6, 5
OVERRUN = 1.1
HELD_OUT = ROWS // FOLDS
SECONDS = STARTUP + EPOCHS * ((ROWS - HELD_OUT) * TRAIN_ROW + HELD_OUT * PREDICT_ROW)
"""Of a training, which predicts the held-out rows after each epoch."""


def t_interval_reserve(limit: float, confirming: Confirming) -> Reserve:
    """Return the time of the confirmation."""
    needed = [_seconds(count, SEEDS) for count in range(1, CANDIDATES + 1)]
    first = max([needed[0], *(one for one in needed if one <= LONGEST_RESERVE * limit)])
    good = first * ENOUGH_REPLICATES / SEEDS
    return Reserve(needed[0], max(confirming.reserve * limit, first, min(good, RESERVE_FOR_FOLDS * limit)))


def confirm_by_t_interval(searched: Searched, world: World, draws: Draws, deadline: float) -> Confirmed:
    """Confirm the best trials of a search: as many as there is time for, with as many replicates."""
    best = candidates(searched.study, world.space, CANDIDATES)
    left = deadline - searched.ended
    while best and _seconds(len(best), SEEDS) > OVERRUN * left:
        best.pop()
    if not best:
        return Confirmed(None, searched.ended)
    replicates = _all_replicates(range(SEEDS), FOLDS)
    count = SEEDS
    # Each further replicate has a makespan of its own, as each is trained to its end before the next.
    ended = searched.ended + _seconds(len(best), SEEDS)
    while count < len(replicates) and ended + _seconds(len(best), 1) <= deadline:
        ended += _seconds(len(best), 1)
        count += 1
    random = draws.stream(STREAM)
    numbers = [0, *(one.number for one in best)]
    losses = [world.loss(world.space.baseline), *(world.loss(one.params) for one in best)]
    measured = {
        number: [loss * (1 + float(draws.blocks(number, HELD_OUT, random).mean())) for _ in range(count)]
        for number, loss in zip(numbers, losses, strict=True)
    }
    folds = [one.fold for one in replicates[:count]]
    better = [
        (mean, number)
        for number in numbers[1:]
        for mean, high in [_interval(folds, measured[number], measured[0])]
        if high < 0
    ]
    return Confirmed(min(better)[1] if better else None, ended)


def _seconds(candidates_count: int, replicates: int) -> float:
    return makespan([SECONDS] * ((candidates_count + 1) * replicates), WORKERS)


def _all_replicates(seeds: Sequence[int], folds: int) -> list[Replicate]:
    both = math.lcm(len(seeds), folds)
    return [Replicate(seeds[n % len(seeds)], (n + n // both) % folds) for n in range(len(seeds) * folds)]


def _interval(folds: Sequence[int], own: Sequence[float], baseline: Sequence[float]) -> tuple[float, float]:
    """Return the mean difference over folds and the upper end of its interval."""
    by_fold: dict[int, list[float]] = defaultdict(list)
    for fold, loss, other in zip(folds, own, baseline, strict=True):
        by_fold[fold].append(loss - other)
    if len(by_fold) < FEWEST_FOLDS:
        return 0.0, math.inf
    mean, _, high = student_interval([fmean(one) for one in by_fold.values()], 1 - LEVEL / CANDIDATES)
    return mean, high
