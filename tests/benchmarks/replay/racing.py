"""The race of kit, on virtual time: its trainings are random draws."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Protocol
from unittest import mock

from kit.records import Comparison, Params, Replicate, ReplicateResult
from kit.training.plan import makespan
from kit.tuning.confirm import race, significance
from kit.tuning.confirm.candidates import BASELINE, JOBS_PER_WORKER, SHORTEST, candidates, value_of
from kit.tuning.confirm.race import Pair, Race
from kit.tuning.confirm.significance import winner
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

FOLDS = 2
STREAM = 2
"""Of the random numbers of a confirmation."""


class Clock:
    """Stands for the module `time`."""

    def __init__(self, now: float) -> None:
        self.now = now

    def monotonic(self) -> float:
        """Return the time."""
        return self.now


class Drawn(Protocol):
    """Draws the result of a training."""

    def __call__(self, name: str) -> ReplicateResult:
        """Return the result of a configuration."""


class VirtualTrainer:
    """A `race.Trainer`: each training takes `cost` seconds of a worker.

    Args:
        clock: is set forward.
        cost: seconds of a training.
        draw: returns its result.
    """

    def __init__(self, clock: Clock, cost: float, draw: Drawn) -> None:
        self._clock, self._cost, self._draw = clock, cost, draw
        self._results: dict[Pair, ReplicateResult] = {}

    def result(self, name: str, replicate: Replicate) -> ReplicateResult:
        """Return the result of a configuration in a replicate; one without a loss if it is missing."""
        return self._results.get((name, replicate)) or ReplicateResult()

    def missing(self, pairs: Iterable[Pair]) -> list[Pair]:
        """Return the pairs that are not trained yet."""
        return [pair for pair in dict.fromkeys(pairs) if pair not in self._results]

    def seconds(self, pairs: Iterable[Pair]) -> float:
        """Return how long the missing ones take."""
        return self._cost * -(-len(self.missing(pairs)) // WORKERS)

    def train(self, pairs: Sequence[Pair], until: float | None = None) -> None:
        """Train the missing ones; those that are unfinished at `until` stay missing."""
        started = self._clock.now
        for number, pair in enumerate(self.missing(pairs)):
            ends = started + self._cost * (number // WORKERS + 1)
            if until is not None and ends > until:
                self._clock.now = until
                return
            self._results[pair] = self._draw(pair[0])
            self._clock.now = ends


class _Silent:
    def screening(self, trials: Sequence[int]) -> None: ...
    def comparing(self, trial: int, seeds: int) -> None: ...


@dataclass(frozen=True)
class Confirmed:
    """A confirmation that has ended.

    Attributes:
        winner: number of the trial; None: none is confirmed.
        ended: when, in seconds.
        comparisons: of the race.
    """

    winner: int | None
    ended: float
    comparisons: tuple[Comparison, ...] = field(default=())


def replicate_seconds(folds: int) -> float:
    """Return the seconds of a training of a confirmation, which predicts once, at its end.

    A worker trains several in turn.
    """
    held_out = ROWS // folds
    return STARTUP / JOBS_PER_WORKER + EPOCHS * (ROWS - held_out) * TRAIN_ROW + held_out * PREDICT_ROW


def race_reserve(limit: float, confirming: Confirming) -> Reserve:
    """Return the time of a race: at least that of one comparison."""
    shortest = makespan([replicate_seconds(FOLDS)] * (2 * FOLDS * SHORTEST), WORKERS)
    return Reserve(shortest, max(shortest, confirming.reserve * limit))


def confirm_by_race(
    searched: Searched, world: World, confirming: Confirming, draws: Draws, deadline: float
) -> Confirmed:
    """Confirm the best trials of a search as `kit.tuning.confirm.confirmation` does."""
    best = candidates(searched.study, world.space, confirming.candidates)
    clock, random = Clock(searched.ended), draws.stream(STREAM)
    if not best:
        return Confirmed(None, clock.now)
    params: dict[str, Params] = {str(one.number): one.params for one in best}
    params[BASELINE] = world.space.baseline
    losses = {name: world.loss(one) for name, one in params.items()}

    def draw(name: str) -> ReplicateResult:
        errors = draws.blocks(0 if name == BASELINE else int(name), ROWS // FOLDS, random)
        blocks = losses[name] * (1 + errors)
        return ReplicateResult(loss=float(blocks.mean()), blocks=tuple(blocks.tolist()))

    with _constants(confirming, clock):
        seeds = range(confirming.rounds + race.MOST_SEEDS)
        trainer = VirtualTrainer(clock, replicate_seconds(FOLDS), draw)
        contest = Race(trainer, seeds, FOLDS, confirming.fewest, deadline, _Silent())
        screened = contest.screen({one.number: value_of(one) for one in best})
        compared = contest.compare([one.trial for one in screened], ())
    return Confirmed(winner(compared), clock.now, tuple(compared))


@contextmanager
def _constants(confirming: Confirming, clock: Clock) -> Iterator[None]:
    """Let the race run on virtual time and with the constants of a strategy."""
    with ExitStack() as stack:
        for module, name, value in (
            (race, "time", clock),
            (race, "ROUNDS", confirming.rounds),
            (race, "LOOK_SHARES", confirming.looks),
            (significance, "LOOK_SHARES", confirming.looks),
            (significance, "SAME_ROWS", confirming.same_rows),
            (significance, "SHARE", confirming.share),
        ):
            stack.enter_context(mock.patch.object(module, name, value))
        yield
